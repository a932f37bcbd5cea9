"""Sound as numbers: what all files about sound mean by it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 48_000  # samples a second
STEP = 960  # samples that are mixed and encoded in one go: 20 ms, a frame of Opus
STEP_SECONDS = STEP / RATE
CHANNELS = 2

Sound = npt.NDArray[np.float32]
"""Samples of 48 kHz, from -1 to 1, one row each with left and right: its shape is (n, 2)."""


def silence(samples: int) -> Sound:
    """Return so much of nothing."""
    return np.zeros((samples, CHANNELS), np.float32)


def power(sound: Sound) -> float:
    """Return the mean square of all samples: 0.5 for a sine at full scale."""
    flat = sound.ravel()
    return float(np.dot(flat, flat)) / max(1, flat.size)


def ramp(start: float, end: float, samples: int) -> Sound:
    """Return gains that go evenly from `start`, left out, to `end`: a column, for both channels."""
    gains = start + (end - start) * np.arange(1, samples + 1, dtype=np.float32) / samples
    return gains.astype(np.float32)[:, None]


def stretched(sound: Sound, samples: int, last: Sound | None = None) -> Sound:
    """Return the sound a little longer or shorter, and so lower or higher, by straight lines.

    `last` is the sample that follows, for no step at the seam.
    """
    if len(sound) == samples:
        return sound
    known = sound if last is None or not len(last) else np.concatenate((sound, last[:1]))
    at = np.arange(samples, dtype=np.float64) * (len(sound) / samples)
    index = np.arange(len(known))
    return np.stack([np.interp(at, index, side) for side in known.T], axis=1).astype(np.float32)
