"""A recording: carries one of the media engine's, and sees that it is finalised however it ends."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from actors.core import (
    Actor,
    ActorStopped,
    ChildSpec,
    MailboxFull,
    Message,
    Ref,
    Refused,
    ReplyTo,
    Request,
    Restart,
)
from actors.streams.media_errors import asked
from actors.words.media_refusals import CannotRecord
from media.contract.engine import MediaEngine
from media.contract.errors import MediaTimeout, UnknownRecording
from media.contract.recordings import RecordingPlan, RecordingState, RecordingStatus

MEASURE_SECONDS = 1.0  # between looks at how far it is, for the tree page
GRACE_SECONDS = 10.0  # more than the engine takes to finalise a file
FINAL = (RecordingState.FINALISED, RecordingState.PARTIAL, RecordingState.FAILED)


@dataclass(frozen=True, slots=True)
class StopRecording(Request[RecordingStatus]):
    """End it; answered when the file has its final name."""

    reason: str = "stopped"


@dataclass(frozen=True, slots=True)
class GetRecording(Request[RecordingStatus]):
    """Ask where it stands."""


@dataclass(frozen=True, slots=True)
class RecordSource(Request[None]):
    """Go on with another source in the track of a kind. Raises SourceGone, CodecMismatch."""

    kind: str
    source: str


@dataclass(frozen=True, slots=True)
class PauseTrack(Request[None]):
    """Record nothing in the track of a kind; time goes on."""

    kind: str


@dataclass(frozen=True, slots=True)
class ResumeTrack(Request[None]):
    """Record in the track of a kind again; video goes on at a keyframe, which is asked for."""

    kind: str


@dataclass(frozen=True, slots=True)
class PaceKeyframes(Request[None]):
    """Ask the publisher for a keyframe when none came for so many seconds; 0: do not ask."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RecordingEnded(Message):
    """The fact told to the owner: a recording has ended, as its status says."""

    id: str
    status: RecordingStatus


@dataclass(frozen=True, slots=True)
class MeasureRecording(Message):
    """The timer: look how far it is."""


@dataclass(frozen=True, slots=True)
class FileEnded(Message):
    """The engine has told its end: there will be no more of the file."""


async def check_recording(
    engine: MediaEngine, plan: RecordingPlan, sources: Mapping[str, str]
) -> None:
    """Refuse what would not start; for whoever is about to spawn a recording.

    Raises CannotRecord, CodecMismatch, SourceGone, MediaIdTaken.
    """
    await asked(engine.check_recording(plan, sources))


def recording_spec(
    plan: RecordingPlan,
    sources: Mapping[str, str],
    engine: MediaEngine,
    owner: Ref[Message] | None = None,
) -> ChildSpec:
    """Return the spec of a recording; `sources` names the source of each kind of track.

    Call `check_recording` first: what cannot be recorded here ends as failed, its reason being the
    code of the refusal.
    """
    return ChildSpec(
        f"recording:{plan.id}",
        partial(Recording, plan, dict(sources), engine, owner),
        Restart.TEMPORARY,
        grace=GRACE_SECONDS,
    )


