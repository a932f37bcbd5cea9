"""A mixed view: its picture and its sound, each of which is made by itself."""

from __future__ import annotations

from dataclasses import astuple

from media.contract.jobs import PICTURE, JobWanted
from media.job.picture_mix import PictureMix
from media.job.sound_mix import SoundMixer
from media.job.work import Outside, Work, WorkFigures


class MixWork:
    """See media.job.work.Work."""

    def __init__(self, outside: Outside) -> None:
        self._sound = SoundMixer(outside)
        self._picture = PictureMix(outside, age=self._sound.lag)
        self._takers: dict[str, Work] = {}

    @property
    def figures(self) -> WorkFigures:
        both = astuple(self._picture.figures), astuple(self._sound.figures)
        return WorkFigures(*(one + other for one, other in zip(*both, strict=True)))

    def change(self, wanted: JobWanted) -> None:
        self._takers = {
            each.id: self._picture if each.kind == "video" else self._sound
            for each in wanted.inputs
        }
        self._picture.change(wanted)
        self._sound.change(wanted)

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        if input in self._takers:
            self._takers[input].take(input, packet, arrival)

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        if input in self._takers:
            self._takers[input].take_report(input, timestamp, moment)

    def keyframe_wanted(self, name: str) -> None:
        if name == PICTURE:
            self._picture.keyframe_wanted(name)

    def due(self) -> float:
        return min(self._picture.due(), self._sound.due())

    def tick(self, now: float) -> None:
        for each in (self._sound, self._picture):  # a step of sound costs less, and waits worse
            if each.due() <= now:
                each.tick(now)
