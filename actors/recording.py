"""A recording: carries one `Recorder`, and sees that its file is finalised however it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import trio

from actors.core import (
    Actor,
    ActorStopped,
    ChildSpec,
    MailboxFull,
    Message,
    Ref,
    ReplyTo,
    Request,
    Restart,
)
from media.errors import CannotRecord, MediaError, UnknownSink
from media.muxing import State
from media.packet_tap import PacketTap
from media.recorder import Recorder, RecordingPlan, RecordingStatus

TICK_SECONDS = 0.5
GRACE_SECONDS = 10.0
FINALISE_SECONDS = 9.0  # of the grace; a disk that takes longer leaves a `.part` file


class Taps(Protocol):
    """What a recording needs of the media router."""

    def add_tap(self, tap: PacketTap) -> None: ...
    def remove_tap(self, tap_id: str) -> None: ...
    def attach(self, source_id: str, sink_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class StopRecording(Request[RecordingStatus]):
    """End it; answered when the file has its final name."""

    reason: str = "stopped"


@dataclass(frozen=True, slots=True)
class GetRecording(Request[RecordingStatus]):
    """Ask where it stands."""


@dataclass(frozen=True, slots=True)
class RecordingEnded(Message):
    """The fact told to the owner: a recording has ended, as its status says."""

    id: str
    status: RecordingStatus


@dataclass(frozen=True, slots=True)
class Tick(Message):
    pass


@dataclass(frozen=True, slots=True)
class Written(Message):
    """The thread is through: there will be no more of the file."""


def recording_spec(
    plan: RecordingPlan,
    sources: Mapping[str, str],
    router: Taps,
    owner: Ref[Message] | None = None,
) -> ChildSpec:
    """Return the spec of a recording; `sources` names the source of each kind of track.

    Check the plan first, with `media.recorder.check`: here it is too late to refuse.
    """
    return ChildSpec(
        f"recording:{plan.id}",
        partial(Recording, plan, dict(sources), router, owner),
        Restart.TEMPORARY,
        grace=GRACE_SECONDS,
    )


class Recording(Actor[Message]):
    """Ends by itself when the file does, and tells `owner`; when stopped, finalises the file."""

    kind = "recording"
    accepts = (StopRecording, GetRecording, Tick, Written)

    def __init__(
        self,
        plan: RecordingPlan,
        sources: Mapping[str, str],
        router: Taps,
        owner: Ref[Message] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._sources = sources
        self._router = router
        self._owner = owner
        self._clock = clock
        self._recorder: Recorder | None = None
        self._refused = ""  # why there is no recorder
        self._askers: list[ReplyTo[RecordingStatus]] = []

    async def setup(self) -> None:
        """Start to listen and to write; what cannot be recorded ends as failed, without a crash."""
        try:
            recorder = Recorder(self._plan)
            self._listen(recorder)
        except CannotRecord:
            self._refused = "cannot_record"
        except (MediaError, KeyError):
            self._refused = "source_gone"
        if self._refused:
            self.ctx.self_ref.tell(Written())
            return
        self._recorder = recorder
        self.ctx.start_task(self._write, recorder, name="muxing")
        self.ctx.tell_self_after(TICK_SECONDS, Tick())
        self.ctx.log.info("recording.started", recording=self._plan.id)

    async def handle(self, message: Message) -> object:
        match message:
            case Tick():
                if self._recorder is not None:
                    self._recorder.tick(self._clock())
                self.ctx.tell_self_after(TICK_SECONDS, Tick())
            case GetRecording():
                return self._status()
            case StopRecording(reason):
                self._askers.append(self.ctx.defer())
                if self._recorder is not None:
                    self._recorder.stop(reason)
            case Written():
                self.ctx.stop(self._status().reason)
        return None

    async def teardown(self, reason: str) -> None:
        """Finalise the file, within the grace."""
        recorder = self._recorder
        if recorder is not None:
            self._stop_listening(recorder)
            recorder.stop(reason)
            ended = partial(recorder.wait_ended, FINALISE_SECONDS)
            if not await trio.to_thread.run_sync(ended, abandon_on_cancel=True):
                self.ctx.log.error("recording.abandoned", recording=self._plan.id)
        status = self._status()
        for asker in self._askers:
            asker.reply(status)
        self._report(status)

    def snapshot(self) -> Mapping[str, object]:
        status = self._status()
        return {
            "state": status.state.value,
            "container": self._plan.container.value,
            "seconds": round(status.seconds, 1),
            "bytes": status.bytes,
            "reason": status.reason,
            "lost_packets": status.lost_packets,
            "dropped_frames": status.dropped_frames,
        }

    async def _write(self, recorder: Recorder) -> None:
        # Abandoned when the actor is stopped: teardown has the thread end, and waits for it.
        await trio.to_thread.run_sync(
            recorder.run, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1)
        )
        await self.ctx.self_ref.send(Written())

    def _listen(self, recorder: Recorder) -> None:
        try:
            for tap in recorder.taps:
                self._router.add_tap(tap)
                self._router.attach(self._sources[tap.kind], tap.id)
        except BaseException:
            self._stop_listening(recorder)
            raise

    def _stop_listening(self, recorder: Recorder) -> None:
        for tap in recorder.taps:
            with suppress(UnknownSink):
                self._router.remove_tap(tap.id)

    def _status(self) -> RecordingStatus:
        if self._recorder is None:
            state = State.FAILED if self._refused else State.STARTING
            return RecordingStatus(state, 0.0, 0, self._refused)
        return self._recorder.status()

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
