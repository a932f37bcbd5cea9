"""One stream with another codec, size, rate or bitrate: a picture, or sound."""

from __future__ import annotations

from media.contract.jobs import JobWanted, TranscodeWanted, VideoTarget
from media.job.picture_transcode import PictureTranscode
from media.job.sound_transcode import SoundTranscode
from media.job.work import Outside, Work, WorkFigures


class TranscodeWork:
    """See media.job.work.Work. Whether it is a picture is settled by the first `change`."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._inner: Work | None = None
        self._nothing = WorkFigures()

    @property
    def figures(self) -> WorkFigures:
        return self._nothing if self._inner is None else self._inner.figures

    def change(self, wanted: JobWanted) -> None:
        if not isinstance(wanted, TranscodeWanted):
            raise TypeError("no transcode")
        if self._inner is None:
            picture = isinstance(wanted.target, VideoTarget)
            self._inner = (PictureTranscode if picture else SoundTranscode)(self._outside)
        self._inner.change(wanted)

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        if self._inner is not None:
            self._inner.take(input, packet, arrival)

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        if self._inner is not None:
            self._inner.take_report(input, timestamp, moment)

    def keyframe_wanted(self, name: str) -> None:
        if self._inner is not None:
            self._inner.keyframe_wanted(name)

    def due(self) -> float:
        return float("inf") if self._inner is None else self._inner.due()

    def tick(self, now: float) -> None:
        if self._inner is not None:
            self._inner.tick(now)
