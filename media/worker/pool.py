"""Processes that wait for work: to load FFmpeg and numpy takes too long within a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog
import trio

from media.contract.errors import JobFailed
from media.job.control import CostsMeasured, FromProcess, MeasureCosts
from media.worker.process import JobProcess, ProcessPlan

log = structlog.get_logger("media.worker.pool")

MEASURE_SECONDS = 60.0  # of a machine that is busy; CPU time is measured, not this
FIRST_PAUSE = 1.0  # after a process that ended while it waited; doubled each time
LONGEST_PAUSE = 30.0


class ProcessPool:
    """Keeps `warm` processes ready, once `warm_up` was called. It lives in `nursery`."""

    def __init__(self, nursery: trio.Nursery, plan: ProcessPlan, warm: int) -> None:
        self._nursery = nursery
        self._plan = plan
        self._warm = warm
        self._idle: list[JobProcess] = []
        self._missing = trio.Event()
        self._warming = False
        self._pause = FIRST_PAUSE
        self._lost = ""  # why one that waited has ended
        self.processes = 0  # alive, whatever they do
        self.encoder = ""  # of H.264, by FFmpeg's name, once one has measured

    @property
    def idle(self) -> int:
        """How many wait, or are about to."""
        return len(self._idle)

    def warm_up(self) -> None:
        """Have processes ready from now on."""
        if self._warm and not self._warming:
            self._warming = True
            self._nursery.start_soon(self._keep_warm)

    async def take(self) -> JobProcess:
        """Return a process that is ready, and the caller's to kill. Raises JobFailed."""
        while self._idle:
            process = self._idle.pop(0)
            self._missing.set()
            if await self._is_ready(process):
                self._pause = FIRST_PAUSE
                return process
        process = self.start()
        if not await self._is_ready(process):
            raise JobFailed(f"its process did not start: {process.end.reason}")
        return process

    def start(self) -> JobProcess:
        """Start a process. Raises JobFailed where not even its sockets can be made."""
        try:
            process = JobProcess(self._plan)
        except OSError as error:
            raise JobFailed("its process did not start: no descriptors") from error
        self._nursery.start_soon(self._run, process)
        return process

    async def measure(self) -> Mapping[str, float]:
        """Return what codecs cost here, as a process finds out; empty where it does not."""
        found: list[Mapping[str, float]] = []
        done = trio.Event()

        def take(message: FromProcess) -> None:
            if isinstance(message, CostsMeasured):
                found.append(message.costs)
                done.set()

        process = await self.take()
        process.take = take
        try:
            process.send(MeasureCosts())
            with trio.move_on_after(MEASURE_SECONDS):
                await _first(done, process.ended)
        finally:
            process.kill("measured")
        self.encoder = process.encoder
        return found[0] if found else {}

    async def _is_ready(self, process: JobProcess) -> bool:
        """Wait until it is ready, or has ended; it ends by itself if it takes too long."""
        done = False
        try:
            await _first(process.ready, process.ended)
            done = True
        finally:
            if not done:
                process.kill("not_wanted")
        return process.alive

    async def _run(self, process: JobProcess) -> None:
        self.processes += 1
        try:
            await process.run()
        finally:
            self.processes -= 1
            if process in self._idle:
                self._idle.remove(process)
                self._lost = process.end.reason
                self._missing.set()

    async def _keep_warm(self) -> None:
        while True:
            self._missing = trio.Event()
            while len(self._idle) < self._warm and not self._lost:
                try:
                    self._idle.append(self.start())
                except JobFailed:
                    self._lost = "not_started"
            if not self._lost:
                await self._missing.wait()
            if self._lost:  # not at once: the next one may fare no better
                log.warning("job.not_warm", reason=self._lost, again_in=self._pause)
                await trio.sleep(self._pause)
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                self._lost = ""


async def _first(*events: trio.Event) -> None:
    """Return when one of them is set."""

    async def wait(event: trio.Event, done: Callable[[], None]) -> None:
        await event.wait()
        done()

    async with trio.open_nursery() as nursery:
        for event in events:
            nursery.start_soon(wait, event, nursery.cancel_scope.cancel)
