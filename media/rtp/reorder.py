"""Packets of one stream back in their order, within a small bound.

Knows sequence numbers and arrival times, nothing of what the packets carry. What is missing may
still come, as a retransmission; after `patience` seconds or `limit` packets it is given up.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

_RESTARTED = 3000  # a jump further than this is a sender that began anew, not loss


class Reorder(Generic[T]):
    """Takes items by 16-bit sequence number, gives them out in order, each once."""

    __slots__ = ("_expected", "_held", "_limit", "_patience", "dropped", "lost")

    def __init__(self, patience: float = 0.2, limit: int = 64) -> None:
        self._patience = patience
        self._limit = limit
        self._expected: int | None = None
        self._held: dict[int, tuple[T, float]] = {}  # by sequence number; behind a hole
        self.lost = 0  # given up
        self.dropped = 0  # came twice, or after it was given up

    @property
    def due(self) -> float:
        """When `release` has something to give up; infinite for never."""
        if not self._held:
            return float("inf")
        return min(arrival for _, arrival in self._held.values()) + self._patience

    def passes(self, sequence: int) -> bool:
        """Tell whether this is the next item and nothing is held: then it counts as given out."""
        if sequence != self._expected or self._held:
            return False
        self._expected = (sequence + 1) & 0xFFFF
        return True

    def push(self, sequence: int, item: T, arrival: float) -> list[tuple[T, bool]]:
        """Return what is due now: pairs of an item and whether nothing is missing before it."""
        expected = self._expected
        if expected is None or sequence == expected:
            self._expected = (sequence + 1) & 0xFFFF
            ready = [(item, True)]
            if self._held:
                self._take_consecutive(ready)
                ready += self.release(arrival)
            return ready
        ahead = (sequence - expected) & 0xFFFF
        if _RESTARTED < ahead < 0x10000 - _RESTARTED:
            ready = self.drain()
            self._expected = (sequence + 1) & 0xFFFF
            return [*ready, (item, False)]
        if ahead >= 0x8000 or sequence in self._held:
            self.dropped += 1
            return []
        self._held[sequence] = (item, arrival)
        return self.release(arrival)

    def release(self, now: float) -> list[tuple[T, bool]]:
        """Give up on what was waited for too long, and return what is due then."""
        ready: list[tuple[T, bool]] = []
        while self._held:
            if now < self.due and len(self._held) <= self._limit:
                break
            self._skip_hole(ready)
        return ready

    def drain(self) -> list[tuple[T, bool]]:
        """Return everything held, in order."""
        ready: list[tuple[T, bool]] = []
        while self._held:
            self._skip_hole(ready)
        return ready

    def _skip_hole(self, ready: list[tuple[T, bool]]) -> None:
        expected = self._expected or 0
        missing = min((sequence - expected) & 0xFFFF for sequence in self._held)
        self.lost += missing
        first = (expected + missing) & 0xFFFF
        item, _ = self._held.pop(first)
        self._expected = (first + 1) & 0xFFFF
        ready.append((item, False))
        self._take_consecutive(ready)

    def _take_consecutive(self, ready: list[tuple[T, bool]]) -> None:
        expected = self._expected or 0
        while expected in self._held:
            ready.append((self._held.pop(expected)[0], True))
            expected = (expected + 1) & 0xFFFF
        self._expected = expected
