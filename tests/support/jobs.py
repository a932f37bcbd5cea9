"""Jobs for tests: what is wanted of them, engines that run them, and what is left of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import trio

from media.contract.jobs import (
    AudioTarget,
    Composition,
    JobEnded,
    JobEvent,
    JobInput,
    MixWanted,
    SoundMix,
    TranscodeWanted,
    VideoTarget,
)
from media.local_engine import LocalEngine, open_local_engine
from media.media_jobs import JobsPlan
from media.webrtc.bridge import MediaLoop
from media.webrtc.peer_facts import IceConfig
from media.worker.process import JobProcess, ProcessPlan

E = TypeVar("E")

ROOT = Path(__file__).parents[2]
SECONDS = 30.0  # of a machine that has much else to do
SMALL = VideoTarget("vp8", 320, 180, 15, 300)
OPUS = AudioTarget("opus")
ECHO = ProcessPlan(
    start_seconds=SECONDS,
    stalled_seconds=SECONDS,
    kinds="tests.support.job_works:KINDS",
    environment={"PYTHONPATH": str(ROOT)},
)
JOBS = JobsPlan(warm=0, process=ECHO, cores=64.0)
LOOPBACK = IceConfig(listen_ips=("127.0.0.1",))


def picture(name: str) -> JobInput:
    return JobInput(name, "video", "vp8")


def voice(name: str) -> JobInput:
    return JobInput(name, "audio", "opus", channels=2, clock_rate=48_000)


def transcode(name: str = "camera", target: VideoTarget = SMALL) -> TranscodeWanted:
    return TranscodeWanted(picture(name), target)


def mix(*inputs: JobInput, without: tuple[str, ...] = (), picture: bool = True) -> MixWanted:
    return MixWanted(
        inputs, Composition(SMALL) if picture else None, SoundMix(OPUS, without=without)
    )


@dataclass
class JobTold:
    """What is told of a job; call it as its sink."""

    events: list[JobEvent] = field(default_factory=list)
    news: trio.Event = field(default_factory=trio.Event)

    def __call__(self, event: JobEvent) -> None:
        self.events.append(event)
        self.news.set()
        self.news = trio.Event()

    async def first(self, kind: type[E], fits: Callable[[E], bool] = lambda _: True) -> E:
        """Wait for the first event of a kind that fits."""
        with trio.fail_after(SECONDS):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and fits(event):
                        return event
                await self.news.wait()

    async def end(self) -> JobEnded:
        return await self.first(JobEnded)


@asynccontextmanager
async def job_engine(
    loop: MediaLoop, plan: JobsPlan = JOBS, **process: float | str
) -> AsyncIterator[LocalEngine]:
    """Run an engine whose jobs echo; `process` changes how they are started."""
    plan = replace(plan, process=replace(plan.process, **process))  # type: ignore[arg-type]
    async with open_local_engine(loop, LOOPBACK, jobs=plan) as engine:
        yield engine


@asynccontextmanager
async def clean_engine(loop: MediaLoop, **process: float | str) -> AsyncIterator[LocalEngine]:
    """Run an engine in which nothing is left in the end: no stream, and no job."""
    async with job_engine(loop, **process) as engine:
        yield engine
        assert engine.router.empty
        stats = (await engine.stats()).jobs
        assert (dict(stats.running), stats.booked) == ({}, 0.0)


def process_of(engine: LocalEngine, job: str = "view") -> JobProcess:
    process = engine._jobs._jobs[job].process
    assert process is not None
    return process


async def until_warm(engine: LocalEngine, number: int) -> None:
    with trio.fail_after(SECONDS):
        while True:
            idle = engine._jobs._pool._idle
            if len(idle) == number and all(it.ready.is_set() and it.alive for it in idle):
                return
            await trio.sleep(0.01)


def be_patient(engine: LocalEngine, **seconds: float) -> None:
    """Have it wait so long from now on for processes that start, and that hang."""
    for name, value in seconds.items():
        object.__setattr__(engine._jobs._plan.process, name, value)  # frozen, and shared


def children(of: int | None = None) -> set[int]:
    """Return our processes, or those of another one; also ones that nobody has waited for."""
    parent, found = of or os.getpid(), set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile
        if int(fields[1]) == parent:
            found.add(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    """Tell whether a process runs; one whose end nobody has taken note of does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
