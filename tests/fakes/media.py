"""A media engine without media: same contract, no socket, no asyncio, connected in no time.

It passes the contract tests of the real one (tests/media/contract/test_engine_contract.py). Two
sessions of one fake engine that exchange descriptions are connected; ones that exchange them with
anybody else stay CONNECTING until `connect` or `fail` is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import trio

from media.contract.datagrams import DatagramPortFacts, DatagramPortWanted, RelayStats
from media.contract.engine import EngineStats, RecordingSink
from media.contract.errors import (
    BadAddress,
    CodecMismatch,
    IdTaken,
    NoFreePort,
    UnknownPort,
    UnknownRecording,
    UnknownSource,
    WrongState,
)
from media.contract.jobs import JobEvent, JobSink, JobWanted
from media.contract.paths import MediaPath, PathFailure, PathTrouble
from media.contract.plans import Address, PortFacts, PortReceives, PortSends, PortSink, PortWanted
from media.contract.recordings import RecordingPlan, RecordingState, RecordingStatus
from media.contract.session import EventSink, SessionWanted
from media.contract.stats import (
    LegState,
    ReceiverStats,
    RouterStats,
    SinkCounts,
    SinkStats,
    SourceCounts,
    SourceStats,
    Totals,
)
from media.recording.recorder import check, check_keyframe_seconds
from tests.fakes.media_datagrams import FakeDatagramPort, FakeRelay
from tests.fakes.media_jobs import FakeJobs
from tests.fakes.media_session import FakeSession

OURS = ("127.0.0.1", "::1", "0.0.0.0", "::")


@dataclass
class FakePort:
    id: str
    wanted: PortWanted
    numbers: tuple[int, int]

    @property
    def facts(self) -> PortFacts:
        rtp, rtcp = ((self.wanted.address, number) for number in self.numbers)
        receives, sends = self.wanted.receives, self.wanted.sends
        received = sent = None
        if receives is not None:
            names = f"{self.id}/in", receives.kind, receives.codec.name
            received = SourceStats(*names, None, 0, 0, None, 0, 0.0, 0.0, SourceCounts())
        if sends is not None:
            names = f"{self.id}/out", sends.kind, sends.codec.name
            nobody = ReceiverStats(None, None, None, None, None)
            sent = SinkStats(*names, 1, None, LegState.IDLE, 0.0, SinkCounts(), nobody)
        source, sink = (it and it.id for it in (received, sent))
        return PortFacts(rtp, rtcp, source, sink, 0, received, sent)


@dataclass
class FakeRecording:
    plan: RecordingPlan
    ended: RecordingSink
    status: RecordingStatus

    @property
    def sinks(self) -> dict[str, str]:
        return {track.kind: f"{self.plan.id}.{track.kind}" for track in self.plan.tracks}


class FakeEngine:
    """See media.contract.engine.MediaEngine. `attached` shows what was attached to what.

    `wirings` are the calls of `wire` that came, each of which takes `wiring_seconds`. `redirected`
    is what relays of sessions would have sent over UDP.
    """

    def __init__(self) -> None:
        self.ports: dict[str, FakePort] = {}
        self.port_sinks: dict[str, PortSink | None] = {}
        self.datagram_ports: dict[str, FakeDatagramPort] = {}
        self.redirected: list[tuple[Address, bytes]] = []
        self.relays: list[FakeRelay] = []
        self.recordings: dict[str, FakeRecording] = {}
        self.jobs = FakeJobs()
        self.sessions: dict[str, FakeSession] = {}
        self.attached: dict[str, str] = {}
        self.paused: set[str] = set()
        self.wirings: list[tuple[MediaPath, ...]] = []
        self.wiring_seconds = 0.0
        self.keyframes_requested: list[str] = []
        self.closing = False

    async def open_session(
        self, session_id: str, wanted: SessionWanted, events: EventSink
    ) -> FakeSession:
        await trio.lowlevel.checkpoint()
        if self.closing:
            raise WrongState("the engine is closing")
        if session_id in self.sessions:
            raise IdTaken("an open session has that id")
        session = FakeSession(self, session_id, wanted, events)
        self.sessions[session_id] = session
        return session

    async def wire(self, paths: Sequence[MediaPath]) -> tuple[PathFailure, ...]:
        self.wirings.append(tuple(paths))
        await trio.lowlevel.checkpoint()
        if self.wiring_seconds:
            await trio.sleep(self.wiring_seconds)
        ends = self._codecs("source"), self._codecs("sink")
        failures = (self._bring_about(path, *ends) for path in paths)
        return tuple(failure for failure in failures if failure is not None)

    async def request_keyframe(self, source: str) -> None:
        if source not in self._codecs("source"):
            raise UnknownSource(source)
        self.keyframes_requested.append(source)

    async def open_port(
        self, port_id: str, wanted: PortWanted, events: PortSink | None = None
    ) -> PortFacts:
        await trio.lowlevel.checkpoint()
        self._check_port(port_id, wanted)
        numbers = self._free(wanted.ports, above=0 if wanted.mux else 1)
        self.ports[port_id] = port = FakePort(port_id, wanted, numbers)
        self.port_sinks[port_id] = events
        return port.facts

    async def change_port(
        self, port_id: str, receives: PortReceives | None, sends: PortSends | None
    ) -> PortFacts:
        port = self._port(port_id)
        wanted, port.wanted = port.wanted, replace(port.wanted, receives=receives, sends=sends)
        if sends is None or wanted.sends is None or not _same_stream(sends, wanted.sends):
            self.attached.pop(f"{port_id}/out", None)
        if receives is None or wanted.receives is None or not _same(receives, wanted.receives):
            self._let_go(f"{port_id}/in")
        return port.facts

    async def port_facts(self, port_id: str) -> PortFacts:
        return self._port(port_id).facts

    async def close_port(self, port_id: str) -> None:
        if port_id in self.datagram_ports:
            self.datagram_ports.pop(port_id).takers.clear()
            return
        self._port(port_id)
        del self.ports[port_id]
        self.attached.pop(f"{port_id}/out", None)
        self._let_go(f"{port_id}/in")

    async def open_datagram_port(
        self, port_id: str, wanted: DatagramPortWanted
    ) -> DatagramPortFacts:
        await trio.lowlevel.checkpoint()
        self._check_port(port_id, wanted)
        number, _ = self._free(wanted.ports, above=0)
        facts = DatagramPortFacts((wanted.address, number))
        self.datagram_ports[port_id] = FakeDatagramPort(wanted, facts)
        return facts

    async def datagram_port_facts(self, port_id: str) -> DatagramPortFacts:
        return self.datagram_port(port_id).facts

    async def route_rtcp(self, port_id: str, streams: tuple[str, ...]) -> None:
        self.datagram_port(port_id).rtcp_about = streams

    async def check_recording(self, plan: RecordingPlan, sources: Mapping[str, str]) -> None:
        check(plan)
        if plan.id in self.recordings:
            raise IdTaken(plan.id)
        for track in plan.tracks:
            carried = self._codecs("source")
            if track.kind in sources:
                if sources[track.kind] not in carried:
                    raise UnknownSource(sources[track.kind])
                if carried[sources[track.kind]] != track.codec:
                    raise CodecMismatch(track.kind)

    async def start_recording(
        self, plan: RecordingPlan, sources: Mapping[str, str], ended: RecordingSink
    ) -> dict[str, str]:
        await trio.lowlevel.checkpoint()
        if self.closing:
            raise WrongState("the engine is closing")
        await self.check_recording(plan, sources)
        status = RecordingStatus(RecordingState.STARTING, 0.0, 0)
        recording = self.recordings[plan.id] = FakeRecording(plan, ended, status)
        for kind, sink in recording.sinks.items():
            if kind in sources:
                self.attached[sink] = sources[kind]
        return recording.sinks

    async def pace_keyframes(self, recording_id: str, seconds: float) -> None:
        recording = self._recording(recording_id)
        check_keyframe_seconds(seconds)
        recording.plan = replace(recording.plan, keyframe_seconds=seconds)

    async def recording_status(self, recording_id: str) -> RecordingStatus:
        return self._recording(recording_id).status

    async def stop_recording(self, recording_id: str, reason: str = "stopped") -> RecordingStatus:
        status = self._recording(recording_id).status
        if status.state is RecordingState.STARTING:
            ended = replace(status, state=RecordingState.FAILED, reason="no_media")
        else:
            ended = replace(status, state=RecordingState.FINALISED, reason=reason)
        self.end_recording(recording_id, ended)
        return ended

    def prepare_jobs(self) -> None:
        self.jobs.prepared = True

    async def check_jobs(self, wanted: Sequence[JobWanted], at_most: int | None = None) -> None:
        self.jobs.check(wanted, at_most)

    async def open_job(self, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        await trio.lowlevel.checkpoint()
        if self.closing:
            raise WrongState("the engine is closing")
        self.jobs.open(job_id, wanted, events)

    async def change_job(self, job_id: str, wanted: JobWanted) -> None:
        await trio.lowlevel.checkpoint()
        self._end_streams(self.jobs.change(job_id, wanted))

    async def close_job(self, job_id: str, reason: str = "stopped") -> None:
        self.end_job(job_id, reason)

    async def stats(self) -> EngineStats:
        empty = RouterStats((), (), 0, Totals())
        ports = len(self.ports) + len(self.datagram_ports)
        counts = len(self.sessions), ports, len(self.recordings)
        relayed = sum((Counter(asdict(relay.stats)) for relay in self.relays), Counter[str]())
        relay = RelayStats(**relayed)
        return EngineStats(*counts, 0, empty, relay=relay, jobs=self.jobs.stats)

    async def close(self) -> None:
        self.closing = True
        for recording_id in list(self.recordings):
            await self.stop_recording(recording_id, "the server is closing")
        for job_id in list(self.jobs.jobs):
            await self.close_job(job_id, "the server is closing")
        for port_id in (*self.ports, *self.datagram_ports):
            await self.close_port(port_id)
        for session in list(self.sessions.values()):
            await session.close("the server is closing")

    # What tests may do to it.

    def feed(self, port_id: str, datagram: bytes, host: str = "127.0.0.1") -> None:
        """Have a datagram come to a datagram port."""
        self.datagram_port(port_id).take(datagram, host)

    def record(self, recording_id: str, seconds: float, size: int) -> None:
        """Have recorded something."""
        status = RecordingStatus(RecordingState.RUNNING, seconds, size)
        self._recording(recording_id).status = status

    def end_recording(self, recording_id: str, status: RecordingStatus) -> None:
        """Have a recording end by itself."""
        recording = self.recordings.pop(recording_id)
        for sink in recording.sinks.values():
            self.attached.pop(sink, None)
        recording.ended(status)

    def tell_of_job(self, job_id: str, event: JobEvent) -> None:
        """Have a job tell something."""
        self.jobs.tell(job_id, event)

    def end_job(self, job_id: str, reason: str, detail: str = "", input: str = "") -> None:
        """Have a job end by itself, perhaps of an input."""
        self.jobs.job(job_id)
        self._end_streams(self.jobs.end(job_id, reason, detail, input))

    # Inside.

    def datagram_port(self, port_id: str) -> FakeDatagramPort:
        if port_id not in self.datagram_ports:
            raise UnknownPort(port_id)
        return self.datagram_ports[port_id]

    def _check_port(self, port_id: str, wanted: PortWanted | DatagramPortWanted) -> None:
        if self.closing:
            raise WrongState("the engine is closing")
        if port_id in self.ports or port_id in self.datagram_ports:
            raise IdTaken(port_id)
        first, last = wanted.ports
        if (first, last) != (0, 0) and not 1 <= first <= last <= 65535:
            raise ValueError(wanted.ports)
        if wanted.address not in OURS:
            raise BadAddress(wanted.address)

    def _codecs(self, end: str) -> dict[str, str]:
        tracks = [t for session in self.sessions.values() for t in session.tracks]
        codecs = {getattr(t, end): t.codec for t in tracks if getattr(t, end) is not None}
        for port in self.ports.values():
            ends = {"source": port.wanted.receives, "sink": port.wanted.sends}
            if ends[end] is not None:
                codecs[getattr(port.facts, end)] = ends[end].codec.name
        codecs |= self.jobs.codecs(end)
        if end == "sink":
            for recording in self.recordings.values():
                taken = {track.kind: track.codec for track in recording.plan.tracks}
                codecs |= {sink: taken[kind] for kind, sink in recording.sinks.items()}
        return codecs

    def _end_streams(self, ends: set[str]) -> None:
        for each in ends:
            self.attached.pop(each, None)
            self._let_go(each)

    def _let_go(self, source: str) -> None:
        """Attach to nothing what a source that ends was led to."""
        self.attached = {sink: it for sink, it in self.attached.items() if it != source}

    def _recording(self, recording_id: str) -> FakeRecording:
        if recording_id not in self.recordings:
            raise UnknownRecording(recording_id)
        return self.recordings[recording_id]

    def _port(self, port_id: str) -> FakePort:
        if port_id not in self.ports:
            raise UnknownPort(port_id)
        return self.ports[port_id]

    def _free(self, ports: tuple[int, int], above: int) -> tuple[int, int]:
        """Return a free port, and the one so many above it, which is free as well."""
        open_ones = [*self.ports.values(), *self.datagram_ports.values()]
        taken = {number for port in open_ones for number in port.numbers}
        first, last = ports if ports != (0, 0) else (40_000, 65_535)
        for number in range(first + (above and first % 2), last + 1 - above, 1 + above):
            if not taken & {number, number + above}:
                return number, number + above
        raise NoFreePort(ports)

    def _bring_about(
        self, path: MediaPath, sources: dict[str, str], sinks: dict[str, str]
    ) -> PathFailure | None:
        sink, source = path.sink, path.source
        if sink not in sinks:
            return PathFailure(sink, PathTrouble.SINK_GONE)
        if not path.flows:
            self.paused.add(sink)
        if source is None:
            self.attached.pop(sink, None)
        elif source not in sources:
            return PathFailure(sink, PathTrouble.SOURCE_GONE)
        elif sources[source] != sinks[sink]:
            return PathFailure(sink, PathTrouble.CODEC_MISMATCH, "another codec")
        else:
            self.attached[sink] = source
        if path.flows:
            self.paused.discard(sink)
        return None


def _same(one: PortReceives, other: PortReceives) -> bool:
    """Tell whether a source goes on: what is said to its sender may go elsewhere."""
    return one == replace(other, feedback=one.feedback, digits=one.digits)


def _same_stream(one: PortSends, other: PortSends) -> bool:
    """Tell whether a sink goes on: it may send elsewhere, with reports or without."""
    return one == replace(other, remote=one.remote, reports=one.reports, symmetric=one.symmetric)
