"""A picture, or a sound, decoded for a plug-in: in the size and rate that it wants, and no more.

The plug-in has a thread of its own (media.analysis.running): whatever it does, decoding goes on,
and what it has no time for is left out. Frames are made of what was decoded in its thread, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from av import VideoFrame

from media.analysis.plugin import Frame, PictureWants, SoundWants, Wants
from media.contract.analysis import AnalysisBegan, AnalysisEnd, AnalysisNoted, AnalysisOver
from media.contract.jobs import AnalysisWanted, JobInput, JobWanted
from media.job.pcm import RATE, STEP, STEP_SECONDS, silence
from media.job.pcm import Sound as Samples
from media.job.picture_input import PictureInput, TimedPicture
from media.job.resample import EvenResampler
from media.job.sound_input import SoundInput
from media.job.steps import StepSchedule
from media.job.work import Outside, WorkFigures

if TYPE_CHECKING:
    from media.analysis.running import PluginThread

NEVER = float("inf")
CLOSE_SECONDS = 0.5
SOUND_SECONDS = 2.0  # that are kept for a plug-in that is busy
FORMATS = {"rgb": "rgb24", "gray": "gray"}
KIND_OF = {"picture": "video", "sound": "audio"}


class AnalysisWork:
    """See media.job.work.Work; `figures.late_frames` are those the plug-in had no time for."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._figures = WorkFigures()
        self._wanted: AnalysisWanted | None = None
        self._thread: PluginThread | None = None
        self._wants: Wants | None = None  # once it has said so
        self._picture: _Pictures | None = None
        self._sound: _Sounds | None = None
        self._over = False

    @property
    def figures(self) -> WorkFigures:
        figures, thread = self._figures, self._thread
        if thread is not None:
            figures.frames_out, figures.late_frames = thread.taken, thread.skipped
        return figures

    def change(self, wanted: JobWanted) -> None:
        if not isinstance(wanted, AnalysisWanted):
            raise TypeError("no analysis")
        if self._wanted is not None and self._wanted.algorithm != wanted.algorithm:
            raise ValueError("an analysis keeps its algorithm")
        self._wanted = wanted
        if self._thread is None:
            from media.analysis.running import PluginThread  # Trio, for which no other work waits

            self._thread = PluginThread(wanted.algorithm, self._outside.wake)
            self._thread.start()
        elif self._wants is not None and not self._over:
            self._open(self._wants, wanted)

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        if self._picture is not None and input == self._picture.told.id:
            self._picture.take(packet, arrival)
        elif self._sound is not None and input == self._sound.told.id:
            self._sound.input.take(packet, arrival)

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        if self._picture is not None and input == self._picture.told.id:
            self._picture.input.take_report(timestamp, moment)
        elif self._sound is not None and input == self._sound.told.id:
            self._sound.input.take_report(timestamp, moment)

    def keyframe_wanted(self, name: str) -> None:
        """Do nothing: it sends nothing."""

    def due(self) -> float:
        picture = NEVER if self._picture is None else self._picture.input.due
        return min(picture, NEVER if self._sound is None else self._sound.due)

    def tick(self, now: float) -> None:
        for news in self._thread.news() if self._thread is not None else ():
            self._hear(news)
        if self._picture is not None and self._picture.input.due <= now:
            self._picture.release(now)
        if self._sound is not None:
            self._sound.step(now)

    def close(self) -> None:
        """Have the plug-in end; it is given half a second."""
        if self._thread is not None:
            self._thread.close(CLOSE_SECONDS)

    def _hear(self, news: Wants | AnalysisNoted | AnalysisOver) -> None:
        if self._over:
            return
        match news:
            case Wants() if self._wanted is not None and self._thread is not None:
                self._wants = news
                if self._open(news, self._wanted):
                    kinds = [it.told.kind for it in (self._sound, self._picture) if it is not None]
                    self._outside.tell(AnalysisBegan(tuple(kinds)))
                    self._thread.begin()
            case AnalysisNoted():
                self._outside.tell(news)
            case AnalysisOver():
                self._end(news)

    def _open(self, wants: Wants, wanted: AnalysisWanted) -> bool:
        """Decode what is there of what the plug-in wants; end it where that will not do."""
        assert self._thread is not None  # noqa: S101  it said what it wants
        there = {it.kind: it for it in wanted.inputs}
        asked = [
            kind
            for kind, each in (("picture", wants.picture), ("sound", wants.sound))
            if each is not None
        ]
        missing = [kind for kind in asked if KIND_OF[kind] not in there]
        if missing and (wants.both or missing == asked):
            return self._unfit(f"this algorithm wants a {' and a '.join(missing)}")
        video, audio = there.get("video"), there.get("audio")
        try:
            if video is None or wants.picture is None:
                self._picture = None
            elif self._picture is None or self._picture.told != video:
                self._picture = _Pictures(
                    video, wants.picture, self._thread, self._outside, self._figures
                )
            if audio is None or wants.sound is None:
                self._sound = None
            elif self._sound is None or self._sound.told != audio:
                self._sound = _Sounds(audio, wants.sound, self._thread, self._figures)
        except (KeyError, ValueError):
            codecs = " or ".join(it.codec for it in wanted.inputs)
            return self._unfit(f"what comes as {codecs} cannot be decoded here")
        return True

    def _unfit(self, why: str) -> bool:
        self._end(AnalysisOver(AnalysisEnd.UNFIT, why))
        return False

    def _end(self, over: AnalysisOver) -> None:
        self._over = True
        self._picture = self._sound = None  # nothing is decoded for nobody
        self._outside.tell(over)


