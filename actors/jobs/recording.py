"""A recording: carries one of the media engine's, and sees that it is finalised however it ends."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from actors.core import (
    ActorStopped,
    ChildSpec,
    MailboxFull,
    Message,
    Ref,
    Refused,
    Request,
    Restart,
)
from actors.jobs.job import Job
from actors.streams.media_errors import asked
from media.contract.engine import MediaEngine
from media.contract.errors import MediaError, MediaTimeout, UnknownRecording
from media.contract.recordings import RecordingPlan, RecordingState, RecordingStatus

GRACE_SECONDS = 10.0  # more than the engine takes to finalise a file
FINAL = (RecordingState.FINALISED, RecordingState.PARTIAL, RecordingState.FAILED)


@dataclass(frozen=True, slots=True)
class GetRecording(Request[RecordingStatus]):
    """Ask where it stands."""


@dataclass(frozen=True, slots=True)
class PaceKeyframes(Message):
    """Ask the publisher for a keyframe when none came for so many seconds; 0: do not ask."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RecordingEnded(Message):
    """The fact told to the owner: a recording has ended, as its status says."""

    id: str
    status: RecordingStatus


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


class Recording(Job):
    """Ends by itself when the file does, and tells `owner`; when stopped, finalises the file."""

    kind = "recording"
    accepts = (*Job.accepts, GetRecording, PaceKeyframes)

    def __init__(
        self,
        plan: RecordingPlan,
        sources: Mapping[str, str],
        engine: MediaEngine,
        owner: Ref[Message] | None = None,
    ) -> None:
        super().__init__(plan.id, engine, {kind: (it, True) for kind, it in sources.items()})
        self._plan = plan
        self._sources = sources
        self._owner = owner
        self._status = RecordingStatus(RecordingState.STARTING, 0.0, 0)
        self._abandoned = False  # the disk took too long

    @property
    def result(self) -> RecordingStatus:
        return self._status

    async def begin(self) -> Mapping[str, str] | None:
        """Start to record; what cannot be recorded ends as failed, without a crash."""
        started = self.engine.start_recording(self._plan, self._sources, self._hear)
        try:
            sinks = await asked(started)
        except Refused as refusal:
            self._hear(RecordingStatus(RecordingState.FAILED, 0.0, 0, refusal.code))
            return None
        self.ctx.log.info("recording.started", recording=self.id)
        return sinks

    async def handle(self, message: Message) -> object:
        match message:
            case GetRecording():
                await self.measure()
                return self._status
            case PaceKeyframes(seconds):
                try:
                    await asked(self.engine.pace_keyframes(self.id, seconds))
                except (MediaError, Refused) as error:
                    self.not_changed(type(error).__name__)
                return None
        return await super().handle(message)

    async def teardown(self, reason: str) -> None:
        await super().teardown(reason)
        self._report(self._status)

    def snapshot(self) -> Mapping[str, object]:
        status = self._status
        taken = self.taken.items()
        return {
            "state": status.state.value,
            "container": self._plan.container.value,
            "sources": {kind: source for kind, (source, _) in taken if source is not None},
            "paused": sorted(kind for kind, (_, flows) in taken if not flows),
            "seconds": round(status.seconds, 1),
            "bytes": status.bytes,
            "reason": status.reason,
            "lost_packets": status.lost_packets,
            "dropped_frames": status.dropped_frames,
        }

    async def measure(self) -> None:
        with suppress(UnknownRecording):  # it has ended: that is told
            status = await self.engine.recording_status(self.id)
            if self._status.state not in FINAL:
                self._status = status

    async def finish(self, reason: str) -> None:
        """End the recording; its end is heard when this is through, if the disk allows."""
        if self._status.state in FINAL or self._abandoned:
            return
        try:
            await self.engine.stop_recording(self.id, reason)
        except UnknownRecording:
            return
        except MediaTimeout:
            self.ctx.log.error("recording.abandoned", recording=self.id)
            self._abandoned = True
            self._status = replace(
                self._status, state=RecordingState.PARTIAL, reason="disk_too_slow"
            )
            self.ctx.stop(reason)

    def not_changed(self, reason: str) -> None:
        self.ctx.log.warning("recording.not_changed", recording=self.id, reason=reason)

    def _hear(self, status: RecordingStatus) -> None:
        """Take how it ended. Called by the media layer, so it neither waits nor raises."""
        self._status = status
        self.ended(status.reason)

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
