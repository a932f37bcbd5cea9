"""How many connections each client address has open, over all listeners of the process."""

from __future__ import annotations

from collections import Counter

import structlog

from api.http.credentials import address_key

log = structlog.get_logger(__name__)


class AddressCounts:
    """Open connections by address (an IPv6 client is its /64)."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._refused: set[str] = set()

    def take(self, address: str, limit: int) -> bool:
        """Count one more; False, and not counted, when `limit` (0: none) is reached."""
        key = address_key(address)
        if limit and self._open[key] >= limit:
            if key not in self._refused:  # one line per episode
                self._refused.add(key)
                log.warning("connection.refused", reason="connections_per_address", address=key)
            return False
        self._open[key] += 1
        return True

    def give(self, address: str) -> None:
        """Count one less."""
        key = address_key(address)
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
            self._refused.discard(key)

    def __len__(self) -> int:
        """Return how many addresses have a connection."""
        return len(self._open)
