"""A media job: a process of the media layer, kept at its work for a room.

Its room tells it what it shall do, as a whole each time, and tells it again whatever changes. A
helper task brings the process there: that may take seconds, and only the latest word counts. A
process that ends by itself is started again, a few times; then the job ends. Where processes end of
the same input, a mix goes on without that. It is no `Job`: nothing is finished when it is stopped,
and its work can be taken up again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import msgspec
import trio

from actors.core import Actor, ActorStopped, ChildSpec, MailboxFull, Message, Ref, Restart
from actors.jobs.process_deaths import ProcessDeaths
from actors.streams.media_errors import PATH_REFUSALS
from actors.streams.wiring import NotWired, Wiring
from media.contract.engine import MediaEngine
from media.contract.errors import MediaError, NoCapacity, RouterFull, UnknownJob
from media.contract.jobs import (
    InputSlowed,
    JobEnded,
    JobEvent,
    JobFigures,
    JobWanted,
    MixWanted,
    WorkEvent,
    sink_of,
)
from media.contract.paths import MediaPath, PathTrouble

GRACE_SECONDS = 8.0  # more than the engine takes to end a process
CHANGES, CHANGES_SECONDS = 10, 1.0  # so many changes at most that a process is told in that time
LEAST_WAIT = 0.001  # seconds; by less, a clock that stands meanwhile may not advance
RETRY_SECONDS = 5.0  # until a change is tried again for which there was no room
NO_ROOM = (NoCapacity, RouterFull)

Paths = Mapping[str, tuple[str | None, bool]]
"""By input, the engine's id of its source, and whether it flows."""


@dataclass(frozen=True, slots=True)
class DoWork(Message):
    """Do this from now on, with these inputs, instead of all that was told before."""

    wanted: JobWanted
    paths: Paths


@dataclass(frozen=True, slots=True)
class JobRuns(Message):
    """The fact told to the room: the process does this now, and its sources are there."""

    id: str
    wanted: JobWanted


@dataclass(frozen=True, slots=True)
class JobNoted(Message):
    """The fact told to the room: what a process has heard or seen."""

    id: str
    event: WorkEvent


@dataclass(frozen=True, slots=True)
class ProcessTold(Message):
    """What the process told that was started as this one; from the media layer only."""

    number: int
    event: WorkEvent | JobEnded


@dataclass(frozen=True, slots=True)
class TryAgain(Message):
    """The timer of a change for which there was no room."""


