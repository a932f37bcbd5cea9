"""What the receivers of one source can take (REMB), and what its sender is told about it."""

from __future__ import annotations

FLOOR = 100_000  # bits per second: one bad receiver must not spoil the picture for all
FORGOTTEN_SECONDS = 10.0  # receivers repeat theirs every second or so
REPEAT_SECONDS = 1.0
NOTABLE_DROP = 0.97
GUESSING = 1.35  # times what flows: from there on a limit says what was sent, not what can be
UNLIMITED = 1_000_000_000


def binding_limit(bits_per_second: int, flowing: float) -> int:
    """Return what a receiver can take that gets `flowing` bits a second, UNLIMITED if not known.

    Browsers never say more than one and a half times what arrives. A sender that has little to show
    would be held to that, and to a smaller picture, though the path could take more; one that is
    held by the path is told less than it sends, or hardly more.
    """
    if flowing and bits_per_second >= flowing * GUESSING:
        return UNLIMITED
    return bits_per_second


class BitrateLimits:
    """Keeps the latest limit of each leg by its id, and finds the lowest."""

    def __init__(self) -> None:
        self._limits: dict[str, tuple[float, int]] = {}
        self._told = 0
        self._told_at = float("-inf")

    def set(self, leg: str, bits_per_second: int, now: float) -> int | None:
        """Note what a leg can take; return the limit to tell the sender, None for not now.

        A lower limit is told at once, the rest at most once a second.
        """
        self._limits[leg] = (now, bits_per_second)
        lowest = self._lowest(now)
        if lowest >= self._told * NOTABLE_DROP and now - self._told_at < REPEAT_SECONDS:
            return None
        self._told, self._told_at = lowest, now
        return lowest

    def forget(self, leg: str) -> None:
        """Leave out a leg that takes no more packets."""
        self._limits.pop(leg, None)

    def _lowest(self, now: float) -> int:
        old = [leg for leg, (at, _) in self._limits.items() if now - at > FORGOTTEN_SECONDS]
        for leg in old:
            del self._limits[leg]
        return max(FLOOR, min(limit for _, limit in self._limits.values()))
