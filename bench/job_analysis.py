"""Analytics in a process of their own: how long from a frame to its event, and what they cost.

A picture of 640×360 in H.264, encoded beforehand, comes from the router of an engine in real time.
The time is that from when the frame was captured, by its sender's reports, to when the server has
the event of a plug-in that tells at once.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import trio

from bench.job_load import cpu_of
from media.contract.analysis import AnalysisBegan, AnalysisNoted
from media.contract.jobs import JobEvent, sink_of
from media.webrtc.bridge import open_media_loop
from tests.support.analytics import analysis, install, plan_with
from tests.support.jobs import JobTold, job_engine, process_of
from tests.support.on_air import on_air
from tests.support.shows import picture

SIZE, SHOW_SECONDS, SETTLE, MEASURED = (640, 360), 30.0, 3.0, 15.0
QUICK = """
from media.analysis import PictureWants, Wants


class Told:
    wants = Wants(PictureWants(320, 180, rate=15.0))

    async def analyse(self, frames, emit):
        async for frame in frames:
            emit("frame", {"moment": frame.moment})
"""


class Timed(JobTold):
    """Notes how old a frame is when its event is there, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.ages: list[float] = []

    def __call__(self, event: JobEvent) -> None:
        super().__call__(event)
        if isinstance(event, AnalysisNoted) and "moment" in (told := json.loads(event.body)):
            self.ages.append(time.monotonic() - told["moment"])


async def measure(algorithm: str, site: Path) -> tuple[list[float], float]:
    """Return the ages, and the CPU seconds of the process per second of media."""
    told = Timed()
    show = picture(SHOW_SECONDS, size=SIZE, bitrate=800_000)
    async with (
        open_media_loop() as loop,
        job_engine(loop, plan_with(site)) as engine,
        on_air(engine, show),
    ):
        await engine.open_job("eye", analysis(algorithm), told)
        engine.router.attach("camera", sink_of("eye", "camera"))
        await told.first(AnalysisBegan)
        await trio.sleep(SETTLE)
        told.ages.clear()
        pid, began = process_of(engine, "eye").pid, time.monotonic()
        before = cpu_of(pid)
        await trio.sleep(MEASURED)
        cost = (cpu_of(pid) - before) / (time.monotonic() - began)
        await engine.close_job("eye")
    return told.ages, cost


def main() -> None:
    """Measure, and print the figures."""
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before")
    with tempfile.TemporaryDirectory() as name:
        site = install(Path(name) / "site", QUICK)
        ages, cost = trio.run(measure, "told", site)
        cuts = [age * 1000 for age in quantiles(ages, n=100)]
        print(
            f"frame to event: median {cuts[49]:.1f} ms, 99 of 100 within {cuts[98]:.1f} ms"
            f" ({len(ages)} events)"
        )
        print(f"320x180 at 15 a second: {cost * 1000:.1f} ms of CPU a second")
        for algorithm in ("motion", "dummy"):
            _, cost = trio.run(measure, algorithm, site)
            print(f"{algorithm}: {cost * 1000:.1f} ms of CPU a second")


if __name__ == "__main__":
    main()
