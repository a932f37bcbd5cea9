"""The streams out of a room: what each sends, where to, and who waits for it to flow.

One is told that it flows when its target takes it; what does not within `streaming.open_seconds` is
ended with the reason, as is what its caller waits for no more. Once it flows it goes on, through
losses of its target, until it is ended, its sources have ended, or the target is lost for good.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from actors.core import (
    Actor,
    ActorError,
    ActorStopped,
    Down,
    Message,
    Ref,
    ReplyTo,
    Timer,
)
from actors.jobs.broadcast import Finish, broadcast_spec, finish_seconds
from actors.jobs.broadcast_wanted import Parameters, broadcast_wanted
from actors.jobs.media_job import DoWork, JobNoted
from actors.streams.feed_paths import FeedPaths
from actors.streams.outputs import Output
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.words.broadcasts import BroadcastView, Outlet
from actors.words.conference_refusals import BroadcastUnknown
from actors.words.media_refusals import CannotBroadcast
from media.contract.jobs import BroadcastWanted, JobInput
from media.contract.streaming import TargetFlows, TargetLost

LOOK_SECONDS = 0.5  # between looks whether somebody waits for one that does not flow yet
NOTHING_FLOWS = "nothing was sent in time: its streams are silent, or its target takes nothing"
ENDED = "its streams or the room have ended"
JOB_ENDED = "the job that sends it has ended"
PREFIX = "broadcast:"  # of the ids of jobs


@dataclass(frozen=True, slots=True)
class BroadcastOpening(Message):
    """The timer of one that does not flow yet."""

    id: str


@dataclass(slots=True)
class BroadcastLine:
    """One stream out. Without `ref` its actor is just being spawned; `asker` waits for it to flow.

    `due` is when that must be so, `timer` the next look; `end` is why it ends, if it does now.
    """

    id: str
    outlet: Outlet
    work: DoWork
    asker: ReplyTo[BroadcastView] | None
    due: float
    timer: Timer | None = None
    ref: Ref[Message] | None = None
    end: str = "source_lost"


class RoomBroadcasts:
    """Belongs to one room, whose handlers call it; `forget` what the conference has dropped.

    Where one is to be ended, its id is returned: the room has the conference end it.
    """

    __slots__ = ("_conference", "_fmtp", "_lines", "_media", "_paths", "_room")

    def __init__(
        self,
        room: Actor[Message],
        conference: Conference,
        media: MediaServices,
        paths: FeedPaths,
        fmtp: Parameters,
    ) -> None:
        self._room = room
        self._conference = conference
        self._media = media
        self._paths = paths
        self._fmtp = fmtp
        self._lines: dict[str, BroadcastLine] = {}

    def __contains__(self, id: object) -> bool:
        return id in self._lines

    def views(self) -> tuple[BroadcastView, ...]:
        """Return those that have flowed."""
        return tuple(self._view(it) for it in self._lines.values() if it.asker is None)

    def view(self, id: str) -> BroadcastView:
        """Return one. Raises BroadcastUnknown, also for one that has not flowed yet."""
        line = self._lines.get(id)
        if line is None or line.asker is not None:
            raise BroadcastUnknown(id)
        return self._view(line)

    def wanted(
        self, output: Output, outlet: Outlet, before: tuple[JobInput, ...] = ()
    ) -> BroadcastWanted:
        """Return what a process would do for this."""
        known, plan = self._conference.known, self._media.streaming
        return broadcast_wanted(output, outlet, known, self._fmtp, plan, before)

    def start(self, output: Output, outlet: Outlet) -> None:
        """Start to send what the conference has taken; the request is answered once it flows."""
        ctx = self._room.ctx
        work = DoWork(self.wanted(output, outlet), {})
        due = ctx.now() + self._media.streaming.open_seconds
        line = BroadcastLine(output.id, outlet, work, ctx.defer(), due)
        self._lines[output.id] = line
        self._look_later(line)
        ctx.start_task(self._spawn, line, name="starting")

    def rewire(self, id: str) -> None:
        """Tell one what it sends now, also where its sources are new ones under the same ids.

        Raises MailboxFull.
        """
        line = self._lines[id]
        output = self._conference.broadcasts[id]
        wanted = self.wanted(output, line.outlet, line.work.wanted.inputs)
        paths = {kind: self._paths.path(id, kind) for kind in output.sources}
        line.work = work = DoWork(wanted, paths)
        if line.ref is not None:
            with suppress(ActorStopped):  # its Down is on the way
                line.ref.tell(work)

    def hear(self, noted: JobNoted) -> str | None:
        """Take what has become of a target; return which one is to be ended, if any."""
        line = self._lines.get(noted.id.removeprefix(PREFIX))
        if line is None:
            return None
        match noted.event:
            case TargetFlows() if line.asker is not None:
                if line.asker.done:
                    line.end = "caller_left"
                    return line.id
                line.asker.reply(self._view(line))
                line.asker = None
            case TargetLost(reason, detail, over) if over or line.asker is not None:
                line.end = reason.value
                self._refuse(line, detail)
                return line.id
        return None

    def look(self, opening: BroadcastOpening) -> str | None:
        """See whether one that does not flow yet may go on; return it if it is to be ended."""
        line = self._lines.get(opening.id)
        if line is None or line.asker is None:
            return None
        if not line.asker.done and self._room.ctx.now() < line.due:
            self._look_later(line)
            return None
        line.end = "caller_left" if line.asker.done else "not_in_time"
        self._refuse(line, NOTHING_FLOWS)
        return line.id

    def miss(self, down: Down) -> str | None:
        """Take that a job has ended by itself; return which one, if it was one of these."""
        for line in self._lines.values():
            if line.ref == down.ref:
                self._refuse(line, JOB_ENDED)
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
        self._refuse(line, ENDED)
        self._room.ctx.start_task(self._stop, line, asker, name="end")

    def close(self) -> None:
        """Refuse those who wait, now that the room ends; the jobs end with it."""
        for line in self._lines.values():
            self._refuse(line, ENDED)

    # --- inside

    def _view(self, line: BroadcastLine) -> BroadcastView:
        output = self._conference.broadcasts[line.id]
        return BroadcastView(
            line.id,
            line.outlet,
            output.audio,
            output.video,
            output.audio_format if output.audio is not None else None,
            output.video_format if output.video is not None else None,
        )

    def _look_later(self, line: BroadcastLine) -> None:
        ctx = self._room.ctx
        left = max(0.0, line.due - ctx.now())
        line.timer = ctx.tell_self_after(min(LOOK_SECONDS, left), BroadcastOpening(line.id))

    def _refuse(self, line: BroadcastLine, why: str) -> None:
        if line.asker is not None:
            line.asker.refuse(CannotBroadcast(why))

    async def _spawn(self, line: BroadcastLine) -> None:
        ctx = self._room.ctx
        if self._lines.get(line.id) is not line:
            return  # it has ended already
        spec = broadcast_spec(PREFIX + line.id, self._media, ctx.self_ref, line.outlet)
        with suppress(ActorStopped):  # the room ends
            line.ref = ref = await ctx.spawn(spec)
            ctx.watch(ref)
            ref.tell(line.work)

    async def _stop(self, line: BroadcastLine, asker: ReplyTo[None] | None) -> None:
        if line.ref is not None:
            self._room.ctx.unwatch(line.ref)
            with suppress(ActorError):  # it has ended already, or does not get to it
                await line.ref.ask(Finish(line.end), within=finish_seconds(line.outlet))
            await self._room.ctx.stop_child(line.ref, line.end)
        if asker is not None:
            asker.reply(None)
