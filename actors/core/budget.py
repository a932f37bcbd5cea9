"""How many restarts are left to somebody."""

from __future__ import annotations

from collections import deque

from actors.core.spec import Intensity


class RestartBudget:
    """Counts restarts against an `Intensity`, within its period."""

    __slots__ = ("_intensity", "_taken_at")

    def __init__(self, intensity: Intensity) -> None:
        self._intensity = intensity
        self._taken_at: deque[float] = deque()  # within the period, so at most `restarts` + 1

    def take(self, now: float) -> bool:
        """Count one more restart; return whether it is allowed."""
        self._taken_at.append(now)
        while self._taken_at[0] <= now - self._intensity.period:
            self._taken_at.popleft()
        return len(self._taken_at) <= self._intensity.restarts
