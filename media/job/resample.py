"""Another sampling rate, sample for sample: FFmpeg's filter, with its delay made up for once."""

from __future__ import annotations

from typing import Literal

import av
import numpy as np
import numpy.typing as npt

from media.job.pcm import Sound

Samples16 = npt.NDArray[np.int16]


class EvenResampler:
    """Takes 16-bit mono of one rate, gives exactly as much of another one each time.

    The filter holds back two or three milliseconds: those are silence at the beginning.
    """

    def __init__(self, source: int, target: int) -> None:
        self._source, self._target = source, target
        self._filter = av.AudioResampler(format="s16", layout="mono", rate=target)
        self._owed = 0.0  # samples that should have come out
        self._rest: Samples16 = np.zeros(0, np.int16)

    def convert(self, samples: Samples16) -> Samples16:
        """Return the next samples."""
        frame = frame_of(samples[None, :], self._source, "s16", "mono")
        made = [samples_of(each) for each in self._filter.resample(frame)]
        self._rest = np.concatenate((self._rest, *made))
        self._owed += len(samples) * self._target / self._source
        count = int(self._owed)
        self._owed -= count
        missing = count - len(self._rest)
        if missing > 0:
            self._rest = np.concatenate((np.zeros(missing, np.int16), self._rest))
        ready, self._rest = self._rest[:count], self._rest[count:]
        return ready


def frame_of(
    samples: Samples16 | Sound,
    rate: int,
    format: Literal["s16", "flt", "fltp"],
    layout: Literal["mono", "stereo"],
) -> av.AudioFrame:
    """Return FFmpeg's frame of an array as it wants it: packed in one row, or a row a channel."""
    channels = 1 if layout == "mono" else 2
    frame = av.AudioFrame(format, layout, samples.size // channels)
    for plane, row in zip(frame.planes, np.ascontiguousarray(samples), strict=True):
        plane.update(row.tobytes())
    frame.sample_rate = rate
    return frame


def samples_of(frame: av.AudioFrame) -> Samples16:
    """Return the samples of a frame of "s16" in one row, left and right in turn."""
    count = frame.samples * len(frame.layout.channels)
    return np.frombuffer(memoryview(frame.planes[0]), np.int16, count)
