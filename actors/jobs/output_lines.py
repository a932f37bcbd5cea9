"""What streams out, watched views and analytics of a room have in common: the life of a line.

A line has an output of the conference and the actor of a job. It begins once the conference has
taken the output, is told anew whenever what it takes has changed, and ends with its job, with its
sources, by hand, or because what its caller waits for does not come in time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, Generic, TypeVar

from actors.core import (
    Actor,
    ActorStopped,
    ChildSpec,
    Down,
    Message,
    Ref,
    Refused,
    ReplyTo,
    Timer,
)
from actors.jobs.media_job import DoWork
from actors.streams.feed_paths import FeedPaths
from actors.streams.outputs import Output
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.words.refusals import Busy
from media.contract.jobs import JobWanted

LOOK_SECONDS = 0.5  # between looks whether somebody waits for one that does not flow yet


@dataclass(frozen=True, slots=True)
class OutputDue(Message):
    """The timer of a line; void once there is no such line."""

    id: str


@dataclass(slots=True, kw_only=True)
class OutputLine:
    """One line. Without `ref` its actor is just being spawned; `asker` waits for it to flow.

    `due` is when that must be so, `timer` the next look; `end` is why it ends, if it does now.
    """

    id: str
    work: DoWork
    asker: ReplyTo[Any] | None = None
    due: float = inf
    timer: Timer | None = None
    ref: Ref[Message] | None = None
    end: str = "source_lost"


Line = TypeVar("Line", bound=OutputLine)


class OutputLines(ABC, Generic[Line]):
    """Belongs to one room, whose handlers call it; `forget` what the conference has dropped.

    Where one is to be ended, its id is returned: the room has the conference end it.
    """

    __slots__ = ("_conference", "_lines", "_media", "_paths", "_room")

    prefix: ClassVar[str]  # of the ids of jobs
    gone: ClassVar[str] = "its streams or the room have ended"
    job_ended: ClassVar[str] = "its process has ended"
    not_in_time: ClassVar[str] = "it did not begin in time"
    refusal: ClassVar[type[Refused]] = Busy  # of whoever waits for one, with one of these texts

    def __init__(
        self,
        room: Actor[Message],
        conference: Conference,
        media: MediaServices,
        paths: FeedPaths,
    ) -> None:
        self._room = room
        self._conference = conference
        self._media = media
        self._paths = paths
        self._lines: dict[str, Line] = {}

    def __contains__(self, id: object) -> bool:
        return id in self._lines

    def rewire(self, id: str) -> None:
        """Tell one what it takes now, also where its sources are new ones under the same ids.

        Raises MailboxFull.
        """
        line = self._lines[id]
        output = self._output(id)
        paths = {kind: self._paths.path(id, kind) for kind in output.sources}
        line.work = work = DoWork(self._wanted(line, output), paths)
        if line.ref is not None:
            with suppress(ActorStopped):  # its Down is on the way
                line.ref.tell(work)

    def look(self, due: OutputDue) -> str | None:
        """See whether one that does not flow yet may go on; return it if it is to be ended."""
        line = self._lines.get(due.id)
        if line is None or line.asker is None:
            return None
        if not line.asker.done and self._room.ctx.now() < line.due:
            self._look_later(line)
            return None
        line.end = "caller_left" if line.asker.done else "not_in_time"
        self._refuse(line, self.not_in_time)
        return line.id

    def miss(self, down: Down) -> str | None:
        """Take that a job has ended by itself; return which one, if it was one of these."""
        for line in self._lines.values():
            if line.ref == down.ref:
                self._refuse(line, self.job_ended)
                return line.id
        return None

    def end(self, id: str, asker: ReplyTo[None]) -> None:
        """Forget one that is ended by whoever asks; answer when nothing of it is left."""
        self._lines[id].end = "deleted"
        self.forget(id, asker)

    def forget(self, id: str, asker: ReplyTo[None] | None = None) -> None:
        """Forget one that has ended or is to end; answer when nothing of it is left."""
        line = self._lines.pop(id)
        self._paths.forget(id)
        if line.timer is not None:
            line.timer.cancel()
        self._refuse(line, self.gone)
        self._room.ctx.start_task(self._stop, line, asker, name="end")

    def close(self) -> None:
        """Refuse those who wait, now that the room ends; the jobs end with it."""
        for line in self._lines.values():
            self._refuse(line, self.gone)

    # --- what each kind says of itself

    @abstractmethod
    def _output(self, id: str) -> Output:
        """Return what the conference has taken for a line."""

    @abstractmethod
    def _wanted(self, line: Line, output: Output) -> JobWanted:
        """Return what the process of a line is to do now."""

    @abstractmethod
    def _spec(self, line: Line) -> ChildSpec:
        """Return how to spawn the actor of a line."""

    async def _finish(self, line: Line) -> None:
        """Have the job of a line bring to an end what takes time."""

    # --- inside

    def _line_of(self, job: str) -> Line | None:
        """Return the line of the job with this id, None where it is none of these."""
        return self._lines.get(job.removeprefix(self.prefix))

    def _begin(self, line: Line) -> None:
        self._lines[line.id] = line
        if line.asker is not None:
            self._look_later(line)
        self._room.ctx.start_task(self._spawn, line, name="starting")

    def _look_later(self, line: Line) -> None:
        ctx = self._room.ctx
        left = max(0.0, line.due - ctx.now())
        line.timer = ctx.tell_self_after(min(LOOK_SECONDS, left), OutputDue(line.id))

    def _refuse(self, line: Line, why: str) -> None:
        if line.asker is not None:
            line.asker.refuse(self.refusal(why))

    async def _spawn(self, line: Line) -> None:
        ctx = self._room.ctx
        if self._lines.get(line.id) is not line:
            return  # it has ended already
        with suppress(ActorStopped):  # the room ends
            line.ref = ref = await ctx.spawn(self._spec(line))
            ctx.watch(ref)
            ref.tell(line.work)

    async def _stop(self, line: Line, asker: ReplyTo[None] | None) -> None:
        if line.ref is not None:
            self._room.ctx.unwatch(line.ref)
            await self._finish(line)
            await self._room.ctx.stop_child(line.ref, line.end)
        if asker is not None:
            asker.reply(None)
