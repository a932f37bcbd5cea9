"""The processes of a room: one for each view and each target that somebody takes.

One begins with its first taker and ends some seconds after the last. A room has it started, told
what to do and stopped beside its own work; until it runs there is nothing to take of it.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from actors.core import (
    Actor,
    ActorStopped,
    Down,
    MailboxFull,
    Message,
    Ref,
    Timer,
)
from actors.jobs.media_job import DoWork, JobNoted, JobRuns, MediaJob, media_job_spec
from actors.jobs.mix import Mix, mix_wanted, sound_for, stream_of
from actors.jobs.transcode import Transcode, transcode_wanted
from actors.streams.alternatives import parameters_sent, video_target_of
from actors.streams.media_errors import asked
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.outputs import Output
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.streams.takers import Feed, ProcessKey
from actors.words.streams import Resolution
from media.contract.jobs import (
    COMMON,
    PICTURE,
    ActiveInput,
    JobWanted,
    MixWanted,
    PictureSeen,
    WorkEvent,
    source_of,
)

IDLE_SECONDS = 10.0  # that a process is kept for whoever comes next, or counts without a source


@dataclass(frozen=True, slots=True)
class JobIdle(Message):
    """The timer of a process that nobody takes of."""

    id: str


@dataclass(frozen=True, slots=True)
class PrimaryDue(Message):
    """The timer of a view: who speaks is to come into the first region."""

    mix: str


@dataclass(slots=True)
class ProcessLine:
    """One process. Without `ref` its actor is just being spawned; `running` is what it does."""

    id: str
    key: ProcessKey
    work: DoWork
    ref: Ref[Message] | None = None
    running: JobWanted | None = None
    idle: Timer | None = None


Ends = Callable[[str, str], str | None]
"""Return what the engine has of a stream's track of a kind: an id, or parameters."""


