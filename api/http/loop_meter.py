"""How long one task holds the event loop at a stretch, and who it was when that was too long.

Everything else stands still meanwhile: calls, websockets, timers. A task that runs for more than a
tenth of a second without waiting is counted and named in the log. What is measured is processor
time, as far as can be told: a machine that is busy with other things does not count.

Where a step begins, the one before it is over, or has been for as long as the loop was idle. So one
clock is read for each step, and processor time every now and then: half a microsecond a step. What
ran is told by the name of its task: an actor's path, or the route of a request; never by anything
that a client has sent.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter, thread_time

import structlog
import trio

HELD_SECONDS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # bounds of the histogram, beyond LONG
LONG = 0.1  # seconds
CPU_SECONDS = 0.02  # at most so much of what ran before is counted to a long step
QUIET_SECONDS = 10.0  # between two lines in the log

log = structlog.get_logger(__name__)

at_hand: ContextVar[str] = ContextVar("at_hand", default="")
"""The route of the request that a task deals with, set by the app."""


class LoopMeter(trio.abc.Instrument):
    """An instrument of Trio. `counts` and `seconds` are of steps longer than `LONG` only.

    `counts` has one more than HELD_SECONDS has bounds. Steps are looked at while `watching()`.
    """

    __slots__ = (
        "_began", "_cpu", "_cpu_read", "_quiet_until", "_task", "_unlogged", "_watching", "counts",
        "longest", "seconds",
    )  # fmt: skip

    def __init__(self, watching: Callable[[], bool] = lambda: True) -> None:
        self.counts = [0] * (len(HELD_SECONDS) + 1)
        self.seconds = 0.0
        self.longest = 0.0
        self._watching = watching
        self._task: trio.lowlevel.Task | None = None
        self._began = perf_counter()  # the step of that task
        self._cpu = 0.0  # processor time of this thread, when it was last read
        self._cpu_read = -math.inf
        self._quiet_until = 0.0
        self._unlogged = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """One step begins, and so the one before it is over."""
        now = perf_counter()
        if now - self._began > LONG:
            self._look_at(self._task, now)
        if now - self._cpu_read > CPU_SECONDS:
            self._cpu, self._cpu_read = thread_time(), now
        self._task, self._began = task, now

    def _look_at(self, task: trio.lowlevel.Task | None, now: float) -> None:
        """Count a step if it was long: the loop may have been idle, or had no processor."""
        seconds = min(now - self._began, thread_time() - self._cpu)
        if task is None or seconds <= LONG or not self._watching():
            return
        self.counts[bisect_left(HELD_SECONDS, seconds)] += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)
        if now < self._quiet_until:
            self._unlogged += 1
            return
        self._quiet_until = now + QUIET_SECONDS
        unlogged, self._unlogged = self._unlogged, 0
        log.warning("loop.held", by=what_runs(task), ms=round(seconds * 1000), unlogged=unlogged)


def what_runs(task: trio.lowlevel.Task) -> str:
    """Return the route of the request, or the name of the task: of an actor its path."""
    return task.context.get(at_hand) or task.name
