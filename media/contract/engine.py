"""The contract between signalling and media: what an actor may ask of the media layer.

An engine holds sessions. A session is one WebRTC connection to one other side: it is negotiated
with descriptions (SDP text) and candidates, brings sources (what the other side sends), sinks
(what it takes) and data channels, and tells what happens to it in events. Sources and sinks go by
string ids which are unique in the engine, whoever made them: a session, a UDP port or a recorder.

Everything that crosses is frozen plain data, and every call that may wait is async: an engine may
live in another process. Of this package, only the errors in `media.contract.errors` come out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from media.contract.datagrams import DatagramPortFacts, DatagramPortWanted, RelayStats
from media.contract.jobs import JobSink, JobStats, JobWanted
from media.contract.paths import MediaPath, PathFailure
from media.contract.plans import PortFacts, PortReceives, PortSends, PortSink, PortWanted
from media.contract.recordings import RecordingPlan, RecordingStatus
from media.contract.session import EventSink, Failure, MediaSession, SessionWanted
from media.contract.stats import RouterStats


@dataclass(frozen=True, slots=True)
class EngineStats:
    """What one engine holds and has carried; stray errors are bugs nobody waited for.

    `failures` counts the sessions that failed, by what brought them to it; `relay` is the sum over
    the relays of all sessions there ever were.
    """

    sessions: int
    ports: int
    recordings: int
    stray_errors: int
    router: RouterStats
    failures: Mapping[Failure, int] = field(default_factory=dict)
    relay: RelayStats = field(default_factory=RelayStats)
    jobs: JobStats = field(default_factory=JobStats)


RecordingSink = Callable[[RecordingStatus], None]
"""Takes how a recording ended, once. It must not wait; where it raises, the error is logged."""


class MediaEngine(Protocol):
    """All media of one server. Its opener closes it, and with it every session."""

    async def open_session(
        self, session_id: str, wanted: SessionWanted, events: EventSink
    ) -> MediaSession:
        """Open a session.

        Raises IdTaken, WrongState once the engine is closing, and what `add_tracks` raises.
        """

    async def wire(self, paths: Sequence[MediaPath]) -> tuple[PathFailure, ...]:
        """Bring many paths about, in this order; return those that could not be.

        One that is so already goes on undisturbed, and one that fails leaves the others alone. A
        sink may be a session's, a port's or a recording's. Raises MediaTimeout when the engine does
        not get it done in time; some of them may be so, then.
        """

    async def request_keyframe(self, source: str) -> None:
        """Ask the sender of a source for a keyframe. Raises UnknownSource."""

    async def open_port(
        self, port_id: str, wanted: PortWanted, events: PortSink | None = None
    ) -> PortFacts:
        """Open a UDP port for plain RTP; it is open until `close_port`.

        Keys that are pressed at its other side are told to `events`, each once. Raises
        IdTaken, NoFreePort, BadAddress, RouterFull; ValueError for a range that is none.
        """

    async def change_port(
        self, port_id: str, receives: PortReceives | None, sends: PortSends | None
    ) -> PortFacts:
        """Let a port receive and send this, and nothing else; what is the same goes on.

        With only another `remote`, other `reports` or `symmetric`, the sink stays, attached as it
        is; with only another `feedback` or `digits`, the source does. What came before belongs to
        no later source. Raises UnknownPort, RouterFull.
        """

    async def port_facts(self, port_id: str) -> PortFacts:
        """Return how a port stands. Raises UnknownPort."""

    async def close_port(self, port_id: str) -> None:
        """Free a port of either kind, with its source and sink. Raises UnknownPort."""

    async def open_datagram_port(
        self, port_id: str, wanted: DatagramPortWanted
    ) -> DatagramPortFacts:
        """Open a UDP port for datagrams of any kind; what comes is dropped until it is used.

        It is open until `close_port`; the ids of all ports are of one space. Raises like
        `open_port`.
        """

    async def datagram_port_facts(self, port_id: str) -> DatagramPortFacts:
        """Return how a datagram port stands. Raises UnknownPort."""

    async def route_rtcp(self, port_id: str, streams: tuple[str, ...]) -> None:
        """Take what comes to a datagram port as RTCP about these sources and sinks, from now on.

        Of those that are not there, or end, it is about nothing. Raises UnknownPort.
        """

    async def check_recording(self, plan: RecordingPlan, sources: Mapping[str, str]) -> None:
        """Find out whether `start_recording` would take this; raises what it would raise."""

    async def start_recording(
        self, plan: RecordingPlan, sources: Mapping[str, str], ended: RecordingSink
    ) -> dict[str, str]:
        """Record into a file, and return the ids of the recording's sinks by kind.

        `sources` says by kind what is recorded at first; a track without one waits for `attach`.
        While a track is paused, time goes on. The recording ends by itself as the plan says, or
        when the disk fails. Raises CannotRecord, CodecMismatch, UnknownSource, IdTaken, RouterFull.
        """

    async def pace_keyframes(self, recording_id: str, seconds: float) -> None:
        """Have a recording ask for a keyframe when none came for so long; 0 for not at all.

        Raises UnknownRecording once it has ended, CannotRecord for less than a second.
        """

    async def recording_status(self, recording_id: str) -> RecordingStatus:
        """Return where a recording stands. Raises UnknownRecording once it has ended."""

    async def stop_recording(self, recording_id: str, reason: str = "stopped") -> RecordingStatus:
        """End a recording; return how, when its file has its name. The end is told as well.

        Raises UnknownRecording once it has ended, MediaTimeout when the disk takes too long.
        """

    async def check_jobs(self, wanted: Sequence[JobWanted], at_most: int | None = None) -> None:
        """Find out whether there is room for all of these jobs now. Raises NoCapacity.

        More than `at_most` are refused, too, which is what the caller's room may have. It starts
        nothing, keeps no room and waits for no process. What is refused is counted and logged.
        """

    async def open_job(self, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        """Start a job in a process of its own; its sinks and sources are there on return.

        It runs until `close_job`, or until JobEnded is told. Raises NoCapacity, at once and without
        harm to those that run; JobFailed, IdTaken, RouterFull; WrongState once the engine is
        closing.
        """

    async def change_job(self, job_id: str, wanted: JobWanted) -> None:
        """Have a job do this from now on, instead of what it did; of the same kind.

        Sinks and sources that are not wanted any more end, others come, the rest stays attached.
        Raises UnknownJob, NoCapacity and RouterFull (it goes on as it was), JobFailed.
        """

    async def close_job(self, job_id: str, reason: str = "stopped") -> None:
        """End a job, its process, sinks and sources. Its end is told. Raises UnknownJob."""

    def prepare_jobs(self) -> None:
        """Have processes wait for jobs from now on, and find out what jobs cost here.

        It is done meanwhile. Without it jobs start more slowly, and are judged by common figures.
        """

    async def stats(self) -> EngineStats:
        """Return what happened to every session, source and sink so far."""
