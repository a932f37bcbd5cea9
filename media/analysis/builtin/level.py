"""The plug-in that hears how loud it is, and that nothing is to be heard."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from media.analysis.plugin import Emit, Frames, SoundWants, Wants

QUIET, LOUD = -50.0, -45.0  # dB of full scale: below is silence, above sound; between, as before
SILENT_SECONDS = 2.0
TOLD_EVERY = 5.0  # seconds
FLOOR = -100.0  # dB; silence itself has no level

Samples = npt.NDArray[np.float32]


class LevelRule:
    """Takes sound with its moments, returns the events that it gives. Pure."""

    def __init__(self) -> None:
        self._silent_since: float | None = None
        self._silent: bool | None = None  # as told, None before
        self._power = self._peak = 0.0  # since `level` was told
        self._count = 0
        self._told_at: float | None = None

    def hear(self, sound: Samples, moment: float) -> list[tuple[str, dict[str, Any]]]:
        """Return "silence", "sound" where that begins, and "level" every five seconds."""
        power = float(np.mean(np.square(sound, dtype=np.float64))) if sound.size else 0.0
        events = self._turned(decibels(power), moment)
        self._power += power
        self._count += 1
        self._peak = max(self._peak, float(np.abs(sound).max(initial=0.0)))
        if self._told_at is None:
            self._told_at = moment
        elif moment - self._told_at >= TOLD_EVERY:
            mean, peak = decibels(self._power / self._count), decibels(self._peak**2)
            events.append(("level", {"mean": mean, "peak": peak}))
            self._told_at, self._power, self._peak, self._count = moment, 0.0, 0.0, 0
        return events

    def _turned(self, level: float, moment: float) -> list[tuple[str, dict[str, Any]]]:
        if level > LOUD:
            self._silent_since = None
            if self._silent is not False:
                self._silent = False
                return [("sound", {"mean": level})]
        elif level < QUIET:
            if self._silent_since is None:
                self._silent_since = moment
            if self._silent is not True and moment - self._silent_since >= SILENT_SECONDS:
                self._silent = True
                return [("silence", {})]
        return []


class Level:
    """Tells `sound` and `silence` (for two seconds) when they begin, and `level` every five
    seconds: `mean` and `peak` in dB of full scale.
    """

    wants = Wants(sound=SoundWants(16_000, channels=1, seconds=0.1))

    async def analyse(self, frames: Frames, emit: Emit) -> None:
        rule = LevelRule()
        async for frame in frames:
            for event in rule.hear(frame.data, frame.moment):  # type: ignore[arg-type]  # sound
                emit(*event)


def decibels(power: float) -> float:
    """Return a mean square, of which 1 is full scale, in dB."""
    return FLOOR if power <= 0 else max(FLOOR, round(10 * math.log10(power), 1))
