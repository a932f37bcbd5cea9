"""The engine of a server that carries no media: nothing is ever open in it.

It loads nothing of what would carry media, which takes tens of MiB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from media.contract.datagrams import DatagramPortFacts, DatagramPortWanted
from media.contract.engine import EngineStats, RecordingSink
from media.contract.errors import (
    CannotRecord,
    NoCapacity,
    NoFreePort,
    UnknownJob,
    UnknownPort,
    UnknownRecording,
    UnknownSource,
    WrongState,
)
from media.contract.jobs import JobSink, JobWanted
from media.contract.paths import MediaPath, PathFailure, PathTrouble
from media.contract.plans import PortFacts, PortReceives, PortSends, PortSink, PortWanted
from media.contract.recordings import RecordingPlan, RecordingStatus
from media.contract.session import EventSink, MediaSession, SessionWanted
from media.contract.stats import RouterStats, Totals

NOT_HERE = "this server carries no media"


class NoMedia:
    """See media.contract.engine.MediaEngine: whatever would open something is refused."""

    async def open_session(
        self, session_id: str, wanted: SessionWanted, events: EventSink
    ) -> MediaSession:
        raise WrongState(NOT_HERE)

    async def wire(self, paths: Sequence[MediaPath]) -> tuple[PathFailure, ...]:
        return tuple(PathFailure(path.sink, PathTrouble.SINK_GONE) for path in paths)

    async def request_keyframe(self, source: str) -> None:
        raise UnknownSource(NOT_HERE)

    async def open_port(
        self, port_id: str, wanted: PortWanted, events: PortSink | None = None
    ) -> PortFacts:
        raise NoFreePort(NOT_HERE)

    async def change_port(
        self, port_id: str, receives: PortReceives | None, sends: PortSends | None
    ) -> PortFacts:
        raise UnknownPort(NOT_HERE)

    async def port_facts(self, port_id: str) -> PortFacts:
        raise UnknownPort(NOT_HERE)

    async def close_port(self, port_id: str) -> None:
        raise UnknownPort(NOT_HERE)

    async def open_datagram_port(
        self, port_id: str, wanted: DatagramPortWanted
    ) -> DatagramPortFacts:
        raise NoFreePort(NOT_HERE)

    async def datagram_port_facts(self, port_id: str) -> DatagramPortFacts:
        raise UnknownPort(NOT_HERE)

    async def route_rtcp(self, port_id: str, streams: tuple[str, ...]) -> None:
        raise UnknownPort(NOT_HERE)

    async def check_recording(self, plan: RecordingPlan, sources: Mapping[str, str]) -> None:
        raise CannotRecord(NOT_HERE)

    async def start_recording(
        self, plan: RecordingPlan, sources: Mapping[str, str], ended: RecordingSink
    ) -> dict[str, str]:
        raise CannotRecord(NOT_HERE)

    async def pace_keyframes(self, recording_id: str, seconds: float) -> None:
        raise UnknownRecording(NOT_HERE)

    async def recording_status(self, recording_id: str) -> RecordingStatus:
        raise UnknownRecording(NOT_HERE)

    async def stop_recording(self, recording_id: str, reason: str = "stopped") -> RecordingStatus:
        raise UnknownRecording(NOT_HERE)

    async def check_jobs(self, wanted: Sequence[JobWanted], at_most: int | None = None) -> None:
        if wanted:
            _no_capacity(wanted[0])

    async def open_job(self, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        _no_capacity(wanted)

    async def change_job(self, job_id: str, wanted: JobWanted) -> None:
        raise UnknownJob(NOT_HERE)

    async def close_job(self, job_id: str, reason: str = "stopped") -> None:
        raise UnknownJob(NOT_HERE)

    def prepare_jobs(self) -> None:
        """Prepare nothing."""

    async def stats(self) -> EngineStats:
        router = RouterStats(sources=(), sinks=(), taps=0, totals=Totals())
        return EngineStats(sessions=0, ports=0, recordings=0, stray_errors=0, router=router)


def _no_capacity(wanted: JobWanted) -> NoReturn:
    raise NoCapacity(wanted.kind, NOT_HERE)
