"""The streams out of a room: what each sends, where to, and who waits for it to flow.

One is told that it flows when its target takes it; what does not within `streaming.open_seconds` is
ended with the reason, as is what its caller waits for no more. Once it flows it goes on, through
losses of its target, until it is ended, its sources have ended, or the target is lost for good.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from actors.core import Actor, ActorError, ChildSpec, Message
from actors.jobs.broadcast import Finish, broadcast_spec, finish_seconds
from actors.jobs.broadcast_wanted import Parameters, broadcast_wanted
from actors.jobs.media_job import DoWork, JobNoted
from actors.jobs.output_lines import OutputLine, OutputLines
from actors.streams.feed_paths import FeedPaths
from actors.streams.outputs import Output
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.words.broadcasts import BroadcastView, Outlet
from actors.words.conference_refusals import BroadcastUnknown
from actors.words.media_refusals import CannotBroadcast
from media.contract.jobs import BroadcastWanted, JobInput
from media.contract.streaming import TargetFlows, TargetLost


@dataclass(slots=True, kw_only=True)
class BroadcastLine(OutputLine):
    """One stream out; `asker` waits for it to flow."""

    outlet: Outlet


class RoomBroadcasts(OutputLines[BroadcastLine]):
    __slots__ = ("_fmtp",)

    prefix = "broadcast:"
    job_ended = "the job that sends it has ended"
    not_in_time = "nothing was sent in time: its streams are silent, or its target takes nothing"
    refusal = CannotBroadcast

    def __init__(
        self,
        room: Actor[Message],
        conference: Conference,
        media: MediaServices,
        paths: FeedPaths,
        fmtp: Parameters,
    ) -> None:
        super().__init__(room, conference, media, paths)
        self._fmtp = fmtp

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
        self._begin(
            BroadcastLine(id=output.id, work=work, asker=ctx.defer(), due=due, outlet=outlet)
        )

    def hear(self, noted: JobNoted) -> str | None:
        """Take what has become of a target; return which one is to be ended, if any."""
        line = self._line_of(noted.id)
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

    def _output(self, id: str) -> Output:
        return self._conference.broadcasts[id]

    def _wanted(self, line: BroadcastLine, output: Output) -> BroadcastWanted:
        return self.wanted(output, line.outlet, line.work.wanted.inputs)

    def _spec(self, line: BroadcastLine) -> ChildSpec:
        room = self._room.ctx.self_ref
        return broadcast_spec(self.prefix + line.id, self._media, room, line.outlet)

    async def _finish(self, line: BroadcastLine) -> None:
        if line.ref is not None:
            with suppress(ActorError):  # it has ended already, or does not get to it
                await line.ref.ask(Finish(line.end), within=finish_seconds(line.outlet))
