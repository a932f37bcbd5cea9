"""Plug-ins for tests: installed into a folder, as pip would, and what they tell."""

from __future__ import annotations

from pathlib import Path

from media.contract.jobs import AnalysisWanted, JobInput
from media.media_jobs import JobsPlan
from media.worker.process import ProcessPlan
from tests.support.jobs import SECONDS
from tests.support.shows import PICTURE

ODD = '''
import os, subprocess, sys, threading, time
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
    """Blocks its thread for three seconds at the first frame, and until there is a file."""
    async def analyse(self, frames, emit):
        await anext(frames)
        began = time.monotonic()
        time.sleep(3)
        while not os.path.exists(os.path.join(os.path.dirname(__file__), "wake")):
            time.sleep(0.05)
        slept = time.monotonic() - began
        frame = await anext(frames)
        emit("woke", {"skipped": frame.skipped, "late": time.monotonic() - frame.moment,
                      "slept": slept})
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


class Clings(Told):
    """Starts a process and a thread that end with nothing, and does not heed its own end."""
    async def analyse(self, frames, emit):
        child = subprocess.Popen(["sleep", "600"])
        threading.Thread(target=time.sleep, args=(600,)).start()
        emit("child", {"pid": child.pid})
        while True:
            with trio.CancelScope(shield=True):
                await trio.sleep(600)


class Mute(Told):
    """Raises, with nowhere to write it."""
    async def analyse(self, frames, emit):
        sys.stderr.close()
        raise ValueError("unheard")


class Cuts(Told):
    """Closes what its process talks through."""
    async def analyse(self, frames, emit):
        os.closerange(0, 64)
        await trio.sleep_forever()


class Shared(Told):
    """Has two tasks take frames."""
    async def analyse(self, frames, emit):
        async def take(who):
            for _ in range(3):
                await anext(frames)
                emit(who)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take, "one")
            nursery.start_soon(take, "two")
        emit("both")
        await trio.sleep_forever()


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
    "NotAsync", "no_plugin", "Clings", "Mute", "Cuts", "Shared",
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
