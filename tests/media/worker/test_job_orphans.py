"""A server that is killed leaves no process behind, whatever its processes are busy with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial

import pytest
import trio

from tests.support.jobs import ROOT, SECONDS, alive


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [False, True])
async def test_a_server_that_is_killed_leaves_no_process(stopped: bool):
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, "-m", "tests.support.job_server"],
                stdout=subprocess.PIPE,
                cwd=ROOT,
                check=False,
            )
        )
        with trio.fail_after(SECONDS):
            told = b""  # its log, and at last the line that we look for
            while b"processes " not in told or not told.endswith(b"\n"):
                told += await server.stdout.receive_some()
        await server.stdout.aclose()
        pids = [int(pid) for pid in told.partition(b"processes ")[2].split()]
        assert len(pids) == 3
        assert all(map(alive, pids))
        if stopped:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
        server.kill()
        await server.wait()
        try:
            with trio.fail_after(SECONDS):
                while any(map(alive, pids)):
                    await trio.sleep(0.01)
        finally:
            for pid in filter(alive, pids):
                os.kill(pid, signal.SIGKILL)


async def test_what_a_process_has_started_is_killed_with_its_lifeline() -> None:
    program = (
        "import subprocess, sys, time\n"
        "from media.job.__main__ import _die_with\n"
        "_die_with(int(sys.argv[1]))\n"
        "print(subprocess.Popen(['sleep', '600']).pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    theirs, ours = os.pipe()
    process = subprocess.Popen(  # noqa: ASYNC220 - it is started at once
        [sys.executable, "-c", program, str(theirs)],
        pass_fds=[theirs],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        os.close(theirs)
        assert process.stdout is not None
        child = int(await trio.to_thread.run_sync(process.stdout.readline))
        assert alive(child)
        os.close(ours)
        with trio.fail_after(SECONDS):
            while alive(child) or alive(process.pid):
                await trio.sleep(0.01)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
