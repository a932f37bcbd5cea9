"""Plug-ins in processes of an engine: what they tell, what they miss, and how they end."""

from __future__ import annotations

import json
import os
import signal
import time
from functools import cache
from pathlib import Path

import pytest
import trio

from media.contract.analysis import (
    EVENTS_PER_SECOND,
    AnalysisBegan,
    AnalysisEnd,
    AnalysisNoted,
    AnalysisOver,
)
from media.contract.jobs import JobEnded, JobFigures, sink_of
from media.local_engine import LocalEngine
from media.webrtc.bridge import MediaLoop
from tests.support.analytics import analysis, install, plan_with
from tests.support.jobs import SECONDS, JobTold, alive, be_patient, job_engine, process_of
from tests.support.on_air import on_air
from tests.support.shows import SOUND, Event, picture

pytestmark = pytest.mark.slow

SHOW_SECONDS = 80.0  # longer than a test, also where much else is to do
ENDS = {
    "raises": (AnalysisEnd.RAISED, "ValueError: no ? such thing"),
    "returns": (AnalysisEnd.DONE, "the algorithm has ended by itself"),
    "garbage": (AnalysisEnd.RAISED, "BadEvent: the name of an event is of letters, digits,"),
    "exits": (AnalysisEnd.RAISED, "SystemExit: 3"),
    "mute": (AnalysisEnd.RAISED, "ValueError: unheard"),
    "hears": (AnalysisEnd.UNFIT, "this algorithm wants a sound"),
    "nowants": (AnalysisEnd.NOT_LOADED, "TypeError: it has no `wants`"),
    "notasync": (AnalysisEnd.NOT_LOADED, "TypeError: it has no `async def analyse`"),
    "no_plugin": (AnalysisEnd.NOT_LOADED, "TypeError: it has no `wants`"),
    "broken": (AnalysisEnd.NOT_LOADED, "ModuleNotFoundError: No module named 'odd_plugins_that"),
    "face": (AnalysisEnd.UNKNOWN, "there is no such algorithm here, but black, broken, clings, c"),
}


@cache
def show() -> list[Event]:
    return picture(SHOW_SECONDS, every=1.0)


async def watch(engine: LocalEngine, job: str, algorithm: str = "") -> JobTold:
    """Have a plug-in look at the camera."""
    told = JobTold()
    await engine.open_job(job, analysis(algorithm or job), told)
    engine.router.attach("camera", sink_of(job, "camera"))
    return told


def values(event: AnalysisNoted) -> dict[str, float]:
    found: dict[str, float] = json.loads(event.body)
    return found


async def test_each_end_of_a_plug_in_is_told_with_its_reason(
    media_loop: MediaLoop, tmp_path: Path
) -> None:
    plan = plan_with(install(tmp_path / "site"))
    async with job_engine(media_loop, plan) as engine:
        for algorithm, (reason, detail) in ENDS.items():
            async with on_air(engine, show()):
                told = await watch(engine, algorithm)
                over = await told.first(AnalysisOver)
            assert over.reason == reason, algorithm
            assert over.detail.startswith(detail), over.detail
            began = any(isinstance(it, AnalysisBegan) for it in told.events)
            assert began == (reason in (AnalysisEnd.RAISED, AnalysisEnd.DONE))
            if algorithm == "garbage":
                noted = [it.name for it in told.events if isinstance(it, AnalysisNoted)]
                assert noted == ["refused"] * 3
            await engine.close_job(algorithm)
            assert (await told.end()).reason == "stopped"

        async with on_air(engine, show()):
            told = await watch(engine, "dies")
            assert await told.end() == JobEnded("exited", "code 3")

        unheard = JobTold()
        await engine.open_job("mute", analysis("level", SOUND), unheard)
        over = await unheard.first(AnalysisOver)
        assert over.detail == "what comes as aac cannot be decoded here"