class MediaJob(Actor[Message]):
    """Ends by itself where its process cannot be started, or not kept; the reason says why."""

    accepts: ClassVar[tuple[type[Message], ...]] = (DoWork, ProcessTold, NotWired, TryAgain)

    def __init__(self, id: str, engine: MediaEngine, room: Ref[Any]) -> None:
        self.id = id
        self._engine = engine
        self._room = room
        self._wanted: JobWanted | None = None
        self._paths: Paths = {}
        self._running: JobWanted | None = None  # what the process does
        self._number = 0  # of processes so far
        self._ended = -1  # which of them has ended last
        self._at_work = False
        self._tries_again = False
        self._deaths = ProcessDeaths()
        self._died_of = ""  # the input of which the last process did, if that is known
        self._changes: deque[float] = deque(maxlen=CHANGES)  # when it was told the last ones
        self._figures = JobFigures()
        self._slowed: set[str] = set()  # inputs of which that is known

    async def setup(self) -> None:
        self._wiring = Wiring(self, self._engine)

    async def handle(self, message: Message) -> None:
        match message:
            case DoWork(wanted, paths):
                self._wanted, self._paths = wanted, paths
                self._slowed &= {it.id for it in wanted.inputs}
                self._wire()
                self._get_to_work()
            case ProcessTold(number, event) if number == self._number:
                self._hear(event)
            case NotWired(failures):
                for _, _, failure in failures:
                    self._go_on_without(None if failure is None else failure.why)
            case TryAgain():
                self._tries_again = False
                self._get_to_work()

    async def teardown(self, reason: str) -> None:
        if self._number:
            with suppress(UnknownJob):  # it has ended already
                await self._engine.close_job(self.id, reason)

    def snapshot(self) -> Mapping[str, object]:
        return {
            "running": self._running is not None and not self._has_ended,
            "inputs": 0 if self._wanted is None else len(self._wanted.inputs),
            "processes": self._number,
            **msgspec.structs.asdict(self._figures),
        }

    # --- what kinds of jobs may do in another way

    async def runs(self, wanted: JobWanted) -> None:
        """Take that the process does this now, and that its sources are there."""
        with suppress(ActorStopped):
            await self._room.send(JobRuns(self.id, wanted))

    def begin_anew(self) -> None:
        """Take that a process has ended, and another one is started in its place."""

    def no_room(self, error: MediaError) -> str | None:
        """Return why the job ends where there is no room for it, None if it goes on as it was."""
        return str(error) if self._running is None else None

    def hear(self, event: WorkEvent) -> None:
        """Take what the work in the process tells."""
        with suppress(ActorStopped, MailboxFull):  # there is more to come
            self._room.tell(JobNoted(self.id, event))

    # --- the process

    @property
    def _has_ended(self) -> bool:
        """Whether the last process that was started is gone."""
        return self._ended == self._number

    @property
    def _aim(self) -> JobWanted | None:
        """What is wanted last, without the inputs of which processes die."""
        return None if self._wanted is None else self._deaths.without(self._wanted)

    def _get_to_work(self) -> None:
        if not self._at_work and (self._has_ended or self._aim != self._running):
            self._at_work = True
            self.ctx.start_task(self._bring_about, name="process")

    async def _bring_about(self) -> None:
        """Have the process do what is wanted last, and another one if it has ended."""
        while (wanted := self._aim) is not None and (self._has_ended or wanted != self._running):
            if self._has_ended:
                self._running = None
                if not self._may_go_on():
                    return
                self.begin_anew()
                wanted = self._aim or wanted
            elif (seconds := self._until_next_change()) > 0:
                await trio.sleep(seconds)
                continue
            try:
                if self._running is None:
                    await self._open(wanted)
                else:
                    self._changes.append(self.ctx.now())
                    await self._engine.change_job(self.id, wanted)
            except NO_ROOM as error:
                why = self.no_room(error)
                if why is not None:
                    self.ctx.stop(why)
                    return
                self.ctx.log.warning("job.not_changed", job=self.id, reason=type(error).__name__)
                if not self._tries_again:  # one timer, however often it is told something else
                    self._tries_again = True
                    self.ctx.tell_self_after(RETRY_SECONDS, TryAgain())
                break
            except MediaError as error:
                await self._end(error)
                continue
            self._running = wanted
            self._wire()
            await self.runs(wanted)
        self._at_work = False

    async def _open(self, wanted: JobWanted) -> None:
        self._number += 1
        await self._engine.open_job(self.id, wanted, partial(self._take, self._number))
        self.ctx.log.info("job.started", job=self.id, number=self._number)

    async def _end(self, error: MediaError) -> None:
        """Be rid of a process that does not do what it should, or that could not be started."""
        self.ctx.log.warning("job.failed", job=self.id, reason=type(error).__name__)
        self._ended = self._number
        with suppress(MediaError):
            await self._engine.close_job(self.id, "failed")

    def _until_next_change(self) -> float:
        """Return in how many seconds the process may be told of a change."""
        if len(self._changes) < CHANGES:
            return 0.0
        seconds = self._changes[0] + CHANGES_SECONDS - self.ctx.now()
        return seconds if seconds > LEAST_WAIT else 0.0

    def _may_go_on(self) -> bool:
        """Note the end of a process; return whether another one may take its place."""
        input, self._died_of = self._died_of, ""
        known = isinstance(self._wanted, MixWanted)  # the others have but one
        if self._deaths.note(self.ctx.now(), input if known else ""):
            stream = self._publisher(input)
            self.ctx.log.warning("job.input_left_out", job=self.id, input=input, stream=stream)
        if not self._deaths.too_many:
            return True
        self.ctx.stop("processes end too often")
        return False

    def _publisher(self, input: str) -> str:
        """Return the stream that an input takes from, "" if it is not wanted any more."""
        inputs = () if self._wanted is None else self._wanted.inputs
        return next((it.publisher for it in inputs if it.id == input), "")

    def _take(self, number: int, event: JobEvent) -> None:
        """Take what a process tells. Called by the media layer, so it neither waits nor raises."""
        if isinstance(event, JobFigures):
            self._figures = event
            return
        if isinstance(event, JobEnded) and number == self._number:
            self._died_of = event.input
        try:
            self.ctx.self_ref.tell(ProcessTold(number, event))
        except MailboxFull:
            if isinstance(event, JobEnded):
                self.ctx.stop("too_slow")
        except ActorStopped:
            return  # its teardown is what ended it

    def _hear(self, event: WorkEvent | JobEnded) -> None:
        match event:
            case JobEnded(reason, detail, input):
                if not self._has_ended:
                    self.ctx.log.warning(
                        "job.ended", job=self.id, reason=reason, detail=detail, input=input
                    )
                self._ended = self._number
                self._get_to_work()
            case InputSlowed(input):
                self._note_slowed(input)
            case _:
                self.hear(event)

    def _note_slowed(self, input: str) -> None:
        """Log it once of an input."""
        stream = self._publisher(input)
        if stream and input not in self._slowed:
            self._slowed.add(input)
            self.ctx.log.warning("job.input_slowed", job=self.id, input=input, stream=stream)

    # --- its inputs

    def _wire(self) -> None:
        """Have the inputs that are there take what they shall, the others nothing."""
        if self._running is None:
            return
        paths = {it.id: self._paths.get(it.id, (None, False)) for it in self._running.inputs}
        self._wiring.want(
            self.id,
            {name: MediaPath(sink_of(self.id, name), *path) for name, path in paths.items()},
        )

    def _go_on_without(self, why: PathTrouble | None) -> None:
        """Note a path that is not as it should be; end where it may carry what is held by now."""
        if why in (PathTrouble.SOURCE_GONE, PathTrouble.SINK_GONE):
            return  # it is just ending
        reason = "MediaTimeout" if why is None else PATH_REFUSALS[why]
        self.ctx.log.warning("job.not_wired", job=self.id, reason=reason)
        if why in (None, PathTrouble.BUG):
            self.ctx.stop("media_lost")


def media_job_spec(job: type[MediaJob], id: str, engine: MediaEngine, room: Ref[Any]) -> ChildSpec:
    """Return how to spawn a job of a room, which accepts JobRuns and JobNoted.

    `id` is unique in the engine: the ids of its sinks and sources begin with it.
    """
    return ChildSpec(id, partial(job, id, engine, room), Restart.TEMPORARY, grace=GRACE_SECONDS)
