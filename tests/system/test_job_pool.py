"""A server has processes for jobs where OWT is served, once it is ready; they end with it."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import trio

from tests.support.jobs import SECONDS, alive, children
from tests.support.process import launched

pytestmark = pytest.mark.slow

JOBS = "[jobs]\nwarm = 2\n"


def served(*dialects: str) -> str:
    names = ", ".join(f'"{name}"' for name in dialects)
    return f'listeners = [{{ bind = "127.0.0.1:0", dialects = [{names}] }}]\n{JOBS}'


async def until_there_are(processes: int, of: int) -> set[int]:
    with trio.fail_after(SECONDS):
        while len(found := children(of)) != processes:
            await trio.sleep(0.05)
    return found


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_processes_wait_for_jobs_and_end_with_the_server(tmp_path: Path, end: signal.Signals):
    for measured in (True, False):
        async with launched(tmp_path, served("owt", "operator")) as server:
            if measured:
                line = await server.wait_for("jobs.measured")
                assert line["encode.vp8"] > 0
                order = [entry["event"] for entry in server.log]
                assert order.index("server.ready") < order.index("jobs.measured")
            pids = await until_there_are(2, server.process.pid)
            assert measured or "jobs.measured" not in [it["event"] for it in server.log]
            server.send(end)
            await server.end()
        with trio.fail_after(SECONDS):
            while any(map(alive, pids)):
                await trio.sleep(0.01)
    kept = json.loads((tmp_path / "data" / "job_costs.json").read_bytes())
    assert kept["costs"]["decode.h264"] > 0


async def test_without_owt_there_is_no_process(tmp_path: Path):
    async with launched(tmp_path, served("spreed", "operator")) as server:
        await trio.sleep(1.0)
        assert children(server.process.pid) == set()
        assert "jobs.measured" not in [it["event"] for it in server.log]