class Recording(Actor[Message]):
    """Ends by itself when the file does, and tells `owner`; when stopped, finalises the file."""

    kind = "recording"
    accepts = (
        StopRecording, GetRecording, RecordSource, PauseTrack, ResumeTrack, PaceKeyframes,
        MeasureRecording, FileEnded,
    )  # fmt: skip

    def __init__(
        self,
        plan: RecordingPlan,
        sources: Mapping[str, str],
        engine: MediaEngine,
        owner: Ref[Message] | None = None,
    ) -> None:
        self._plan = plan
        self._sources = dict(sources)
        self._engine = engine
        self._owner = owner
        self._sinks: dict[str, str] = {}  # by kind
        self._paused: set[str] = set()
        self._status = RecordingStatus(RecordingState.STARTING, 0.0, 0)
        self._abandoned = False  # the disk took too long
        self._askers: list[ReplyTo[RecordingStatus]] = []

    async def setup(self) -> None:
        """Start to record; what cannot be recorded ends as failed, without a crash."""
        try:
            self._sinks = await asked(
                self._engine.start_recording(self._plan, self._sources, self._hear)
            )
        except Refused as refusal:
            self._hear(RecordingStatus(RecordingState.FAILED, 0.0, 0, refusal.code))
            return
        self.ctx.tell_self_after(MEASURE_SECONDS, MeasureRecording())
        self.ctx.log.info("recording.started", recording=self._plan.id)

    async def handle(self, message: Message) -> object:
        match message:
            case MeasureRecording():
                await self._measure()
                self.ctx.tell_self_after(MEASURE_SECONDS, MeasureRecording())
            case GetRecording():
                await self._measure()
                return self._status
            case RecordSource(kind, source):
                await asked(self._engine.attach(source, self._sink(kind)))
                self._sources[kind] = source
            case PauseTrack(kind):
                await asked(self._engine.pause(self._sink(kind)))
                self._paused.add(kind)
            case ResumeTrack(kind):
                await asked(self._engine.resume(self._sink(kind)))
                self._paused.discard(kind)
            case PaceKeyframes(seconds):
                await asked(self._engine.pace_keyframes(self._plan.id, seconds))
            case StopRecording(reason):
                if not self._askers:
                    self.ctx.start_task(self._finish, reason, name="finish")
                self._askers.append(self.ctx.defer())
            case FileEnded():
                self.ctx.stop(self._status.reason)
        return None

    async def teardown(self, reason: str) -> None:
        """Have the file finalised, within the grace."""
        if self._sinks and self._status.state not in FINAL and not self._abandoned:
            await self._finish(reason)
        for asker in self._askers:
            asker.reply(self._status)
        self._report(self._status)

    def snapshot(self) -> Mapping[str, object]:
        status = self._status
        return {
            "state": status.state.value,
            "container": self._plan.container.value,
            "sources": dict(self._sources),
            "paused": sorted(self._paused),
            "seconds": round(status.seconds, 1),
            "bytes": status.bytes,
            "reason": status.reason,
            "lost_packets": status.lost_packets,
            "dropped_frames": status.dropped_frames,
        }

    def _hear(self, status: RecordingStatus) -> None:
        """Take how it ended. Called by the media layer, so it neither waits nor raises."""
        self._status = status
        try:
            self.ctx.self_ref.tell(FileEnded())
        except MailboxFull:
            self.ctx.stop(status.reason)
        except ActorStopped:
            return  # its teardown is what ended it

    async def _measure(self) -> None:
        with suppress(UnknownRecording):  # it has ended: that is told
            status = await self._engine.recording_status(self._plan.id)
            if self._status.state not in FINAL:
                self._status = status

    async def _finish(self, reason: str) -> None:
        """End the recording; its end is heard when this is through, if the disk allows."""
        try:
            await self._engine.stop_recording(self._plan.id, reason)
        except UnknownRecording:
            return
        except MediaTimeout:
            self.ctx.log.error("recording.abandoned", recording=self._plan.id)
            self._abandoned = True
            self._status = replace(
                self._status, state=RecordingState.PARTIAL, reason="disk_too_slow"
            )
            self.ctx.stop(reason)

    def _sink(self, kind: str) -> str:
        if kind not in self._sinks:
            raise CannotRecord(f"the recording has no {kind}")
        return self._sinks[kind]

    def _report(self, status: RecordingStatus) -> None:
        self.ctx.log.info(
            "recording.ended",
            recording=self._plan.id,
            state=status.state.value,
            reason=status.reason,
            seconds=round(status.seconds, 1),
            bytes=status.bytes,
        )
        if self._owner is not None:
            with suppress(ActorStopped, MailboxFull):
                self._owner.tell(RecordingEnded(self._plan.id, status))
