"""Sums of sounds that are too loud, made to fit."""

from __future__ import annotations

import numpy as np

from media.job.pcm import Sound, ramp

CEILING = 0.89  # -1 dB: what a sum is brought down to
RECOVERY = 0.05  # of the gain, that comes back a step

_HEADROOM = 1 - CEILING


class Limiter:
    """Turns an output down while it is too loud, and slowly up again.

    The gain moves over a step; what is too loud until it is there is rounded off, so nothing ever
    reaches full scale.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def limit(self, sound: Sound) -> Sound:
        """Return the next step as it goes out."""
        peak = float(np.abs(sound).max(initial=0.0))
        if peak <= CEILING and self.gain == 1.0:
            return sound
        before = self.gain
        self.gain = min(1.0, before + RECOVERY, CEILING / peak if peak > CEILING else 1.0)
        limited: Sound = sound * ramp(before, self.gain, len(sound))
        over = np.abs(limited) - CEILING
        if over.max(initial=0.0) > 0:
            rounded = CEILING + _HEADROOM * np.tanh(over / _HEADROOM)
            limited = np.where(over > 0, np.copysign(rounded, limited), limited)
        return limited.astype(np.float32)
