"""How much of the one thread of a process the pictures of one input may take from all the others.

Whoever takes more while what is made is late is shown by keyframes only, for a while: longer each
time that it does not fit after all. Pure, but for the clock that it is told.
"""

from __future__ import annotations

SHARE = 0.3  # of the thread; what is made of all inputs, and the others, need the rest
WINDOW_SECONDS = 2.0  # over which it is measured
FIRST_HOLD, LONGEST_HOLD = 10.0, 60.0  # seconds of keyframes only
FORGIVEN_SECONDS = 60.0  # after a hold that was enough, the next one is a first one
KEYFRAME_SECONDS = 2.0  # between two keyframes that are decoded meanwhile


class DecodingShare:
    """Belongs to one input. All times are seconds, those called `now` of one clock."""

    def __init__(self) -> None:
        self._begin: float | None = None  # of the window
        self._used = 0.0  # in it
        self._hold = FIRST_HOLD
        self._held_until = float("-inf")
        self._keyframe_at = float("-inf")

    def holds(self, now: float) -> bool:
        """Tell whether keyframes only are decoded at present."""
        return now < self._held_until

    def admits(self, now: float, *, keyframe: bool) -> bool:
        """Tell whether a picture may be decoded; it is, then."""
        if not self.holds(now):
            return True
        if not keyframe or now - self._keyframe_at < KEYFRAME_SECONDS:
            return False
        self._keyframe_at = now
        return True

    def spend(self, seconds: float, now: float, *, late: bool) -> bool:
        """Note what a picture took; return whether a hold begins. `late`: others wait for it."""
        if self.holds(now):
            return False
        if self._begin is None:
            self._begin = now
        self._used += seconds
        elapsed = now - self._begin
        if elapsed < WINDOW_SECONDS:
            return False
        too_much = self._used > SHARE * elapsed
        self._begin, self._used = now, 0.0
        if not (too_much and late):
            return False
        again = now - self._held_until < FORGIVEN_SECONDS
        self._hold = min(2 * self._hold, LONGEST_HOLD) if again else FIRST_HOLD
        self._held_until, self._begin = now + self._hold, None
        return True
