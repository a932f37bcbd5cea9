"""Which part of a stream got lost of late."""

from __future__ import annotations

from collections import deque

SPAN_SECONDS = 5.0
PACKETS_THAT_SAY_SOMETHING = 20  # of fewer, one that is lost is no fraction to speak of
HOLDS_SECONDS = 30.0  # so long after the last packets, how they came says nothing any more
EVERY_SECONDS = 0.5  # between two counts that are kept
MOST_COUNTS = 64


class RecentLoss:
    """Made of counters that only say how many packets there were in all, as of some time.

    What it tells is of the last SPAN_SECONDS, or of as long as it took for enough packets to come,
    but HOLDS_SECONDS at most.
    """

    __slots__ = ("_counts", "_fraction", "_noted_at")

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int, int]] = deque(maxlen=MOST_COUNTS)
        self._fraction: float | None = None
        self._noted_at = 0.0

    def note(self, expected: int, lost: int, now: float) -> None:
        """Take how many packets should have come until now, and how many of these did not."""
        counts = self._counts
        if counts:
            last_at, last_expected, _ = counts[-1]
            if expected < last_expected:  # it has begun anew
                counts.clear()
            elif expected == last_expected or now - last_at < EVERY_SECONDS:
                return
        counts.append((now, expected, lost))
        while len(counts) > 1 and self._may_begin_at(counts[1], expected, now):
            counts.popleft()
        _, first_expected, first_lost = counts[0]
        packets = expected - first_expected
        if packets >= PACKETS_THAT_SAY_SOMETHING:
            # Late ones make up for lost ones; who reports nonsense is believed no more than all.
            self._fraction = min(1.0, max(0, lost - first_lost) / packets)
            self._noted_at = now

    def fraction(self, now: float) -> float | None:
        """Return the part of 0 to 1, None where there was not enough of late to tell."""
        return self._fraction if now - self._noted_at < HOLDS_SECONDS else None

    def _may_begin_at(self, count: tuple[float, int, int], expected: int, now: float) -> bool:
        age, packets = now - count[0], expected - count[1]
        is_enough = age >= SPAN_SECONDS and packets >= PACKETS_THAT_SAY_SOMETHING
        return is_enough or age >= HOLDS_SECONDS  # packets from before a pause are not of late
