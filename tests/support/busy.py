"""Measurements that other load disturbs: repeated where the machine was busy, never judged less."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

ATTEMPTS = 5
SPARE = 0.15  # of the processors' time: with less the machine counts as busy


def measured(measure: Callable[[int], list[str]]) -> list[str]:
    """Return what a measurement has to complain about, where possible of a calm machine.

    `measure` is handed the number of its attempt. One that complains is repeated if other work left
    next to nothing of the processors meanwhile; the last one counts, whatever the machine did.
    """
    complaints: list[str] = []
    for attempt in range(ATTEMPTS):
        idle, total = _processors()
        complaints = measure(attempt)
        idle_now, total_now = _processors()
        if not complaints or idle_now - idle > SPARE * (total_now - total):
            break
        print(f"attempt {attempt}, on a busy machine: {complaints}")
    return complaints


def _processors() -> tuple[int, int]:
    """Return the idle time of all processors since the start of the machine, and all their time."""
    try:
        first = Path("/proc/stat").read_text("ascii").splitlines()[0]
    except OSError:
        return 0, 0
    times = [int(each) for each in first.split()[1:9]]
    return times[3] + times[4], sum(times)
