"""Ten begin a message of 39 MiB at once and stop: four take memory, the others wait for them."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from api.http.carriers import message_gate
from tests.support import raw
from tests.support.barertc import PATIENCE, BareServer, BareTester, barertc_server, barertc_settings
from tests.support.raw import RawClient, connected, frame, upgrade_request, upgraded
from tests.support.serving import CARRIERS, Serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

WINDOW_SECONDS = 8.0  # in which a message must be whole
MEBIBYTE = 2**20
SIZE = 39 * MEBIBYTE
STOPS_AT = 16 * MEBIBYTE  # more than the buffers of the kernel hold for one who waits
HEAD, END = b'{"action":"file","channel":"lobby","message":"a.png","bytes":[1', b"]}"
PIECE = b",1" * 32_768
AT_A_TIME, WAITING = 4, 5


def memory() -> int:
    """Return the bytes of memory that this process has now."""
    status = Path("/proc/self/status").read_text("ascii")
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


class Sender:
    """Somebody who is logged in and sends a file."""

    def __init__(self, client: RawClient, name: str) -> None:
        self.client = client
        self.name = name
        self.done = trio.Event()  # with sending

    async def log_in(self) -> None:
        login = json.dumps({"action": "login", "username": self.name})
        await self.client.send(frame(raw.TEXT, login.encode()))
        await self.hear(b'"presence"')

    async def hear(self, what: bytes) -> None:
        with trio.fail_after(PATIENCE):
            while True:
                found = await self.client.read_message()
                assert found is not None
                assert found[0] != raw.CLOSE, found
                if what in found[1]:
                    return

    async def send(self, most: int) -> None:
        """Send the message, but no more than so many bytes of it."""
        length = len(HEAD) + (SIZE - len(HEAD)) // len(PIECE) * len(PIECE) + len(END)
        await self.client.send(struct.pack("!BBQ", 0x81, 0xFF, length) + b"\0\0\0\0" + HEAD)
        left = min(length - len(HEAD) - len(END), most)
        while left > 0:
            await self.client.send(PIECE)
            left -= len(PIECE)
        if most >= length:
            await self.client.send(END)
        self.done.set()


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_memory_is_bounded_and_who_stops_is_put_off(
    tmp_path: Path, carrier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_gate, "WINDOW_SECONDS", WINDOW_SECONDS)
    settings = barertc_settings(limits={"connections_per_address": 100})
    async with (
        barertc_server(tmp_path, settings=settings) as server,
        server.person("bob") as bob,
        AsyncExitStack() as stack,
        trio.open_nursery() as nursery,
    ):
        rounds: list[float] = []
        nursery.start_soon(talk, bob, rounds)
        people = await log_in(server, carrier, stack, AT_A_TIME + 1 + WAITING)
        stopping, fifth, waiting = people[:AT_A_TIME], people[AT_A_TIME], people[AT_A_TIME + 1 :]
        before = memory()
        for each in stopping:
            nursery.start_soon(each.send, STOPS_AT)
        with trio.fail_after(PATIENCE):
            for each in stopping:
                await each.done.wait()
        nursery.start_soon(fifth.send, SIZE)
        await trio.sleep(0.2)
        for each in waiting:
            nursery.start_soon(each.send, STOPS_AT)
        said = len(rounds)
        await trio.sleep(1)
        with trio.fail_after(WINDOW_SECONDS / 2):
            while len(rounds) <= said + 3:
                await trio.sleep(0.02)
        taken = memory() - before
        print(f"{carrier}: {taken / MEBIBYTE:.0f} MiB")
        assert not any(each.done.is_set() for each in [fifth, *waiting])
        assert taken < AT_A_TIME * STOPS_AT + 56 * MEBIBYTE  # with all who wait it is 80 more
        with trio.fail_after(PATIENCE):
            for each in stopping:
                assert await each.client.read_close() == 1008
        await fifth.hear(b"could not be read")
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def behind_a_request(server: Serving) -> AsyncIterator[RawClient]:
    """Open a websocket that is not for the lane: the connection has had another request."""
    async with connected(server) as client:
        await client.send(b"GET /about HTTP/1.1\r\nHost: test.example\r\n\r\n")
        head = await client.read_head()
        await client.read(int(head.lower().partition("content-length:")[2].split()[0]))
        await client.send(upgrade_request())
        assert (await client.read_head()).startswith("HTTP/1.1 101")
        yield client


async def log_in(
    server: BareServer, carrier: str, stack: AsyncExitStack, many: int
) -> list[Sender]:
    people = []
    for number in range(many):
        opening = upgraded if carrier == "lane" else behind_a_request
        client = await stack.enter_async_context(opening(server.serving))
        people.append(Sender(client, f"sender{number}"))
        await people[-1].log_in()
    return people


async def talk(person: BareTester, rounds: list[float]) -> None:
    """Say something and hear it, again and again."""
    while True:
        await person.say("meanwhile")
        await person.until("message", message="<p>meanwhile</p>")
        person.heard.clear()
        rounds.append(trio.current_time())
        await trio.sleep(0.05)