class RoomProcesses:
    """Belongs to one room, whose handlers call it and carry out what it returns.

    `ends` are the engine's ids of what members send, `fmtp` the parameters of its codecs.
    """

    __slots__ = (
        "_by_id", "_conference", "_ends", "_fmtp", "_lines", "_media", "_moves", "_room", "_stopped"
    )  # fmt: skip

    def __init__(
        self,
        room: Actor[Message],
        conference: Conference,
        media: MediaServices,
        ends: Ends,
        fmtp: Ends,
    ) -> None:
        self._room = room
        self._conference = conference
        self._media = media
        self._ends = ends
        self._fmtp = fmtp
        self._lines: dict[ProcessKey, ProcessLine] = {}
        self._by_id: dict[str, ProcessLine] = {}
        self._moves: dict[str, Timer] = {}  # by view
        most = media.stream_limits.processes_per_room
        self._stopped: deque[float] = deque(maxlen=most)  # when, for they had no source any more

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._lines)

    async def check(self, output: Output, *others: JobWanted) -> None:
        """See whether there is room for what an output needs and is not there yet, and `others`.

        Raises NoCapacity, also for more than one room may have: others need some, too.
        """
        takers = self._conference.takers
        feeds = tuple(self._conference.feeds_of(output).values())
        keys = dict.fromkeys(key for feed in feeds for key in takers.processes(feed))
        missing = [key for key in keys if key not in self._lines]
        # Those that are idle count, too, and those that have lost their source just now: it bounds
        # how many begin while somebody changes his mind.
        stopped = sum(self._now - at < IDLE_SECONDS for at in self._stopped)
        free = self._media.stream_limits.processes_per_room - len(self._lines) - stopped
        wanted = [self._work(key, *feeds).wanted for key in missing]
        if wanted or others:
            await asked(
                self._media.engine.check_jobs([*wanted, *others], at_most=free + len(others))
            )

    def source_of(self, feed: Feed) -> str | None:
        """Return the engine's id of what sends a feed, None while it is not there."""
        key = self._conference.takers.maker(feed)
        if key is None:
            return self._ends(feed.stream, feed.kind)
        line = self._lines.get(key)
        name = None if line is None else _name(line.running, feed)
        return None if line is None or name is None else source_of(line.id, name)

    def refresh(self) -> None:
        """Have the processes be and do what the conference needs by now."""
        takers = self._conference.takers
        while takers.stale:
            keys = tuple(takers.stale)
            takers.stale.clear()
            for key in keys:
                self._look_at(key)
        for line in tuple(self._lines.values()):
            if line.idle is not None and not self._has_source(line.key):
                self._stop_without_source(line)

    def hear(self, message: JobRuns | JobNoted | JobIdle | PrimaryDue) -> Outcome:
        """Take what a process, or a timer of one, tells."""
        if isinstance(message, PrimaryDue):
            self._moves.pop(message.mix, None)
            if message.mix not in self._conference.mixing.views:
                return NOTHING  # that view is gone
            return self._moved(message.mix, self._conference.move(message.mix, self._now))
        line = self._by_id.get(message.id)
        if line is None:
            return NOTHING
        match message:
            case JobRuns(_, wanted):
                line.running = wanted
                if not isinstance(line.key, Feed):
                    self.retell(line.key)
                return Outcome(rewired=self._conference.takers.of_process(line.key))
            case JobNoted(_, event):
                return self._note(line, event)
            case JobIdle():
                if not self._conference.takers.of_process(line.key):
                    self._stop(line)
        return NOTHING

    def retell(self, stream: str) -> None:
        """Have those that take from a stream take from it anew: another process sends it."""
        mixes = self._conference.mixing.of_input(stream)
        for line in self._lines.values():
            taken = line.key.stream == stream if isinstance(line.key, Feed) else line.key in mixes
            if taken and self._has_source(line.key):
                self._tell(line, self._work(line.key), again=True)

    def miss(self, down: Down) -> Outcome:
        """Take that a job has ended by itself: what it made is lost to its takers."""
        line = next((it for it in self._lines.values() if it.ref == down.ref), None)
        if line is None:
            return NOTHING
        self._forget(line)
        return self._conference.lost(line.key, down.reason)

    # --- one process

    @property
    def _now(self) -> float:
        return self._room.ctx.now()

    def _look_at(self, key: ProcessKey) -> None:
        line, needed = self._lines.get(key), bool(self._conference.takers.of_process(key))
        if line is None:
            if needed:
                self._start(key)
            return
        if not self._has_source(key):
            if not needed:
                self._stop_without_source(line)
            return
        self._tell(line, self._work(key))
        if needed and line.idle is not None:
            line.idle.cancel()
            line.idle = None
        elif not needed and line.idle is None:
            line.idle = self._room.ctx.tell_self_after(IDLE_SECONDS, JobIdle(line.id))

    def _start(self, key: ProcessKey) -> None:
        kind = _kind(key)
        id_ = f"{kind.kind}:{secrets.token_hex(8)}"
        line = ProcessLine(id_, key, self._work(key))
        self._lines[key] = self._by_id[id_] = line
        self._room.ctx.start_task(self._spawn, line, kind, name="starting")

    async def _spawn(self, line: ProcessLine, kind: type[MediaJob]) -> None:
        ctx = self._room.ctx
        spec = media_job_spec(kind, line.id, self._media.engine, ctx.self_ref)
        if self._by_id.get(line.id) is not line:
            return  # nobody needs it any more
        with suppress(ActorStopped):  # the room ends
            line.ref = ref = await ctx.spawn(spec)
            ctx.watch(ref)
            ref.tell(line.work)

    def _tell(self, line: ProcessLine, work: DoWork, *, again: bool = False) -> None:
        if work == line.work and not again:
            return
        line.work = work
        if line.ref is None:
            return
        try:
            line.ref.tell(work)
        except ActorStopped:
            return  # its Down is on the way
        except MailboxFull:  # it would go on with what is held
            self._room.ctx.start_task(self._room.ctx.stop_child, line.ref, "too_slow", name="end")

    def _stop(self, line: ProcessLine) -> None:
        self._forget(line)
        if line.ref is not None:
            ctx = self._room.ctx
            ctx.unwatch(line.ref)
            ctx.start_task(ctx.stop_child, line.ref, "idle", name="end")

    def _stop_without_source(self, line: ProcessLine) -> None:
        self._stopped.append(self._now)
        self._stop(line)

    def _forget(self, line: ProcessLine) -> None:
        del self._lines[line.key], self._by_id[line.id]
        if line.idle is not None:
            line.idle.cancel()

    # --- what it is to do

    def _has_source(self, key: ProcessKey) -> bool:
        """Tell whether there is what it takes: a view may be there again without its picture."""
        known = self._conference.known
        if not isinstance(key, Feed):
            return key in known
        stream = known.get(key.stream)
        track = None if stream is None else stream.audio if key.kind == "audio" else stream.video
        return track is not None

    def _work(self, key: ProcessKey, *others: Feed) -> DoWork:
        """Return what a process is to do, and what its inputs take; `others` are taken, too."""
        wanted = self._transcode(key) if isinstance(key, Feed) else self._mix(key, *others)
        return DoWork(wanted, {it.id: self._path(key, it.id, it.kind) for it in wanted.inputs})

    def _mix(self, mix: str, *others: Feed) -> JobWanted:
        conference = self._conference
        return mix_wanted(
            conference.mixing.views[mix],
            conference.mixing.streams[mix],
            conference.streams,
            lambda stream, kind: self._fmtp(stream, kind) or "",
            conference.takers.sounds(mix, *others),
            self._media.audio_inputs,
        )

    def _transcode(self, feed: Feed) -> JobWanted:
        stream = self._conference.known[feed.stream]
        fmtp = self._fmtp(feed.stream, feed.kind)
        if feed.stream in self._conference.mixing.streams and stream.video is not None:
            fmtp = parameters_sent(video_target_of(stream.video))
        return transcode_wanted(feed, stream, fmtp or "")

    def _path(self, key: ProcessKey, input: str, kind: str) -> tuple[str | None, bool]:
        stream = stream_of(input)
        feed = Feed(stream, kind, without=key.without if isinstance(key, Feed) else None)
        return self.source_of(feed), self._conference.active(stream, kind)

    # --- what it has heard or seen

    def _note(self, line: ProcessLine, event: WorkEvent) -> Outcome:
        match event:
            case ActiveInput(input) if not isinstance(line.key, Feed):
                stream = None if input is None else stream_of(input)
                return self._moved(line.key, self._conference.speak(line.key, stream, self._now))
            case PictureSeen(input, width, height):
                return self._conference.seen(stream_of(input), Resolution(width, height))
        return NOTHING

    def _moved(self, mix: str, outcome: Outcome) -> Outcome:
        """Have whoever speaks come into the first region once that is due."""
        due = self._conference.mixing.views[mix].move_due(self._now)
        if due is not None and mix not in self._moves:
            self._moves[mix] = self._room.ctx.tell_self_after(due, PrimaryDue(mix))
        return outcome


def _kind(key: ProcessKey) -> type[MediaJob]:
    return Transcode if isinstance(key, Feed) else Mix


def _name(running: JobWanted | None, feed: Feed) -> str | None:
    """Return what the process that runs calls a feed, None if it does not send it."""
    if running is None:
        return None
    if not isinstance(running, MixWanted):
        return PICTURE if feed.kind == "video" else COMMON
    if feed.kind == "video":
        return None if running.video is None else PICTURE
    return sound_for(running, feed)
