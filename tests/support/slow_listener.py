"""People who hear what is said on a websocket at their own pace, and a flood for them to hear.

What is said holds marks (`mark`), which are looked for in the bytes as they come.
"""

from __future__ import annotations

import re
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from tests.support.process import RunningProcess
from tests.support.raw import RawClient, upgrade_request

PATIENCE = 60.0
SLOWLY = 1_000_000  # bytes a second
AT_LEAST = 10.0  # seconds that a flood lasts
MORE_THAN_FITS = 45_000_000  # bytes ahead of a slow one: more than outboxes and kernels hold
SMALL_BUFFER = 65_536
PIECE = 65_536
_MARK = re.compile(rb"(flood|friend) (\d{6});")
_LONGEST = len(b"friend 000000;")


def mark(who: str, number: int) -> str:
    """Return what a listener finds in what is said."""
    return f"{who} {number:06};"


@dataclass
class Listener:
    """Reads `pace` bytes a second, or with 0 whatever there is. `heard` are the numbers, by who."""

    client: RawClient
    pace: int = 0
    heard: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    ended: bool = False

    async def listen(self) -> None:
        """Read to the end of the connection."""
        rest = b""
        while data := await self.client.stream.receive_some(PIECE):
            rest += data
            end = 0
            for found in _MARK.finditer(rest):
                self.heard[found[1].decode()].append(int(found[2]))
                end = found.end()
            rest = rest[max(end, len(rest) - _LONGEST) :]
            if self.pace:
                await trio.sleep(len(data) / self.pace)
        self.ended = True

    async def until(self, who: str, number: int) -> None:
        """Wait until that was heard."""
        with trio.fail_after(PATIENCE):
            while not self.heard[who] or self.heard[who][-1] < number:
                assert not self.ended
                await trio.sleep(0.01)


@asynccontextmanager
async def opened(
    process: RunningProcess, path: str = "/ws", address: str = "127.0.0.1"
) -> AsyncIterator[RawClient]:
    """Open a websocket from an address, whose kernel takes in little that is not read."""
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    await sock.bind((address, 0))
    await sock.connect((process.host, process.port))
    async with trio.SocketStream(sock) as stream:
        client = RawClient(stream)
        await client.send(upgrade_request(path))
        assert " 101 " in await client.read_head()
        yield client


Say = Callable[[int], Awaitable[int]]
"""Say what bears this number, and return its bytes."""


async def flood_of(say: Say, prompt: Listener) -> int:
    """Flood a room with more than a slow one reads or may have unsent; return how much was said.

    It goes no faster than a prompt one reads.
    """
    began, said, number = trio.current_time(), 0, 0
    with trio.fail_after(PATIENCE * 2):
        while True:
            took = trio.current_time() - began
            if took >= AT_LEAST and said >= took * SLOWLY + MORE_THAN_FITS:
                return number
            said += await say(number)
            number += 1
            await prompt.until("flood", number - 2)


async def say_now_and_then(say: Say, until: trio.Event) -> int:
    """Say something every half second, and return how much."""
    number = 0
    while not until.is_set():
        await say(number)
        number += 1
        with trio.move_on_after(0.5):
            await until.wait()
    return number


async def hear_through_a_flood(
    slow: Listener, prompt: Listener, flood: Say, friend: Say
) -> tuple[int, int]:
    """Let one flood while another speaks; return how much each said, once both have been heard.

    The slow one reads faster once the flood is over, so as not to make a test wait.
    """
    over, friendly, flooded = trio.Event(), 0, 0

    async def speak() -> None:
        nonlocal friendly
        friendly = await say_now_and_then(friend, over)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak)
        flooded = await flood_of(flood, prompt)
        over.set()
    slow.pace = 0
    await prompt.until("flood", flooded - 1)
    for each in (slow, prompt):
        await each.until("friend", friendly - 1)
    return flooded, friendly


def check_all_was_well(slow: Listener, prompt: Listener, flooded: int, friendly: int) -> None:
    """Both have heard all of the friend; the flood is whole for the prompt one alone."""
    assert not slow.ended
    assert slow.heard["friend"] == prompt.heard["friend"] == list(range(friendly))
    assert prompt.heard["flood"] == list(range(flooded))
    assert 0 < len(slow.heard["flood"]) < flooded
