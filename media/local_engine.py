"""The real engine, in this process: sessions on aiortc, one router for all of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict

import trio

from media.contract.datagrams import DatagramPortFacts, DatagramPortWanted, RelayStats
from media.contract.engine import EngineStats, RecordingSink
from media.contract.errors import (
    CodecMismatch,
    IdTaken,
    MediaError,
    RouterFull,
    UnknownPort,
    UnknownSink,
    UnknownSource,
    WrongState,
)
from media.contract.jobs import JobSink, JobWanted
from media.contract.paths import MediaPath, PathFailure, PathTrouble
from media.contract.plans import PortFacts, PortReceives, PortSends, PortSink, PortWanted
from media.contract.recordings import RecordingPlan, RecordingStatus
from media.contract.session import EventSink, Failure, SessionWanted
from media.datagram_ports import DatagramPorts
from media.media_jobs import JobsPlan, MediaJobs
from media.plain_ports import PlainPorts
from media.recording.recordings import Recordings
from media.rtp.router import LIMIT, TICK_SECONDS, Router
from media.webrtc.bridge import MediaLoop
from media.webrtc.containment import contained, contained_async
from media.webrtc.peer_connection import PeerSession, Surroundings, open_peer_session
from media.webrtc.peer_facts import IceConfig

CHECK_SECONDS = 1.0
LATE_SECONDS = 2.0  # of a check, that no other side is to be blamed for
OUR_FAULT = "an error of ours"  # the reason of what a bug has ended
IDLE_SECONDS = 0.2  # between looks at a router with nothing in it
PATHS_AT_ONCE = 100  # then it is the turn of packets again
TROUBLES: dict[type[MediaError], PathTrouble] = {
    UnknownSource: PathTrouble.SOURCE_GONE,
    UnknownSink: PathTrouble.SINK_GONE,
    CodecMismatch: PathTrouble.CODEC_MISMATCH,
}


class LocalEngine:
    """See media.contract.engine.MediaEngine. Made by `open_local_engine` only.

    `router` is for its own parts, and for tests.
    """

    def __init__(
        self,
        loop: MediaLoop,
        ice: IceConfig,
        nursery: trio.Nursery,
        streams: int = LIMIT,
        jobs: JobsPlan | None = None,
    ) -> None:
        self.router = Router(limit=streams)
        self._stray = loop.stray
        self._ports = PlainPorts(self.router, nursery, loop.stray, streams)
        self._datagram_ports = DatagramPorts(self.router, nursery, loop.stray)
        self._limit = streams
        self._recordings = Recordings(self.router, nursery, loop.stray)
        self._jobs = MediaJobs(self.router, nursery, loop.stray, jobs or JobsPlan())
        self._sessions: dict[str, PeerSession] = {}
        self._relayed: Counter[str] = Counter()  # by sessions that are gone
        self._nursery = nursery
        self._closing = False
        self._around = Surroundings(
            loop, self.router, ice, self._close_soon, self._gone, self._datagram_ports.port
        )

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    @property
    def stray_errors(self) -> int:
        """How many errors on the loop nobody waited for: each one is a bug."""
        return self._around.loop.stray_errors

    async def open_session(
        self, session_id: str, wanted: SessionWanted, events: EventSink
    ) -> PeerSession:
        self._check_open()
        if session_id in self._sessions:
            raise IdTaken("an open session has that id")
        session = await open_peer_session(session_id, wanted, events, self._around)
        if self._closing or session_id in self._sessions:  # meanwhile
            await session.close()
            raise IdTaken("an open session has that id")
        self._sessions[session_id] = session
        return session

    async def wire(self, paths: Sequence[MediaPath]) -> tuple[PathFailure, ...]:
        failures: list[PathFailure] = []
        for number, path in enumerate(paths):
            if number % PATHS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
            what = "a path was not brought about"
            if not contained(self._stray, what, self._bring_about, path, failures):
                failures.append(PathFailure(path.sink, PathTrouble.BUG))
        return tuple(failures)

    async def request_keyframe(self, source: str) -> None:
        self.router.request_keyframe(source)

    async def open_port(
        self, port_id: str, wanted: PortWanted, events: PortSink | None = None
    ) -> PortFacts:
        self._check_port(port_id)
        return self._ports.open(port_id, wanted, events)

    async def change_port(
        self, port_id: str, receives: PortReceives | None, sends: PortSends | None
    ) -> PortFacts:
        return self._ports.change(port_id, receives, sends)

    async def port_facts(self, port_id: str) -> PortFacts:
        return self._ports.facts(port_id)

    async def close_port(self, port_id: str) -> None:
        if port_id in self._datagram_ports:
            self._datagram_ports.close(port_id)
        else:
            self._ports.close(port_id)

    async def open_datagram_port(
        self, port_id: str, wanted: DatagramPortWanted
    ) -> DatagramPortFacts:
        self._check_port(port_id)
        return self._datagram_ports.open(port_id, wanted)

    async def datagram_port_facts(self, port_id: str) -> DatagramPortFacts:
        return self._datagram_ports.port(port_id).facts

    async def route_rtcp(self, port_id: str, streams: tuple[str, ...]) -> None:
        self._datagram_ports.route_rtcp(port_id, streams)

    async def check_recording(self, plan: RecordingPlan, sources: Mapping[str, str]) -> None:
        self._recordings.check(plan, sources)

    async def start_recording(
        self, plan: RecordingPlan, sources: Mapping[str, str], ended: RecordingSink
    ) -> dict[str, str]:
        self._check_open()
        return self._recordings.start(plan, sources, ended)

    async def pace_keyframes(self, recording_id: str, seconds: float) -> None:
        self._recordings.pace_keyframes(recording_id, seconds)

    async def recording_status(self, recording_id: str) -> RecordingStatus:
        return self._recordings.status(recording_id)

    async def stop_recording(self, recording_id: str, reason: str = "stopped") -> RecordingStatus:
        return await self._recordings.stop(recording_id, reason)

    def prepare_jobs(self) -> None:
        self._jobs.prepare()

    async def check_jobs(self, wanted: Sequence[JobWanted], at_most: int | None = None) -> None:
        self._jobs.check(wanted, at_most)

    async def open_job(self, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        self._check_open()
        await self._jobs.open(job_id, wanted, events)

    async def change_job(self, job_id: str, wanted: JobWanted) -> None:
        await self._jobs.change(job_id, wanted)

    async def close_job(self, job_id: str, reason: str = "stopped") -> None:
        await self._jobs.close(job_id, reason)

    async def stats(self) -> EngineStats:
        return EngineStats(
            self.sessions,
            len(self._ports) + len(self._datagram_ports),
            len(self._recordings),
            self.stray_errors,
            self.router.stats(),
            dict(self._around.failures),
            self._all_relayed(),
            self._jobs.stats(),
        )

    async def close(self) -> None:
        """End every recording and job, close every session and port, and open no more."""
        self._closing = True
        await self._recordings.stop_all("the server is closing")
        await self._jobs.close_all()
        self._ports.close_all()
        self._datagram_ports.close_all()
        async with trio.open_nursery() as nursery:
            for session in list(self._sessions.values()):
                nursery.start_soon(self._close, session, "the server is closing")

    async def run(self) -> None:
        """Keep the router and the sessions up to date, for ever.

        A bug in one of them is a stray error and ends that one.
        """
        checked, excused = time.monotonic(), False
        while True:
            await trio.sleep(IDLE_SECONDS if self._idle else TICK_SECONDS)
            now = time.monotonic()
            if not contained(self._stray, "a stream was not kept up", self.router.tick, now):
                self._end_stream(self.router.at_work)
            if now - checked >= CHECK_SECONDS:
                late, checked = now - checked - CHECK_SECONDS, now
                excused = late > LATE_SECONDS and not excused
                for session in [] if excused else list(self._sessions.values()):
                    if not contained(self._stray, "a session unchecked", session.check, now):
                        session.fail(OUR_FAULT, Failure.BUG)

    def _bring_about(self, path: MediaPath, failures: list[PathFailure]) -> None:
        sink, session = path.sink, self._owner(path.sink)
        holder = self.router if session is None else session
        try:
            if not path.flows:
                holder.pause(sink)
            if path.source is None:
                self.router.detach(sink)
            else:
                self._recordings.check_source(path.source, sink)
                self.router.attach(path.source, sink)
            if path.flows:
                holder.resume(sink)
        except (UnknownSource, UnknownSink, CodecMismatch) as error:
            failures.append(PathFailure(sink, TROUBLES[type(error)], str(error)))

    def _check_open(self) -> None:
        if self._closing:
            raise WrongState("the engine is closing")

    def _check_port(self, port_id: str) -> None:
        """Raise what stands in the way of another port: both kinds share ids and limit."""
        self._check_open()
        if port_id in self._ports or port_id in self._datagram_ports:
            raise IdTaken(port_id)
        if len(self._ports) + len(self._datagram_ports) >= self._limit:
            raise RouterFull(f"{self._limit} ports")

    @property
    def _idle(self) -> bool:
        return not self._sessions and self.router.empty

    def _owner(self, sink: str) -> PeerSession | None:
        return self._sessions.get(sink.rpartition("/out/")[0])

    def _end_stream(self, stream: str) -> None:
        """End whatever a source or sink belongs to, and it with that."""
        session = self._owner(stream) or self._sessions.get(stream.rpartition("/in/")[0])
        if session is not None:
            session.fail(OUR_FAULT, Failure.BUG)
        else:
            contained(self._stray, "a stream was not removed", self._remove, stream)

    def _remove(self, stream: str) -> None:
        """Remove a source or sink that is of a port, a job, or of nobody."""
        for end in ("/in/", "/out/"):
            self._jobs.end(stream.rpartition(end)[0])
        with suppress(UnknownPort):
            self._ports.close(stream.rpartition("/")[0])
        with suppress(UnknownSource):
            self.router.remove_source(stream)
        with suppress(UnknownSink):
            self.router.remove_sink(stream)

    def _close_soon(self, session: PeerSession, reason: str) -> None:
        if not self._closing:
            self._nursery.start_soon(self._close, session, reason)

    async def _close(self, session: PeerSession, reason: str) -> None:
        await contained_async(self._stray, "a session was not closed", session.close, reason)

    def _gone(self, session: PeerSession) -> None:
        if self._sessions.get(session.id) is session:
            del self._sessions[session.id]
            if session.channels.relayed is not None:
                self._relayed.update(asdict(session.channels.relayed))

    def _all_relayed(self) -> RelayStats:
        """Return the sum over all relays there ever were."""
        total = Counter(self._relayed)
        for session in self._sessions.values():
            if session.channels.relayed is not None:
                total.update(asdict(session.channels.relayed))
        return RelayStats(**total)


@asynccontextmanager
async def open_local_engine(
    loop: MediaLoop,
    ice: IceConfig | None = None,
    *,
    streams: int = LIMIT,
    jobs: JobsPlan | None = None,
) -> AsyncIterator[LocalEngine]:
    """Run an engine around a block; when it ends, all sessions are closed, cancelled or not.

    It takes at most `streams` sources, and as many sinks and taps.
    """
    async with trio.open_nursery() as nursery:
        engine = LocalEngine(loop, ice or IceConfig(), nursery, streams, jobs)
        nursery.start_soon(engine.run)
        try:
            yield engine
        finally:
            with trio.CancelScope(shield=True):  # each close has its own deadline
                await engine.close()
            nursery.cancel_scope.cancel()
