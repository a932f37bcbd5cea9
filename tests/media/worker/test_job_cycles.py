"""Many starts and ends of jobs, each in another way: nothing of them is left.

QUINTET_CYCLES says how many there are.
"""

from __future__ import annotations

import os
import signal

import pytest
import trio

from media.contract.errors import JobFailed
from media.webrtc.bridge import MediaLoop
from tests.support.jobs import (
    JobTold,
    children,
    clean_engine,
    descriptors,
    mix,
    picture,
    process_of,
    transcode,
)

STARTS = int(os.environ.get("QUINTET_CYCLES", "80"))
AT_ONCE = 4
WAYS = ("close", "kill", "fail", "give up")


def figures() -> tuple[object, ...]:
    """Return what is open, to be compared with what is open later."""
    return children(), descriptors(), trio.lowlevel.current_statistics().tasks_living


@pytest.mark.slow
@pytest.mark.unhurried
async def test_after_many_starts_no_process_descriptor_or_task_is_left(media_loop: MediaLoop):
    async with clean_engine(media_loop) as engine:
        await engine.open_job("first", transcode(), JobTold())
        await engine.close_job("first")
        before = figures()
        left = iter(range(STARTS))

        async def start_and_end() -> None:
            for number in left:
                await cycle(f"view {number}", WAYS[number % len(WAYS)])

        async def cycle(job: str, way: str) -> None:
            told = JobTold()
            if way == "fail":
                with pytest.raises(JobFailed):
                    await engine.open_job(job, mix(picture("fail")), told)
            elif way == "give up":
                with trio.move_on_after(0.2):
                    await engine.open_job(job, mix(picture("hang")), told)
            else:
                await engine.open_job(job, transcode(), told)
                if way == "kill":
                    os.kill(process_of(engine, job).pid, signal.SIGKILL)
                else:
                    await engine.close_job(job)
                await told.end()

        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(start_and_end)
        with trio.fail_after(30):
            while (await engine.stats()).jobs.processes:
                await trio.sleep(0.01)
        with trio.move_on_after(30):
            while figures() != before:
                await trio.sleep(0.05)
        assert figures() == before
        assert sum((await engine.stats()).jobs.ended.values()) == STARTS + 1
