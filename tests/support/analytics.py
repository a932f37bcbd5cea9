"""Plug-ins for tests: installed into a folder, as pip would, and what they tell."""

from __future__ import annotations

from pathlib import Path

from media.contract.jobs import AnalysisWanted, JobInput
from media.media_jobs import JobsPlan
from media.worker.process import ProcessPlan
from tests.support.jobs import SECONDS
from tests.support.shows import PICTURE

ODD = '''
import os, sys, time
import trio
from media.analysis import PictureWants, SoundWants, Wants

SMALL = Wants(PictureWants(32, 18, rate=25.0, format="gray"))


class Told:
    """Tells every frame."""
    wants = SMALL
    async def analyse(self, frames, emit):
        async for frame in frames:
            emit("frame", {"shape": list(frame.data.shape), "skipped": frame.skipped,
                           "late": time.monotonic() - frame.moment})


class Sleeps(Told):
    """Blocks its thread for three seconds at the first frame."""
    async def analyse(self, frames, emit):
        await anext(frames)
        time.sleep(3)
        frame = await anext(frames)
        emit("woke", {"skipped": frame.skipped, "late": time.monotonic() - frame.moment})
        await trio.sleep_forever()


class Raises(Told):
    async def analyse(self, frames, emit):
        await anext(frames)
        raise ValueError("no \\x1b such\\nthing")


class Returns(Told):
    async def analyse(self, frames, emit):
        await anext(frames)


class Floods(Told):
    async def analyse(self, frames, emit):
        await anext(frames)
        told = sum(emit("again", {"text": "x" * 3000}) for _ in range(5000))
        emit("late")
        await trio.sleep(0.2)
        emit("told", {"told": told})
        await trio.sleep_forever()


class Garbage(Told):
    async def analyse(self, frames, emit):
        for values in ({"a": object()}, {"a": "x" * 5000}, [1]):
            try:
                emit("garbage", values)
            except ValueError:
                emit("refused")
        emit("two words")


class Exits(Told):
    async def analyse(self, frames, emit):
        sys.exit(3)


class Dies(Told):
    async def analyse(self, frames, emit):
        os._exit(3)


class Hears(Told):
    wants = Wants(sound=SoundWants(8000, seconds=0.2))
    async def analyse(self, frames, emit):
        async for frame in frames:
            emit("heard", {"shape": list(frame.data.shape)})


class NoWants:
    async def analyse(self, frames, emit): ...


class NotAsync:
    wants = SMALL
    def analyse(self, frames, emit): ...


no_plugin = 7
'''
NAMES = (
    "Told", "Sleeps", "Raises", "Returns", "Floods", "Garbage", "Exits", "Dies", "Hears", "NoWants",
    "NotAsync", "no_plugin",
)  # fmt: skip


def install(folder: Path, module: str = ODD) -> Path:
    """Put the plug-ins of a module into a folder: for PYTHONPATH, by their names in lower case."""
    info = folder / "odd_plugins-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "odd_plugins.py").write_text(module)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-plugins\nVersion: 1.0\n")
    lines = [f"{name.lower()} = odd_plugins:{name}" for name in NAMES]
    lines.append("broken = odd_plugins_that_are_not_there:x")
    (info / "entry_points.txt").write_text("\n".join(["[quintet.analytics]", *lines, ""]))
    return folder


def plan_with(folder: Path) -> JobsPlan:
    """Return a plan whose processes find what is installed there."""
    plan = ProcessPlan(SECONDS, SECONDS, environment={"PYTHONPATH": str(folder)})
    return JobsPlan(warm=0, process=plan, cores=64.0)


def analysis(algorithm: str, *inputs: JobInput) -> AnalysisWanted:
    return AnalysisWanted(algorithm, inputs or (PICTURE,))
