"""A request that was seen already, or comes from another time, is refused where that is wanted."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(slots=True)
class Replays:
    """The nonces of the last `window` seconds, at most `limit`; a full table takes no more."""

    limit: int
    _seen: OrderedDict[tuple[str, str, str], float] = field(default_factory=OrderedDict)

    def fresh(self, service: str, timestamp: str, nonce: str, window: float, now: float) -> bool:
        """Take note of a request, and tell whether it is new and of now. Times are Unix seconds."""
        while self._seen and next(iter(self._seen.values())) <= now:
            self._seen.popitem(last=False)
        try:
            sent = float(timestamp) / 1000
        except ValueError:
            return False
        if not abs(now - sent) <= window:
            return False
        key = (service, timestamp, nonce)
        if key in self._seen or len(self._seen) >= self.limit:
            return False
        self._seen[key] = now + 2 * window  # until its own time is out of the window on any clock
        return True
