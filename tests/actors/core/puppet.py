"""An actor that does what its tests tell it, and keeps a diary they can read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog.testing
import trio

from actors.core import (
    Actor,
    ActorCrashed,
    ActorSystem,
    ChildSpec,
    Down,
    Message,
    Ref,
    Request,
    Restart,
)

Act = Callable[["Puppet"], Awaitable[object]]


class Boom(Exception):
    """A bug."""


@dataclass(frozen=True, slots=True)
class Note(Message):
    """Write this into the diary."""

    text: str


@dataclass(frozen=True, slots=True)
class Do(Request[Any]):
    """Run this inside the actor; the answer is what it returns."""

    act: Act


class Puppet(Actor[Message]):
    """Runs `Do`, notes `Note` and what happens to it. The diary outlives its incarnations."""

    accepts = (Note, Do)

    def __init__(
        self,
        diary: list[str] | None = None,
        *,
        on_setup: Act | None = None,
        on_note: Act | None = None,
        on_teardown: Act | None = None,
    ) -> None:
        self.diary = [] if diary is None else diary
        self.on_setup = on_setup
        self.on_note = on_note
        self.on_teardown = on_teardown
        self.downs: list[Down] = []

    @property
    def name(self) -> str:
        return self.ctx.self_ref.name

    async def setup(self) -> None:
        self.diary.append(f"{self.name} setup")
        if self.on_setup is not None:
            await self.on_setup(self)

    async def handle(self, message: Message) -> object:
        if isinstance(message, Do):
            return await message.act(self)
        if isinstance(message, Note):
            self.diary.append(message.text)
            if self.on_note is not None:
                await self.on_note(self)
        return None

    async def on_down(self, down: Down) -> None:
        self.downs.append(down)
        again = " restarting" if down.restarting else ""
        self.diary.append(f"{self.name} sees {down.ref.name} down: {down.reason}{again}")

    async def teardown(self, reason: str) -> None:
        self.diary.append(f"{self.name} teardown: {reason}")
        if self.on_teardown is not None:
            await self.on_teardown(self)


def puppet(
    name: str,
    diary: list[str] | None = None,
    *,
    restart: Restart = Restart.TEMPORARY,
    grace: float = 5.0,
    mailbox: int = 256,
    **hooks: Act,
) -> ChildSpec:
    """Return the spec of a puppet."""
    return ChildSpec(name, partial(Puppet, diary, **hooks), restart, grace, mailbox)


def found(system: ActorSystem, path: str) -> Ref[Any]:
    """Return the live actor at a path."""
    ref = system.registry.find(path)
    assert ref is not None, path
    return ref


async def do(ref: Ref[Any], act: Act, *, within: float = 5.0) -> Any:
    """Run something inside a puppet."""
    return await ref.ask(Do(act), within=within)


async def boom(_puppet: Puppet) -> None:
    """Crash."""
    raise Boom("a secret")


async def crash(ref: Ref[Any]) -> None:
    """Crash a puppet, and wait until that has happened."""
    try:
        await do(ref, boom)
    except ActorCrashed:
        return
    raise AssertionError("did not crash")


async def hang(_puppet: Puppet) -> None:
    """Never return."""
    await trio.sleep_forever()


async def quiet(_puppet: Puppet) -> None:
    """Return once everything told before has been handled."""


def spawning(spec: ChildSpec) -> Act:
    """Return an act that spawns a child and answers its ref."""

    async def act(puppet: Puppet) -> Ref[Any]:
        return await puppet.ctx.spawn(spec)

    return act


def watching(ref: Ref[Any]) -> Act:
    """Return an act that watches an actor."""

    async def act(puppet: Puppet) -> None:
        puppet.ctx.watch(ref)

    return act


def asking(ref: Ref[Any], request: Request[Any], *, within: float = 5.0) -> Act:
    """Return an act that asks another actor."""

    async def act(_puppet: Puppet) -> object:
        return await ref.ask(request, within=within)

    return act


async def incarnation(puppet: Puppet) -> int:
    """Answer the number of the incarnation."""
    return puppet.ctx.incarnation


@contextmanager
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """Collect what is logged meanwhile."""
    with structlog.testing.capture_logs() as lines:
        yield lines