async def test_one_that_blocks_misses_frames_and_delays_nothing(
    media_loop: MediaLoop, tmp_path: Path
) -> None:
    plan = plan_with(install(tmp_path / "site"))
    async with job_engine(media_loop, plan) as engine, on_air(engine, show()):
        sleeper, quick = await watch(engine, "sleeps"), await watch(engine, "told")
        for told in (sleeper, quick):
            assert await told.first(AnalysisBegan) == AnalysisBegan(("video",))
        for _ in range(3):  # while it is blocked, its process tells of itself, and of frames missed
            sleeper.events.clear()
            await sleeper.first(JobFigures)
        missing = await sleeper.first(JobFigures, lambda it: it.late_frames > 40)
        assert missing.frames_in > missing.late_frames
        assert not [it for it in sleeper.events if isinstance(it, AnalysisNoted)]
        (tmp_path / "site" / "wake").touch()
        woke = values(await sleeper.first(AnalysisNoted))
        assert woke["skipped"] > 40
        assert woke["late"] < woke["slept"] / 2  # the newest is given
        frames = [values(it) for it in quick.events if isinstance(it, AnalysisNoted)]
        assert frames[0]["shape"] == [18, 32]
        assert sorted(it["late"] for it in frames)[len(frames) // 2] < woke["slept"] / 2


async def test_a_flood_of_events_is_bounded_and_counted(
    media_loop: MediaLoop, tmp_path: Path
) -> None:
    plan = plan_with(install(tmp_path / "site"))
    async with job_engine(media_loop, plan) as engine, on_air(engine, show()):
        told = await watch(engine, "floods")
        last = await told.first(AnalysisNoted, lambda it: it.name == "told")
        noted = [it for it in told.events if isinstance(it, AnalysisNoted)]
        told_of = values(last)["told"]
        assert EVENTS_PER_SECOND <= told_of < 500
        assert len(noted) <= told_of + 2
        assert last.dropped + told_of >= 5000


async def test_one_whose_process_is_killed_ends_at_once(
    media_loop: MediaLoop, tmp_path: Path
) -> None:
    plan = plan_with(install(tmp_path / "site"))
    async with job_engine(media_loop, plan) as engine, on_air(engine, show()):
        took: list[float] = []
        while not took or (min(took) >= 1.0 and len(took) < 5):  # others may be busy
            told = await watch(engine, job := f"motion-{len(took)}", "motion")
            noted = await told.first(AnalysisNoted)
            assert noted.name == "motion"
            assert abs(noted.time - time.time()) < 30
            began = trio.current_time()
            os.kill(process_of(engine, job).pid, signal.SIGKILL)
            assert await told.end() == JobEnded("killed", "SIGKILL")
            took.append(trio.current_time() - began)
        assert min(took) < 1.0


async def test_what_a_plug_in_has_started_ends_with_it(
    media_loop: MediaLoop, tmp_path: Path
) -> None:
    plan = plan_with(install(tmp_path / "site"))
    async with job_engine(media_loop, plan) as engine, on_air(engine, show()):
        for killed in (False, True):
            told = await watch(engine, "clings")
            child = int(values(await told.first(AnalysisNoted))["pid"])
            process = process_of(engine, "clings").pid
            assert alive(child)
            if killed:
                os.kill(process, signal.SIGKILL)
                await told.end()
            else:
                await engine.close_job("clings")
            with trio.fail_after(SECONDS):
                while alive(child) or alive(process):
                    await trio.sleep(0.05)


async def test_two_tasks_of_a_plug_in_may_take_frames_and_one_may_cut_its_process_off(
    media_loop: MediaLoop, tmp_path: Path
) -> None:
    plan = plan_with(install(tmp_path / "site"))
    async with job_engine(media_loop, plan) as engine, on_air(engine, show()):
        told = await watch(engine, "shared")
        await told.first(AnalysisNoted, lambda it: it.name == "both")
        told = await watch(engine, "cuts")
        be_patient(engine, stalled_seconds=3.0)
        assert (await told.end()).reason in {"exited", "stalled", "killed"}
