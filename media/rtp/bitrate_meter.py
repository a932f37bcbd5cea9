"""How fast a stream flows, from how much of it came."""

from __future__ import annotations


class BitrateMeter:
    """Turns a growing count of octets into a rate."""

    __slots__ = ("_at", "_octets", "bits_per_second")

    def __init__(self) -> None:
        self.bits_per_second = 0.0
        self._octets = 0
        self._at: float | None = None

    def sample(self, octets: int, now: float) -> None:
        """Measure since the last sample; to be called about once a second."""
        if self._at is not None and now > self._at:
            self.bits_per_second = (octets - self._octets) * 8 / (now - self._at)
        self._octets, self._at = octets, now
