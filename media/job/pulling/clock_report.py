"""Tells receivers how the times of an output and moments relate, which keeps outputs in step."""

from __future__ import annotations

from media.job.pulling.pulled_time import PulledClock
from media.job.work import Outside

CLOCK_SECONDS = 1.0  # how often it is told at least
CHANGED_SECONDS = 0.05  # and at most, while it changes


class ClockReport:
    """Tells which moment a timestamp of an output was: each second, and when that has changed."""

    def __init__(self, name: str, clock: PulledClock, outside: Outside) -> None:
        self._name, self._clock, self._outside = name, clock, outside
        self._version = -1
        self._at = float("-inf")

    def tell(self, timestamp: int, position: float, now: float) -> None:
        """Tell it if it is time to."""
        wait = CLOCK_SECONDS if self._version == self._clock.version else CHANGED_SECONDS
        if now - self._at >= wait:
            self._version, self._at = self._clock.version, now
            self._outside.clock(self._name, timestamp, self._clock.moment(position))
