"""A media engine without media: same contract, no socket, no asyncio, connected in no time.

It passes the contract tests of the real one (tests/media/contract/test_engine_contract.py). Two
sessions of one fake engine that exchange descriptions are connected; ones that exchange them with
anybody else stay CONNECTING until `connect` or `fail` is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import trio

from media.contract.engine import (
    EngineStats,
    EventSink,
    RecordingSink,
    SessionWanted,
)
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
from media.contract.paths import MediaPath, PathFailure, PathTrouble
from media.contract.plans import PortFacts, PortReceives, PortSends, PortWanted
from media.contract.recordings import RecordingPlan, RecordingState, RecordingStatus
from media.contract.stats import RouterStats, Totals
from media.recording.recorder import check, check_keyframe_seconds
from tests.fakes.media_session import FakeSession

OURS = ("127.0.0.1", "::1")


@dataclass
class FakePort:
    id: str
    wanted: PortWanted
    numbers: tuple[int, int]

    @property
    def facts(self) -> PortFacts:
        rtp, rtcp = ((self.wanted.address, number) for number in self.numbers)
        source = f"{self.id}/in" if self.wanted.receives is not None else None
        sink = f"{self.id}/out" if self.wanted.sends is not None else None
        return PortFacts(rtp, rtcp, source, sink)


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

    `wirings` are the calls of `wire` that came, each of which takes `wiring_seconds`.
    """

    def __init__(self) -> None:
        self.ports: dict[str, FakePort] = {}
        self.recordings: dict[str, FakeRecording] = {}
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

    async def open_port(self, port_id: str, wanted: PortWanted) -> PortFacts:
        await trio.lowlevel.checkpoint()
        if self.closing:
            raise WrongState("the engine is closing")
        if port_id in self.ports:
            raise IdTaken(port_id)
        first, last = wanted.ports
        if (first, last) != (0, 0) and not 1 <= first <= last <= 65535:
            raise ValueError(wanted.ports)
        if wanted.address not in OURS:
            raise BadAddress(wanted.address)
        self.ports[port_id] = port = FakePort(port_id, wanted, self._free(wanted))
        return port.facts

    async def change_port(
        self, port_id: str, receives: PortReceives | None, sends: PortSends | None
    ) -> PortFacts:
        port = self._port(port_id)
        wanted, port.wanted = port.wanted, replace(port.wanted, receives=receives, sends=sends)
        if sends is None or wanted.sends is None or sends.codec != wanted.sends.codec:
            self.attached.pop(f"{port_id}/out", None)
        return port.facts

    async def port_facts(self, port_id: str) -> PortFacts:
        return self._port(port_id).facts

    async def close_port(self, port_id: str) -> None:
        self._port(port_id)
        del self.ports[port_id]
        self.attached.pop(f"{port_id}/out", None)

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

    async def stats(self) -> EngineStats:
        empty = RouterStats((), (), 0, Totals())
        counts = len(self.sessions), len(self.ports), len(self.recordings)
        return EngineStats(*counts, 0, empty)

    async def close(self) -> None:
        self.closing = True
        for recording_id in list(self.recordings):
            await self.stop_recording(recording_id, "the server is closing")
        self.ports.clear()
        for session in list(self.sessions.values()):
            await session.close("the server is closing")

    # What tests may do to it.

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

    # Inside.

    def _codecs(self, end: str) -> dict[str, str]:
        tracks = [t for session in self.sessions.values() for t in session.tracks]
        codecs = {getattr(t, end): t.codec for t in tracks if getattr(t, end) is not None}
        for port in self.ports.values():
            ends = {"source": port.wanted.receives, "sink": port.wanted.sends}
            if ends[end] is not None:
                codecs[getattr(port.facts, end)] = ends[end].codec.name
        if end == "sink":
            for recording in self.recordings.values():
                taken = {track.kind: track.codec for track in recording.plan.tracks}
                codecs |= {sink: taken[kind] for kind, sink in recording.sinks.items()}
        return codecs

    def _recording(self, recording_id: str) -> FakeRecording:
        if recording_id not in self.recordings:
            raise UnknownRecording(recording_id)
        return self.recordings[recording_id]

    def _port(self, port_id: str) -> FakePort:
        if port_id not in self.ports:
            raise UnknownPort(port_id)
        return self.ports[port_id]

    def _free(self, wanted: PortWanted) -> tuple[int, int]:
        taken = {number for port in self.ports.values() for number in port.numbers}
        first, last = wanted.ports if wanted.ports != (0, 0) else (40_000, 65_535)
        above = 0 if wanted.mux else 1
        for number in range(first + (above and first % 2), last + 1 - above, 1 + above):
            if not taken & {number, number + above}:
                return number, number + above
        raise NoFreePort(wanted.ports)

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
