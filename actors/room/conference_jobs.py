"""The jobs of a room's conference: recordings, streams in and out, views, calls, analytics.

It takes what begins, changes and ends them. What follows from it, the conference carries out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from actors.core import Actor, Down, MailboxFull, Message, ReplyTo
from actors.jobs.analysis import AnalyticDied
from actors.jobs.analytics import RoomAnalytics
from actors.jobs.broadcast_wanted import pace_of, picture_sent, sound_sent
from actors.jobs.broadcasts import RoomBroadcasts
from actors.jobs.call_lines import Seats
from actors.jobs.ingest import SourceStands
from actors.jobs.media_job import JobNoted
from actors.jobs.output_lines import OutputDue, OutputLines
from actors.jobs.recordings import RoomRecordings
from actors.jobs.room_calls import RoomCalls
from actors.jobs.room_ingests import IngestLooked, RoomIngests
from actors.jobs.room_jobs import RoomJobs
from actors.jobs.room_processes import RoomProcesses
from actors.jobs.viewers import WATCHED_AS, RoomViewers
from actors.streams.outcome import Outcome
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.streams.sessions import RoomSessions
from actors.words.analytics import EndAnalytic, GetAnalytics, StartAnalytic
from actors.words.broadcasts import (
    ChangeBroadcast,
    EndBroadcast,
    GetBroadcasts,
    StartBroadcast,
)
from actors.words.orders import (
    ChangeRecording,
    EndRecording,
    GetRecordings,
    StartRecording,
    StartStreamingIn,
    WatchView,
)
from actors.words.rooms import Notice
from actors.words.streams import RecordingView


class RoomConferenceJobs:
    """Belongs to the conference of one room, which hands it what it `takes`.

    `sessions` have their paths by then; `carry_out` does what follows from a change, `tell` tells
    the members.
    """

    __slots__ = (
        "_analytics", "_broadcasts", "_carry_out", "_conference", "_processes", "_recordings",
        "_room", "_running", "_sessions", "_viewers", "calls", "ingests",
    )  # fmt: skip

    takes = (
        StartRecording, GetRecordings, ChangeRecording, EndRecording, StartStreamingIn,
        SourceStands, IngestLooked, StartBroadcast, GetBroadcasts, ChangeBroadcast, EndBroadcast,
        WatchView, StartAnalytic, GetAnalytics, EndAnalytic, AnalyticDied, OutputDue,
        *RoomCalls.takes,
    )  # fmt: skip

    def __init__(
        self,
        room: Actor[Message],
        name: str,
        conference: Conference,
        media: MediaServices,
        sessions: RoomSessions,
        processes: RoomProcesses,
        carry_out: Callable[[Outcome], None],
        seats: Seats,
        tell: Callable[[Iterable[Notice]], None],
    ) -> None:
        self._room = room
        self._conference = conference
        self._sessions = sessions
        self._processes = processes
        self._carry_out = carry_out
        self._running = RoomJobs(room)
        self.ingests = RoomIngests(room, name, conference, media)
        self._recordings = RoomRecordings(self._running, conference, media, sessions.paths)
        sending = room, conference, media, sessions.paths, sessions.fmtp_of
        self._broadcasts = RoomBroadcasts(*sending)
        self._viewers = RoomViewers(*sending)
        self.calls = RoomCalls(
            room,
            name,
            conference,
            media,
            sessions.paths,
            processes,
            seats,
            sessions.new_id,
            carry_out,
        )
        self._analytics = RoomAnalytics(*sending, name, tell)

    async def handle(self, message: Message) -> object:
        """Take one of `takes`; what is raised is a Refused, for who asked."""
        match message:
            case StartRecording():
                return await self._record(message)
            case GetRecordings():
                return self._recordings.views()
            case ChangeRecording(recording, to):
                await self._processes.check(self._conference.recording_after(recording, to))
                self._carry_out(self._conference.change_recording(recording, to))
                return self._recordings.view(recording)
            case EndRecording(recording):
                self._conference.end_recording(recording)
                self.stop(recording, self._room.ctx.defer())
                self._processes.refresh()
            case StartStreamingIn():
                await self.ingests.start(self._sessions.new_id(), message)
            case SourceStands(stream, tracks):
                self._carry_out(self.ingests.hear(message))
                if tracks is not None:
                    self._processes.retell(stream)
            case IngestLooked():
                self._carry_out(self.ingests.hear(message))
            case StartBroadcast():
                await self._send_out(message)
            case GetBroadcasts():
                return self._broadcasts.views()
            case ChangeBroadcast(broadcast, to):
                self._broadcasts.view(broadcast)
                await self._processes.check(self._conference.broadcast_after(broadcast, to))
                self._carry_out(self._conference.change_broadcast(broadcast, to))
                return self._broadcasts.view(broadcast)
            case EndBroadcast(broadcast):
                self._broadcasts.view(broadcast)
                self._conference.end_job(broadcast)
                self._broadcasts.end(broadcast, self._room.ctx.defer())
                self._processes.refresh()
            case WatchView(label):
                return self._viewers.folder(label) or await self._watch(label)
            case StartAnalytic():
                await self._analyse(message)
            case GetAnalytics():
                return self._analytics.views()
            case EndAnalytic(analytic):
                self._analytics.require(analytic)
                self._conference.end_job(analytic)
                self._analytics.end(analytic, self._room.ctx.defer())
                self._processes.refresh()
            case OutputDue():
                for lines in self._lines:
                    self._end(lines.look(message))
            case AnalyticDied():
                self._end(self._analytics.died(message))
            case _:
                return await self.calls.handle(message)
        return None

    def end_of(self, stream: str, kind: str) -> str | None:
        """Return the engine's id of what comes as a stream that has no session."""
        return self.ingests.end_of(stream, kind) or self.calls.end_of(stream, kind)

    def fmtp_of(self, stream: str, kind: str) -> str | None:
        """Return the parameters of the codec of a stream that has no session."""
        return self.ingests.fmtp_of(stream, kind) or self.calls.fmtp_of(stream, kind)

    def end_stream(self, stream: str) -> None:
        """Answer who ends a stream in once it is pulled no more; others need not wait."""
        if self.ingests.has(stream):
            self.ingests.close(stream, "deleted", self._room.ctx.defer())

    def hear(self, noted: JobNoted) -> None:
        """Take what a process tells."""
        self._end(self._broadcasts.hear(noted))
        begun = self._analytics.began(noted)
        if begun is not None:
            analytic, kinds = begun
            self._carry_out(self._conference.analyse_only(analytic, kinds))
            self._end(self._analytics.answer(analytic))

    def miss(self, down: Down) -> None:
        """Take the end of a child of the room."""
        self._carry_out(self.ingests.miss(down))
        self._end(self._running.ended(down))
        for lines in self._lines:
            self._end(lines.miss(down))
        self.calls.miss(down)

    def rewire(self, job: str) -> None:
        """Tell a job what it takes now; one that does not listen would go on with what is held."""
        try:
            (self._lines_of(job) or self._recordings).rewire(job)
        except MailboxFull:
            self._end(job)

    def stop(self, job: str, asker: ReplyTo[None] | None = None) -> None:
        """Have a job finish that the conference has dropped."""
        lines = self._lines_of(job)
        if lines is not None:
            lines.forget(job)
        else:
            self._recordings.forget(job)
            self._running.stop(job, asker)

    def close(self) -> None:
        """Have all of them finish, now that the room ends."""
        self._running.stop_all()
        for lines in self._lines:
            lines.close()
        self.calls.close()

    @property
    def _lines(self) -> tuple[OutputLines[Any], ...]:
        return self._broadcasts, self._viewers, self._analytics

    def _lines_of(self, job: str) -> OutputLines[Any] | None:
        return next((lines for lines in self._lines if job in lines), None)

    def _end(self, job: str | None) -> None:
        if job is not None:
            self._carry_out(self._conference.end_job(job))

    async def _record(self, order: StartRecording) -> RecordingView:
        """Start a recording. Raises what the order says, and Busy at the limit."""
        id_ = self._sessions.new_id()
        audio = self._recordings.audio_for(order.container, order.audio)
        await self._processes.check(self._conference.recording(id_, audio, order.video))
        output = self._conference.record(id_, audio, order.video)
        try:
            await self._recordings.start(output, order.container)
        finally:
            self._processes.refresh()
        return self._recordings.view(output.id)

    async def _send_out(self, order: StartBroadcast) -> None:
        """Start to send outside; answered once that flows. Raises what the order says."""
        conference, outlet = self._conference, order.outlet
        output = conference.broadcast(
            self._sessions.new_id(),
            sound_sent(order.audio),
            picture_sent(order.video, outlet, conference.known),
            pace_of(outlet),
        )
        await self._processes.check(output, self._broadcasts.wanted(output, outlet))
        conference.send_out(output)
        self._broadcasts.start(output, outlet)
        self._carry_out(Outcome(rewired=(output.id,)))

    async def _analyse(self, order: StartAnalytic) -> None:
        """Start an analytic; answered once it is at work. Raises what the order says."""
        output = self._conference.analytic(self._sessions.new_id(), order.audio, order.video)
        await self._processes.check(output, self._analytics.wanted(output, order.algorithm))
        self._conference.analyse(output)
        self._analytics.start(output, order)
        self._carry_out(Outcome(rewired=(output.id,)))

    async def _watch(self, label: str) -> str:
        """Have a view be written that nobody watches yet. Raises what the order says."""
        pace = pace_of(WATCHED_AS)
        output = self._conference.watching(self._sessions.new_id(), label, pace)
        await self._processes.check(output, self._viewers.wanted(output))
        self._conference.watch(output)
        folder = self._viewers.start(output, label)
        self._carry_out(Outcome(rewired=(output.id,)))
        return folder
