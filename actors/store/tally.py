"""How long the database takes."""

from __future__ import annotations

from bisect import bisect_left

STORE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class StoreTally:
    """Histograms of the seconds that reads and writes took, with their wait; the last bucket of
    `buckets` has no bound. Also of those that failed or were given up."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = {what: [0] * (len(STORE_SECONDS) + 1) for what in ("reads", "writes")}
        self.seconds = {"reads": 0.0, "writes": 0.0}

    def add(self, what: str, seconds: float) -> None:
        """Count one request; `what` is "reads" or "writes"."""
        self.buckets[what][bisect_left(STORE_SECONDS, seconds)] += 1
        self.seconds[what] += seconds
