"""What outputs take, brought about in the engine beside the actor they belong to.

The actor, a room or a job, says what each of its outputs shall take, and goes on. A helper task
hands the engine all that was said meanwhile in one call, then the next. So what was said last of an
output counts, nothing that was said earlier comes after it, there is never more than one call under
way, and no more waits than there are outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import trio

from actors.core import Actor, ActorStopped, Message
from media.contract.engine import MediaEngine
from media.contract.errors import MediaTimeout
from media.contract.paths import MediaPath, PathFailure

WIRE_SECONDS = 10.0  # for one call of the engine
OUTPUTS_AT_ONCE = 1000

Paths = Mapping[str, MediaPath]
"""What one output takes, by kind."""

Failed = tuple[str, str, PathFailure | None]
"""An output, one of its kinds, and what of it failed: None where the engine was too slow."""


@dataclass(frozen=True, slots=True)
class NotWired(Message):
    """Some paths were not brought about."""

    failures: tuple[Failed, ...]


class Wiring:
    """Belongs to one actor, which accepts NotWired."""

    __slots__ = ("_at_work", "_engine", "_owner", "_wanted")

    def __init__(self, owner: Actor[Message], engine: MediaEngine) -> None:
        self._owner = owner
        self._engine = engine
        self._wanted: dict[str, Paths] = {}  # by output
        self._at_work = False

    def want(self, output: str, paths: Paths) -> None:
        """Have an output take this from now on, instead of all that was wanted before.

        Nothing of an actor that is ending: so are its outputs.
        """
        self._wanted[output] = paths
        if not self._at_work:
            with suppress(ActorStopped):
                self._owner.ctx.start_task(self._bring_about, name="wiring")
                self._at_work = True

    def forget(self, output: str) -> None:
        """Leave alone what an output was to take: it has ended."""
        self._wanted.pop(output, None)

    async def _bring_about(self) -> None:
        while self._wanted:
            some = list(islice(self._wanted, OUTPUTS_AT_ONCE))
            failures = await self._wire({output: self._wanted.pop(output) for output in some})
            if failures:
                with suppress(ActorStopped):
                    await self._owner.ctx.self_ref.send(NotWired(failures))
        self._at_work = False

    async def _wire(self, wanted: Mapping[str, Paths]) -> tuple[Failed, ...]:
        ends = {
            path.sink: (output, kind)
            for output, paths in wanted.items()
            for kind, path in paths.items()
        }
        every = [path for paths in wanted.values() for path in paths.values()]
        with trio.move_on_after(WIRE_SECONDS), suppress(MediaTimeout):
            failures = await self._engine.wire(every)
            return tuple((*ends[failure.sink], failure) for failure in failures)
        return tuple((output, kind, None) for output, kind in ends.values())
