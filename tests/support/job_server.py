"""A server with jobs that a test kills: `python -m tests.support.job_server`.

It prints a line of `processes` and their ids: of one that works, one that hangs in its work, and
one that waits for work.
"""

from __future__ import annotations

from dataclasses import replace

import trio

from media.contract.jobs import JobEvent
from media.webrtc.bridge import open_media_loop
from tests.support.jobs import JOBS, job_engine, mix, picture, process_of, transcode


def nobody(event: JobEvent) -> None:
    """Be told nothing."""


async def main() -> None:
    """Run until it is killed."""
    async with (
        open_media_loop() as loop,
        job_engine(loop, replace(JOBS, warm=1)) as engine,
        trio.open_nursery() as nursery,
    ):
        await engine.open_job("works", transcode(), nobody)
        await engine.open_job("hangs", mix(picture("camera")), nobody)
        nursery.start_soon(engine.change_job, "hangs", mix(picture("hang")))
        pool = engine._jobs._pool
        pool.warm_up()
        while not (pool._idle and pool._idle[0].ready.is_set()):
            await trio.sleep(0.01)
        pids = [process_of(engine, job).pid for job in ("works", "hangs")]
        print("processes", *pids, pool._idle[0].pid, flush=True)
        await trio.sleep_forever()


trio.run(main)
