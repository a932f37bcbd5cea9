"""A job: what the server itself does with the streams of a room, such as recording them.

A job is a child of the room, which supervises it. It begins when it is spawned, takes what it is
told to, and ends when it is stopped or by itself; either way it finishes its work first, within the
grace of its spec. It is never restarted: half of a work cannot be taken up again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from actors.core import Actor, ActorStopped, MailboxFull, Message, ReplyTo, Request
from actors.streams.media_errors import PATH_REFUSALS
from actors.streams.wiring import NotWired, Wiring
from media.contract.engine import MediaEngine
from media.contract.paths import MediaPath, PathFailure, PathTrouble

MEASURE_SECONDS = 1.0  # between looks at how far it is, for the tree page

Taken = Mapping[str, tuple[str | None, bool]]
"""By kind, the engine's id of the source, and whether it flows."""


@dataclass(frozen=True, slots=True)
class Take(Message):
    """Take this from now on, instead of all that was taken before; other kinds are silent."""

    sources: Taken


@dataclass(frozen=True, slots=True)
class StopJob(Request[object]):
    """End it; answered with its `result` when its work is finished."""

    reason: str = "stopped"


@dataclass(frozen=True, slots=True)
class MeasureWork(Message):
    """The timer: look how far it is."""


@dataclass(frozen=True, slots=True)
class WorkEnded(Message):
    """The media layer has told the end of the work: there is nothing left to finish."""

    reason: str


class Job(Actor[Message]):
    """A kind of job says how to `begin`, `measure` and `finish` the work, and what its `result` is.

    `taken` is what it was told last.
    """

    accepts: ClassVar[tuple[type[Message], ...]] = (Take, StopJob, MeasureWork, WorkEnded, NotWired)

    def __init__(self, id: str, engine: MediaEngine, taken: Taken) -> None:
        self.id = id
        self.engine = engine
        self.taken = dict(taken)
        self._sinks: Mapping[str, str] = {}
        self._askers: list[ReplyTo[object]] = []

    @abstractmethod
    async def begin(self) -> Mapping[str, str] | None:
        """Begin; return the engine's ids of its sinks by kind, None if there will be no work."""

    @abstractmethod
    async def measure(self) -> None:
        """Look how far the work is; called once a second."""

    @abstractmethod
    async def finish(self, reason: str) -> None:
        """Have the work finished, unless it has ended: its end is told by `ended`."""

    @abstractmethod
    def not_changed(self, reason: str) -> None:
        """Note that it does not take what it should; mostly it, or a source, is just ending."""

    @property
    @abstractmethod
    def result(self) -> object:
        """What has become of the work so far."""

    def ended(self, reason: str) -> None:
        """Take that the work is over. Neither waits nor raises: the media layer may call it."""
        try:
            self.ctx.self_ref.tell(WorkEnded(reason))
        except MailboxFull:
            self.ctx.stop(reason)
        except ActorStopped:
            return  # its teardown is what ended it

    async def setup(self) -> None:
        self._wiring = Wiring(self, self.engine)
        sinks = await self.begin()
        if sinks is not None:
            self._sinks = sinks
            self.ctx.tell_self_after(MEASURE_SECONDS, MeasureWork())

    async def handle(self, message: Message) -> object:
        match message:
            case Take(sources):
                self.taken = dict(sources)
                self._wiring.want(
                    self.id,
                    {
                        kind: MediaPath(sink, *sources.get(kind, (None, False)))
                        for kind, sink in self._sinks.items()
                    },
                )
            case NotWired(failures):
                for _, _, failure in failures:
                    self._go_on_without(failure)
            case MeasureWork():
                await self.measure()
                self.ctx.tell_self_after(MEASURE_SECONDS, MeasureWork())
            case StopJob(reason):
                if not self._askers:
                    self.ctx.start_task(self.finish, reason, name="finish")
                self._askers.append(self.ctx.defer())
            case WorkEnded(reason):
                self.ctx.stop(reason)
        return None

    def _go_on_without(self, failure: PathFailure | None) -> None:
        """Note a path that is not as it should be; end where it may carry what is held by now."""
        self.not_changed("MediaTimeout" if failure is None else PATH_REFUSALS[failure.why])
        if failure is None or failure.why is PathTrouble.BUG:
            self.ctx.stop("media_lost")

    async def teardown(self, reason: str) -> None:
        """Have the work finished, within the grace."""
        if self._sinks:
            await self.finish(reason)
        for asker in self._askers:
            asker.reply(self.result)
