"""A stream out through a process of an engine, which is killed, and stopped, in mid-stream."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from media.contract.jobs import BroadcastWanted, JobEnded, JobFigures
from media.contract.streaming import TargetFlows
from media.local_engine import LocalEngine
from media.media_jobs import JobsPlan
from media.webrtc.bridge import MediaLoop
from tests.support.jobs import JobTold, be_patient, job_engine, process_of
from tests.support.media_file import errors_in, look_into
from tests.support.on_air import on_air, tune_in
from tests.support.shows import PICTURE, SOUND, picture, sound

pytestmark = pytest.mark.slow

PLAN = JobsPlan(warm=0, cores=64.0)
SHOW_SECONDS = 40.0  # longer than the test, also where much else is to do


async def send(engine: LocalEngine, folder: Path) -> JobTold:
    """Begin to send into a folder, and return once that flows."""
    told = JobTold()
    wanted = BroadcastWanted(
        "hls", (SOUND, PICTURE), folder=str(folder), playlist="live.m3u8", segment_seconds=1.0
    )
    await engine.open_job("show", wanted, told)
    tune_in(engine, "show")
    await told.first(TargetFlows)
    return told


def segments(folder: Path) -> list[Path]:
    """Return what the playlist names; each of them plays."""
    lines = (folder / "live.m3u8").read_text().splitlines()
    found = [folder / line for line in lines if not line.startswith("#")]
    for each in found:
        assert set(look_into(each).packets) == {"h264", "aac"}
        assert errors_in(each) == ""
    return found


async def test_what_a_process_that_dies_has_written_plays_and_the_next_one_goes_on(
    media_loop: MediaLoop, tmp_path: Path
):
    show = [*picture(SHOW_SECONDS, every=1.0), *sound(SHOW_SECONDS)]
    async with job_engine(media_loop, PLAN) as engine, on_air(engine, show):
        told = await send(engine, tmp_path)
        figures = await told.first(JobFigures, lambda it: it.frames_out > 50)
        assert (figures.decode_errors, figures.dropped) == (0, 0)
        os.kill(process_of(engine, "show").pid, signal.SIGKILL)
        assert await told.end() == JobEnded("killed", "SIGKILL")
        first = segments(tmp_path)
        assert first

        (tmp_path / "live-1.ts.tmp").write_bytes(b"of one that was killed while it wrote")
        told = await send(engine, tmp_path)
        be_patient(engine, stalled_seconds=1.5)
        second = segments(tmp_path)
        assert set(second).isdisjoint(first)
        os.kill(process_of(engine, "show").pid, signal.SIGSTOP)
        assert (await told.end()).reason == "stalled"

        be_patient(engine, stalled_seconds=30.0)
        told = await send(engine, tmp_path)
        await engine.close_job("show")
        assert (await told.end()).reason == "stopped"
    assert set(segments(tmp_path)).isdisjoint([*first, *second])
    see_that_it_ended(tmp_path)


def see_that_it_ended(folder: Path) -> None:
    assert (folder / "live.m3u8").read_text().endswith("#EXT-X-ENDLIST\n")
    assert not list(folder.glob("*.tmp"))
