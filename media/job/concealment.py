"""How a sound ends that is cut off, and how another one begins there, so that nothing clicks."""

from __future__ import annotations

import numpy as np

from media.job.pcm import STEP, Sound, ramp, silence

FADE = STEP  # samples within which a sound ends that nothing follows: 20 ms
RESUMED = 240  # samples within which one begins: 5 ms
REMEMBERED = 2 * STEP  # samples of the past that `fading` makes use of

_SHORTEST_PERIOD, _LONGEST_PERIOD = 120, 960  # samples: 400 Hz and higher voices repeat within
_COMPARED = 480
_MENDED = 120  # samples within which a step at the seam is gone

_FALLING = ramp(1.0, 0.0, FADE)
_RISING = ramp(0.0, 1.0, RESUMED)
_MENDING = ramp(1.0, 0.0, _MENDED)


def fading(before: Sound) -> Sound:
    """Return how a sound goes on that stops: its last period over and over, fading out in FADE."""
    before = before[-REMEMBERED:]
    if len(before) < REMEMBERED:
        before = np.concatenate((silence(REMEMBERED - len(before)), before))
    period = _period(before)
    again: Sound = np.tile(before[-period:], (-(-FADE // period), 1))[:FADE]
    again[:_MENDED] += (before[-1] - before[-1 - period]) * _MENDING
    again *= _FALLING
    return again


def begun(sound: Sound, over: Sound) -> Sound:
    """Return the sound faded in, over what is left of another one that fades out."""
    count = min(RESUMED, len(sound))
    changed = sound.copy()
    changed[:count] *= _RISING[:count]
    under = over[:count]
    changed[: len(under)] += under * (1 - _RISING[: len(under)])
    return changed


def _period(before: Sound) -> int:
    """Return after how many samples the last ones had been most alike."""
    mono = before.sum(axis=1, dtype=np.float32)
    last = mono[-_COMPARED:]
    past = mono[-_COMPARED - _LONGEST_PERIOD : -_SHORTEST_PERIOD]
    alike = np.correlate(past, last, "valid")  # of the longest period first
    energy = np.cumsum(np.concatenate((np.zeros(1), past.astype(np.float64) ** 2)))
    strength = np.sqrt(energy[_COMPARED:] - energy[:-_COMPARED] + 1e-9)
    return _LONGEST_PERIOD - int(np.argmax(alike / strength))
