"""What a whole actor system counts, for metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MOST_LABELS = 1000


@dataclass(slots=True)
class Counters:
    """Totals since the system opened; each only grows.

    `spawned - stopped` is the number of actors that exist, the root included.
    """

    spawned: int = 0
    stopped: int = 0
    crashes: int = 0
    restarts: int = 0
    mailbox_full: int = 0  # messages turned away, not episodes
    ask_timeouts: int = 0
    dropped_expired: int = 0  # requests whose deadline passed while they were queued
    by_label: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def count(self, what: str, *labels: str, by: int = 1) -> None:
        """Count something that only those who use actors know of, by labels of few values each.

        There are at most MOST_LABELS of them together; what comes beyond is not counted.
        """
        key = (what, *labels)
        if key in self.by_label or len(self.by_label) < MOST_LABELS:
            self.by_label[key] += by

    def counted(self, what: str) -> dict[tuple[str, ...], int]:
        """Return what was counted under that name, by labels."""
        return {key[1:]: count for key, count in self.by_label.items() if key[0] == what}
