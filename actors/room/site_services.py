"""What rooms that are chat sites are given; small, for every server loads it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

SITE_MAILBOX_PER_PERSON = 16
"""Orders that may wait in a site for each of its people: clients say much when they come in."""


@dataclass(slots=True)
class CpuSpent:
    """CPU time in seconds, added to by those who spend it."""

    seconds: float = 0.0


def nothing_spent() -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class SiteServices:
    """Made once in `api/process/composition.py`.

    `clock` tells Unix time; `cpu` what this thread has spent, in seconds, and `spent` how much of
    that clients have spent on showing lists of people.
    """

    clock: Callable[[], float] = time.time
    cpu: Callable[[], float] = time.thread_time
    spent: Callable[[], float] = nothing_spent


USUAL_SERVICES = SiteServices()
