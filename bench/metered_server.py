"""`python -m bench.metered_server CONFIG`: a server that tells how long its steps hold the loop.

It meters each step of each task in processor time, so that other work on the machine does not
count. At SIGUSR1 it writes the figures since the one before as a line of JSON, and begins anew.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from time import thread_time

import trio

from api.http.loop_meter import LoopMeter, what_runs
from api.process import composition
from api.process.server import run
from api.settings import load_settings


class StepMeter(LoopMeter):
    """Besides what a server meters itself: the longest step of all, and each task's total."""

    __slots__ = ("_step", "by_task", "longest_step")

    def __init__(self, *values: object) -> None:
        super().__init__()
        self._step = 0.0
        self.longest_step = 0.0
        self.by_task: dict[str, list[float]] = {}  # steps, seconds, the longest of them
        signal.signal(signal.SIGUSR1, self._tell)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        super().before_task_step(task)
        self._step = thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        seconds = thread_time() - self._step
        self.longest_step = max(self.longest_step, seconds)
        found = self.by_task.setdefault(what_runs(task), [0.0, 0.0, 0.0])
        found[0] += 1
        found[1] += seconds
        found[2] = max(found[2], seconds)

    def _tell(self, *_: object) -> None:
        told = {"longest": self.longest_step, "by_task": self.by_task}
        print("METERED " + json.dumps(told), flush=True)
        self.longest_step, self.by_task = 0.0, {}


if __name__ == "__main__":
    composition.LoopMeter = StepMeter  # type: ignore[misc, assignment]
    sys.exit(run(load_settings(Path(sys.argv[1]))))
