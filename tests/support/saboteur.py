"""Makes actors crash or wait on purpose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio

from actors.core import Actor, Message

Method = Callable[..., Awaitable[Any]]


class Boom(Exception):
    """A bug."""


@dataclass
class Saboteur:
    """Makes a method of the actors of one class fail or wait, when it is told to.

    Only the actor at `path` is meant; each order of `crash` counts for one call.
    """

    monkeypatch: pytest.MonkeyPatch
    kind: type[Actor[Any]]
    path: str
    crashes: dict[str, int] = field(default_factory=dict)
    gate: trio.Event | None = None  # while it is there, handlers wait for it
    waiting: int = 0
    handled: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        for phase in ("setup", "handle", "teardown"):
            original: Method = getattr(self.kind, phase)
            self.monkeypatch.setattr(self.kind, phase, self._rigged(phase, original))

    def crash(self, phase: str, times: int = 1) -> None:
        """Have the next calls of this method raise Boom."""
        self.crashes[phase] = times

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Have handlers wait until the block ends."""
        self.gate = trio.Event()
        try:
            yield
        finally:
            self.gate.set()
            self.gate = None

    def _rigged(self, phase: str, original: Method) -> Method:
        async def method(actor: Actor[Any], *arguments: Any) -> Any:
            if actor.ctx.self_ref.path != self.path:
                return await original(actor, *arguments)
            if self.crashes.get(phase, 0):
                self.crashes[phase] -= 1
                raise Boom("a secret")
            if phase == "handle" and self.gate is not None:
                self.waiting += 1
                await self.gate.wait()
            result = await original(actor, *arguments)
            if phase == "handle":
                self.handled.append(arguments[0])
            return result

        return method
