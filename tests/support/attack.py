"""What others notice while somebody attacks a server process: their waits, its memory, its loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import httpx
import trio
from prometheus_client.parser import text_string_to_metric_families

from tests.support.process import RunningProcess

OPERATOR_TOKEN = "of the test"
MEGABYTE = 1_000_000
PATIENCE = 60.0
EVERY = 0.03  # seconds between two looks
ELSEWHERE = "127.0.0.2"  # from where attacks come


def resident(process: RunningProcess) -> int:
    """Return the bytes of memory that the server has."""
    status = Path(f"/proc/{process.process.pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def client(process: RunningProcess, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """Return a client that calls from this address."""
    transport = httpx.AsyncHTTPTransport(local_address=address, verify=False)  # no TLS is spoken
    return httpx.AsyncClient(base_url=process.url, timeout=PATIENCE, transport=transport)


async def metric(process: RunningProcess, name: str) -> float:
    """Return the value of a metric that has one, as the operator reads it."""
    async with client(process) as http:
        headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        answer = await http.get("/-/metrics", headers=headers)
    for family in text_string_to_metric_families(answer.text):
        if family.name == name:
            return family.samples[0].value
    raise AssertionError(name)


async def longest_hold(process: RunningProcess) -> float:
    """Return for how many seconds of processor time one task has held the loop, beyond 0.1 s."""
    return await metric(process, "quintet_loop_longest_hold_seconds")


class Watched:
    """`waits` of fresh connections in seconds, and the most memory that was gained meanwhile."""

    def __init__(self, process: RunningProcess) -> None:
        self.waits: list[float] = []
        self.over = False
        self._process = process
        self._before = self._most = resident(process)

    @property
    def grown(self) -> int:
        return self._most - self._before

    @property
    def usual_wait(self) -> float:
        return median(self.waits)

    async def look(self) -> None:
        """Look at what others get, until it is over."""
        while not self.over:
            self._most = max(self._most, resident(self._process))
            async with client(self._process) as http:
                began = trio.current_time()
                assert (await http.get("/-/healthz")).status_code == 200
                self.waits.append(trio.current_time() - began)
            await trio.sleep(EVERY)


@asynccontextmanager
async def watched(process: RunningProcess) -> AsyncIterator[Watched]:
    """Look at what others get while the block runs."""
    found = Watched(process)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(found.look)
        yield found
        found.over = True
    assert found.waits


@asynccontextmanager
async def again_and_again(
    do: Callable[[int], Awaitable[object]], at_once: int
) -> AsyncIterator[None]:
    """Do something again and again, so many at once, while the block runs."""

    over = False

    async def repeat(number: int) -> None:
        while not over:
            await do(number)
            number += at_once

    async with trio.open_nursery() as nursery:
        for number in range(at_once):
            nursery.start_soon(repeat, number)
        yield
        over = True  # what is under way is waited for
