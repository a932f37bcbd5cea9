"""The sound of one stream in another codec."""

from __future__ import annotations

from dataclasses import dataclass, replace

from media.contract.jobs import COMMON, AudioTarget, JobInput, JobWanted, TranscodeWanted
from media.job.pcm import STEP, silence
from media.job.sound_encoder import SoundEncoder
from media.job.sound_input import SoundInput
from media.job.sound_sending import send_sound
from media.job.steps import Due, StepSchedule
from media.job.work import Outside, WorkFigures


@dataclass(frozen=True, slots=True)
class _Transcoding:
    given: JobInput
    input: SoundInput
    target: AudioTarget
    encoder: SoundEncoder


class SoundTranscode:
    """Decodes and encodes one sound (see media.job.work.Work); a pause of its sender is silence."""

    def __init__(self, outside: Outside) -> None:
        self.figures = WorkFigures()
        self._outside = outside
        self._running: _Transcoding | None = None
        self._schedule = StepSchedule()

    def change(self, wanted: JobWanted) -> None:
        """Take this input to this target from now on. Raises ValueError for one of pictures."""
        if not isinstance(wanted, TranscodeWanted) or not isinstance(wanted.target, AudioTarget):
            raise ValueError("no transcoding of sound")
        given, target = wanted.input, wanted.target
        before = self._running
        goes_on = before is not None and before.given == given
        self._running = _Transcoding(
            given,
            before.input if before and goes_on else SoundInput(given.codec, self.figures),
            target,
            before.encoder if before and before.target == target else SoundEncoder(target),
        )
        self._schedule.tell_again()

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        """Take a packet of the input."""
        if self._running is not None and self._running.given.id == input:
            self._running.input.take(packet, arrival)

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        """Take when this RTP time of the input was captured."""
        if self._running is not None and self._running.given.id == input:
            self._running.input.take_report(timestamp, moment)

    def keyframe_wanted(self, name: str) -> None:
        """Do nothing: sound has none."""

    def due(self) -> float:
        """Return when the next step is due."""
        return float("inf") if self._running is None else self._schedule.next

    def tick(self, now: float) -> None:
        """Do the steps that are due."""
        if self._running is None:
            return
        for due in self._schedule.due(now):
            self._step(self._running, due)
        self.figures.late_frames = self._schedule.skipped

    def _step(self, running: _Transcoding, due: Due) -> None:
        sound = running.input.step(due.moment)
        lag = running.input.lag(due.moment)  # as captured, so that it is in step with its picture
        due = due if lag is None else replace(due, moment=due.moment - lag)
        packets = running.encoder.encode(silence(STEP) if sound is None else sound, due.position)
        self.figures.frames_out += len(packets)
        send_sound(self._outside, COMMON, running.target, packets, due)
