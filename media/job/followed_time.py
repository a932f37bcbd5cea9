"""The timestamps of an output that follow those of its source. Pure."""

from __future__ import annotations

_CLOCK_RATE = 90_000
_AHEAD_SECONDS = 2.0  # of what arrivals say, and the source's clock was set
_BEHIND_SECONDS = 10.0  # more than a network stalls


class FollowedTime:
    """Timestamps that only grow, with the source's own steps as long as those are plausible.

    Where its clock jumps, they go on by as much as passed between the arrivals.
    """

    def __init__(self) -> None:
        self._offset = 0
        self._latest: int | None = None
        self._arrival = 0.0
        self._ahead = False  # of the source: a picture was shown again
        self._other_source = False
        self.jumps = 0

    def follow(self, timestamp: int, arrival: float) -> int:
        """Return the time of a picture that has this one at its source."""
        if self._latest is None:
            self._latest = timestamp
        else:
            passed = self.by_now(arrival) - self._latest
            step = timestamp + self._offset - self._latest
            if self._ahead and -_AHEAD_SECONDS * _CLOCK_RATE < step <= 0:
                step = 1
            else:
                self._ahead = False
                if self._other_source or not _is_plausible(step, passed):
                    self._other_source = False
                    step = max(1, passed)
                    self._offset = self._latest + step - timestamp
                    self.jumps += 1
            self._latest += step
        self._arrival = arrival
        return self._latest

    def change_source(self) -> None:
        """Say that the next picture is another source's, whose times mean nothing yet."""
        self._other_source, self._ahead = True, False

    def repeat(self, now: float) -> int:
        """Return the time of the latest picture when it is shown again."""
        self._latest = max((self._latest or 0) + 1, self.by_now(now))
        self._arrival = now
        self._ahead = True
        return self._latest

    def by_now(self, now: float) -> int:
        """Return how far time is, by how much passed since the latest picture."""
        return (self._latest or 0) + round(max(0.0, now - self._arrival) * _CLOCK_RATE)


def _is_plausible(step: int, passed: int) -> bool:
    ahead = (step - passed) / _CLOCK_RATE
    return step > 0 and -_BEHIND_SECONDS <= ahead <= _AHEAD_SECONDS


class FrameThinner:
    """Chooses the pictures that are kept of a source that sends more of them than wanted."""

    def __init__(self, framerate: float) -> None:
        self._interval = _CLOCK_RATE / framerate
        self._due: float | None = None

    def keeps(self, timestamp: int) -> bool:
        """Tell whether the picture of this time is kept; times must grow."""
        due = self._due
        if due is None or timestamp > due + self._interval:
            self._due = timestamp + self._interval
            return True
        if timestamp < due - self._interval / 8:  # cameras are not exact
            return False
        self._due = due + self._interval
        return True
