"""How often a sender is asked for a keyframe."""

from __future__ import annotations

INTERVAL_SECONDS = 0.3


class KeyframeRequests:
    """Lets one request through per interval; one made too soon is kept until the next may go.

    A keyframe that begins after a request was made answers it, also one that is still kept.
    """

    __slots__ = ("_pending", "asked_at")

    def __init__(self) -> None:
        self._pending = False
        self.asked_at = float("-inf")

    def ask(self, now: float) -> bool:
        """Make a request; tell whether it is to be sent now."""
        if now - self.asked_at < INTERVAL_SECONDS:
            self._pending = True
            return False
        self._pending = False
        self.asked_at = now
        return True

    def answered(self) -> None:
        """Note that a keyframe began."""
        self._pending = False

    def due(self, now: float) -> bool:
        """Tell whether the request that was kept is to be sent now."""
        return self._pending and self.ask(now)