class _Pictures:
    """One input of pictures: all are decoded, as many as are wanted are handed over."""

    def __init__(
        self,
        told: JobInput,
        wants: PictureWants,
        thread: PluginThread,
        outside: Outside,
        figures: WorkFigures,
    ) -> None:
        self.told = told
        self.input = PictureInput(told, outside, figures)
        self._wants = wants
        self._thread = thread
        self._due = float("-inf")

    def take(self, packet: bytes, arrival: float) -> None:
        self._show(self.input.take(packet, arrival), arrival)

    def release(self, now: float) -> None:
        self._show(self.input.release(now), now)

    def _show(self, pictures: list[TimedPicture], now: float) -> None:
        if not pictures or now < self._due:
            return
        interval = 1 / self._wants.rate
        self._due = max(self._due + interval, now + interval / 2)  # cameras are not exact
        self._thread.offer_picture(partial(_picture_frame, pictures[-1], self._wants))


class _Sounds:
    """One input of sound, in pieces of the length that is wanted."""

    def __init__(
        self, told: JobInput, wants: SoundWants, thread: PluginThread, figures: WorkFigures
    ) -> None:
        self.told = told
        self.input = SoundInput(told.codec, figures)
        self._wants = wants
        self._thread = thread
        self._schedule = StepSchedule()
        self._steps: list[Samples] = []
        self._per_piece = max(1, round(wants.seconds / STEP_SECONDS))
        self._kept = ceil(SOUND_SECONDS / (self._per_piece * STEP_SECONDS))
        self._converter = _Converter(wants)

    @property
    def due(self) -> float:
        return self._schedule.next

    def step(self, now: float) -> None:
        """Do the steps that are due."""
        for due in self._schedule.due(now):
            sound = self.input.step(due.moment)
            self._steps.append(silence(STEP) if sound is None else sound)
            if len(self._steps) == self._per_piece:
                steps, self._steps = self._steps, []
                lag = self.input.lag(due.moment) or 0.0
                began = due.moment - lag - (self._per_piece - 1) * STEP_SECONDS
                make: Callable[[int], Frame] = partial(self._converter.frame, steps, began)
                self._thread.offer_sound(make, self._kept)


class _Converter:
    """Brings sound to the rate and the channels that are wanted; belongs to the plug-in's thread.

    Where pieces were left out, the filter of the rate makes a click of the seam.
    """

    def __init__(self, wants: SoundWants) -> None:
        self._channels = wants.channels
        self._filters = [
            EvenResampler(RATE, wants.rate)
            for _ in range(wants.channels if wants.rate != RATE else 0)
        ]

    def frame(self, steps: list[Samples], moment: float, skipped: int) -> Frame:
        sound = np.concatenate(steps)
        if self._channels == 1:
            sound = sound.mean(axis=1, keepdims=True, dtype=np.float32)
        if self._filters:
            whole = np.clip(np.rint(sound * 32_767), -32_768, 32_767).astype(np.int16)
            sides = [each.convert(whole[:, it]) for it, each in enumerate(self._filters)]
            sound = np.stack(sides, axis=1).astype(np.float32) / np.float32(32_768)
        return Frame("sound", sound, moment, skipped)


def _picture_frame(picture: TimedPicture, wants: PictureWants, skipped: int) -> Frame:
    frame: VideoFrame = picture.frame
    size = (frame.width, frame.height)
    width, height = (wants.width, wants.height) if wants.width else size
    data: Any = frame.to_ndarray(
        format=FORMATS[wants.format], width=width, height=height, interpolation="AREA"
    )
    return Frame("picture", data, picture.moment, skipped, size)
