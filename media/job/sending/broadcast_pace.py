"""When a keyframe is due, so that segments keep their length."""

from __future__ import annotations

LEAST_SECONDS = 1.0  # of a segment: so long a number of it stands for at least


def least_seconds(segment_seconds: float) -> float:
    """Return after how long a keyframe may end a segment that is wanted to last so long."""
    return max(LEAST_SECONDS, segment_seconds / 2)


class KeyframePace:
    """Pure: counts from the keyframes that begin segments, not from those that come between."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: float | None = None

    def note(self, now: float) -> None:
        """Note that a keyframe has come."""
        if self._begun is None or now - self._begun >= least_seconds(self._seconds):
            self._begun = now

    def due(self, now: float) -> bool:
        """Tell whether one had better be asked for."""
        return self._begun is not None and now - self._begun >= self._seconds
