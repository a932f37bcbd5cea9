"""A real server process of any configuration, for tests that stop it, signal it and watch it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import trio

REPOSITORY = Path(__file__).parents[2]
READY_SECONDS = 180.0  # of a machine that has much else to do
END_SECONDS = 60.0
SLOW_STEP = 1000  # ms that a step may take on a slow machine, where 100 are the most on ours

OPERATOR = 'listeners = [{ bind = "127.0.0.1:0", dialects = ["operator"] }]\n'
WITH_STORE_AND_MEDIA = OPERATOR.replace('"operator"', '"owt", "operator"')


class RunningProcess:
    """A server that is ready: its URLs, its log so far, and its end."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.ended = trio.Event()
        self._news = trio.Condition()

    @property
    def url(self) -> str:
        return str(self.urls[0])

    @property
    def urls(self) -> list[str]:
        [ready] = [line for line in self.log if line["event"] == "server.ready"]
        return list(ready["urls"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def host(self) -> str:
        return "127.0.0.1"

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def wait_for(self, event: str) -> dict[str, Any]:
        """Return the first log entry of that event."""
        with trio.fail_after(READY_SECONDS):
            async with self._news:
                while True:
                    for line in self.log:
                        if line["event"] == event:
                            return line
                    if self.ended.is_set():
                        raise AssertionError(f"ended without {event}: {self.log}")
                    await self._news.wait()

    async def end(self) -> tuple[int, float]:
        """Wait for the end; return the exit code and how many seconds it took."""
        started = trio.current_time()
        with trio.fail_after(END_SECONDS):
            code = await self.process.wait()
            await self.ended.wait()
        return code, trio.current_time() - started

    def stopped_within(self) -> float:
        """Return how long the stop took, by the log: the interpreter ends later."""
        times = {line["event"]: line.get("time", "") for line in self.log}
        began, ended = (
            datetime.fromisoformat(times[event]) for event in ("server.stopping", "server.stopped")
        )
        return (ended - began).total_seconds()

    def troubles(self) -> list[dict[str, Any]]:
        """Return what was logged as a warning or an error, but for the steps of a slow machine."""
        bad = [line for line in self.log if line.get("level") in ("warning", "error")]
        slow = [line for line in bad if line["event"] == "loop.held" and line["ms"] < SLOW_STEP]
        return [line for line in bad if line not in slow]

    def cpu_seconds(self) -> float:
        """Return the CPU time the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def read_log(self) -> None:
        """Collect the log until the process ends; for `launched`."""
        assert self.process.stdout is not None
        rest = b""
        async with self.process.stdout:
            async for data in self.process.stdout:
                *lines, rest = (rest + data).split(b"\n")
                async with self._news:
                    self.log += [_entry(line) for line in lines]
                    self._news.notify_all()
        self.ended.set()
        async with self._news:
            self._news.notify_all()


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return {"event": "", "text": line.decode("utf-8", "replace")}
    return entry


@asynccontextmanager
async def launched(
    folder: Path,
    config: str = OPERATOR,
    *,
    server: str = "",
    ready: bool = True,
    command: tuple[str, ...] = (),
) -> AsyncIterator[RunningProcess]:
    """Run `quintet serve`, or another command, while the block runs; killed if need be.

    `server` is put into the `[server]` table. No process waits for jobs, unless it says so.
    """
    file = folder / "config.toml"
    jobs = "" if "[jobs]" in config else "[jobs]\nwarm = 0\n"
    file.write_text(f'{config}{jobs}[server]\ndata_dir = "{folder / "data"}"\n{server}\n')
    arguments = command or ("-m", "api", "serve", "--config", str(file))
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env={**os.environ, "QUINTET_CONFIG": str(file)},
                check=False,
            )
        )
        running = RunningProcess(process)
        nursery.start_soon(running.read_log)
        if ready:
            await running.wait_for("server.ready")
        yield running
        if process.returncode is None:
            process.kill()
