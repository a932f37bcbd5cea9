"""What others get while a server is attacked: how long they wait, and what it costs the server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import trio

from tests.support.process import RunningProcess

PAUSE = 0.02
STANDSTILL = 0.5  # seconds: who could not even count the time meanwhile waited for no server
HEALTH = b"GET /-/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
MIB = 1 << 20


@dataclass
class Bystander:
    """Asks for /-/healthz, each time on a new connection.

    `waits` are seconds, without those in which this process, or the whole machine, stood still.
    """

    process: RunningProcess
    waits: list[float] = field(default_factory=list)
    asking: bool = False
    before: int = 0  # bytes of memory
    peak: int = 0
    stood_still: float = 0.0  # seconds

    @property
    def grown(self) -> float:
        """How many MiB of memory the server had more than before, at worst."""
        return (self.peak - self.before) / MIB

    @property
    def usual(self) -> float:
        return median(self.waits)

    @property
    def worst(self) -> float:
        return max(self.waits)

    @property
    def worst_but_one(self) -> float:
        """A machine that stands still makes one wait long: he asks again when he was answered."""
        return max(sorted(self.waits)[:-1], default=0.0)

    async def ask(self) -> None:
        """Ask until cancelled."""
        while True:
            began, stood_still = time.monotonic(), self.stood_still
            self.asking = True
            stream = await trio.open_tcp_stream(self.process.host, self.process.port)
            async with stream:
                await stream.send_all(HEALTH)
                answer = b"".join([part async for part in stream])
            assert answer.startswith(b"HTTP/1.1 200"), answer
            took = time.monotonic() - began
            await trio.lowlevel.checkpoint()  # `tell_time` comes first
            self.waits.append(max(0.0, took - (self.stood_still - stood_still)))
            self.peak = max(self.peak, memory(self.process))
            self.asking = False
            await trio.sleep(PAUSE)

    async def tell_time(self) -> None:
        """Notice, until cancelled, when a moment takes long."""
        while True:
            began = time.monotonic()
            await trio.sleep(PAUSE)
            late = time.monotonic() - began - PAUSE
            if late > STANDSTILL:
                self.stood_still += late

    def __str__(self) -> str:
        return (
            f"others waited {self.usual * 1000:.0f} ms, at worst {self.worst * 1000:.0f} ms; "
            f"memory grew by {self.grown:.1f} MiB"
        )


@asynccontextmanager
async def bystander(process: RunningProcess) -> AsyncIterator[Bystander]:
    """Have somebody ask while the block runs; he has been answered once before it."""
    found = Bystander(process)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(found.tell_time)
        nursery.start_soon(found.ask)
        while not found.waits:
            await trio.sleep(PAUSE)
        found.waits.clear()
        found.before = found.peak = memory(process)
        yield found
        while found.asking or not found.waits:  # who waits longest is answered last
            await trio.sleep(PAUSE)
        nursery.cancel_scope.cancel()


def memory(process: RunningProcess) -> int:
    """Return the resident memory of a server, in bytes."""
    for line in Path(f"/proc/{process.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel does not say")


FLOOD = """
import socket, sys, time
port, seconds, rate, *datagrams = sys.argv[1:]
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(("127.0.0.1", int(port)))
datagrams = [bytes.fromhex(each) for each in datagrams]
began, sent, rate = time.monotonic(), 0, float(rate)
while (passed := time.monotonic() - began) < float(seconds):
    if rate and sent > rate * passed:
        time.sleep(0.001)
        continue
    for each in datagrams * 20:
        try:
            sender.send(each)
            sent += 1
        except OSError:
            pass
print(sent)
"""


@contextmanager
def datagrams_to(
    port: int, datagrams: Sequence[bytes], seconds: float, rate: float = 0.0
) -> Iterator[subprocess.Popen[str]]:
    """Send these again and again to a port of loopback, from a process of its own.

    `rate` is per second; 0: as fast as can be. It ends with the block at the latest.
    """
    words = [str(port), str(seconds), str(rate), *(each.hex() for each in datagrams)]
    process = subprocess.Popen(
        [sys.executable, "-c", FLOOD, *words], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
