"""The recordings of an engine, by id: each has a thread, and its end is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import outcome
import trio

from media.contract.codec import Codec
from media.contract.errors import (
    CodecMismatch,
    IdTaken,
    MediaTimeout,
    UnknownRecording,
    UnknownSink,
)
from media.contract.recordings import RecordingPlan, RecordingStatus
from media.recording.container import CODECS, goes_on
from media.recording.recorder import Recorder, check
from media.rtp.router import Router
from media.webrtc.containment import Stray, contained

TICK_SECONDS = 0.5
FINALISE_SECONDS = 9.0  # a disk that takes longer leaves a `.part` file


@dataclass(slots=True)
class _Running:
    recorder: Recorder
    ended: Callable[[RecordingStatus], None]
    over: trio.Event = field(default_factory=trio.Event)


class Recordings:
    """Starts, watches and ends them; `stray` takes what is raised by a bug in one."""

    def __init__(
        self,
        router: Router,
        nursery: trio.Nursery,
        stray: Stray,
    ) -> None:
        self._router = router
        self._nursery = nursery
        self._stray = stray
        self._running: dict[str, _Running] = {}

    def __len__(self) -> int:
        return len(self._running)

    def check(self, plan: RecordingPlan, sources: Mapping[str, str]) -> None:
        """See media.contract.engine.MediaEngine.check_recording."""
        check(plan)
        if plan.id in self._running:
            raise IdTaken(plan.id)
        for track in plan.tracks:
            if track.kind in sources:
                self._check_codec(sources[track.kind], CODECS[track.codec])

    def start(
        self,
        plan: RecordingPlan,
        sources: Mapping[str, str],
        ended: Callable[[RecordingStatus], None],
    ) -> dict[str, str]:
        """See media.contract.engine.MediaEngine.start_recording."""
        self.check(plan, sources)
        recorder = Recorder(plan)
        listening = False
        try:
            for tap in recorder.taps:
                self._router.add_tap(tap)
                if tap.kind in sources:
                    self._router.attach(sources[tap.kind], tap.id)
            listening = True
        finally:
            if not listening:
                self._stop_listening(recorder)
        running = self._running[plan.id] = _Running(recorder, ended)
        self._nursery.start_soon(self._run, plan.id, running)
        return {tap.kind: tap.id for tap in recorder.taps}

    def check_source(self, source: str, sink: str) -> None:
        """Raise CodecMismatch if `sink` is of a recording that cannot take this source."""
        for running in self._running.values():
            for tap in running.recorder.taps:
                if tap.id == sink:
                    self._check_codec(source, tap.codec)

    def pace_keyframes(self, recording_id: str, seconds: float) -> None:
        """See media.contract.engine.MediaEngine.pace_keyframes."""
        self._find(recording_id).recorder.pace_keyframes(seconds)

    def status(self, recording_id: str) -> RecordingStatus:
        """See media.contract.engine.MediaEngine.recording_status."""
        return self._find(recording_id).recorder.status()

    async def stop(self, recording_id: str, reason: str) -> RecordingStatus:
        """See media.contract.engine.MediaEngine.stop_recording."""
        running = self._find(recording_id)
        self._stop_listening(running.recorder)
        running.recorder.stop(reason)
        with trio.move_on_after(FINALISE_SECONDS):
            await running.over.wait()
            return running.recorder.status()
        raise MediaTimeout("the file was not finalised in time")

    async def stop_all(self, reason: str) -> None:
        """End all, and wait for them as long as for one."""
        async with trio.open_nursery() as nursery:
            for recording_id in list(self._running):
                nursery.start_soon(self._stop_quietly, recording_id, reason)

    async def _stop_quietly(self, recording_id: str, reason: str) -> None:
        with suppress(MediaTimeout, UnknownRecording):
            await self.stop(recording_id, reason)

    async def _run(self, recording_id: str, running: _Running) -> None:
        recorder = running.recorder
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_up, recorder)
            # `stop` waits for the thread; whoever cancels has given it up.
            wrote = await trio.to_thread.run_sync(
                outcome.capture,
                recorder.run,
                abandon_on_cancel=True,
                limiter=trio.CapacityLimiter(1),
            )
            nursery.cancel_scope.cancel()
        self._stop_listening(recorder)
        del self._running[recording_id]
        running.over.set()
        told = outcome.capture(running.ended, recorder.status())
        for result, what in ((wrote, "a recording failed"), (told, "an end was not taken")):
            if isinstance(result, outcome.Error):
                self._stray(result.error, what)

    async def _keep_up(self, recorder: Recorder) -> None:
        """Keep a recording up to date until cancelled; a bug in that ends it."""
        what, well = "a recording was not kept up", True
        while well:
            await trio.sleep(TICK_SECONDS)
            well = contained(self._stray, what, recorder.tick, time.monotonic())
        recorder.crash()

    def _find(self, recording_id: str) -> _Running:
        try:
            return self._running[recording_id]
        except KeyError:
            raise UnknownRecording(recording_id) from None

    def _check_codec(self, source: str, codec: Codec) -> None:
        carried = self._router.codec_of(source)
        if not goes_on(codec, carried):
            other = "another " * (carried.name == codec.name)
            raise CodecMismatch(f"{other}{carried.name} to a recording of {codec.name}")

    def _stop_listening(self, recorder: Recorder) -> None:
        for tap in recorder.taps:
            with suppress(UnknownSink):
                self._router.remove_tap(tap.id)
