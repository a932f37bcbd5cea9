"""What a whole actor system counts, for metrics."""

from __future__ import annotations

from dataclasses import dataclass


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
