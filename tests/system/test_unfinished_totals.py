"""Strangers that begin what they do not end: bodies of requests, packets of MQTT in many messages.

What is held of them stays bounded, of one address and in all; others get their answers meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.support.attack import (
    ELSEWHERE,
    MEGABYTE,
    OPERATOR_TOKEN,
    metric,
    resident,
    watched,
)
from tests.support.process import RunningProcess, launched
from tests.support.raw import BINARY, RawClient, frame, upgrade_request

CONFIG = f"""listeners = [{{ bind = "127.0.0.1:0", dialects = ["auvious", "operator"] }}]
operator.token = "{OPERATOR_TOKEN}"
[auvious]
clients = [{{ id = "customer", public = true, grants = ["password"] }}]
users = [{{ id = "ann", password = "plain", organization = "acme" }}]
"""
TOKEN = b"/security/oauth/token"
PATIENCE = 60.0
PER_ADDRESS = 64 * 1_048_576  # by default
IN_ALL = 128 * 1_048_576
LARGEST = 1_048_576  # of a body, by default
OVERHEAD = 400_000  # bytes that each connection has besides, at most
EVERY = 0.01  # seconds between two strangers
USUALLY = 0.5  # seconds that others wait


@asynccontextmanager
async def connected_from(process: RunningProcess, address: str) -> AsyncIterator[RawClient]:
    sock = trio.socket.socket()
    await sock.bind((address, 0))
    await sock.connect((process.host, process.port))
    async with trio.SocketStream(sock) as stream:
        yield RawClient(stream)


def form(size: int) -> bytes:
    """Return the head of a form that says nothing of its size, and so much of it as one chunk."""
    head = b"POST %b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n" % TOKEN
    kind = b"content-type: application/x-www-form-urlencoded\r\n\r\n"
    return head + kind + b"%x\r\n" % size + b"a=" + b"x" * (size - 2)


class Slow:
    """Those who have sent all of a body but its end; `statuses` of answers they were given."""

    def __init__(self, process: RunningProcess) -> None:
        self.statuses: Counter[str] = Counter()
        self.begun = 0
        self._process = process

    async def send(self, address: str, size: int, ends: trio.Event | None = None) -> None:
        """Send a body, its end only with the event."""
        async with connected_from(self._process, address) as it:
            try:
                await it.send(form(size))
                self.begun += 1
                if ends is not None:
                    await ends.wait()
                    await it.send(b"\r\n0\r\n\r\n")
                head = await it.read_head()
            except trio.BrokenResourceError:
                head = "HTTP/1.1 cut"
            self.statuses[head[9:12]] += 1


class Memory:
    """The most that a server has grown by, looked at often."""

    def __init__(self, process: RunningProcess) -> None:
        self._process = process
        self._before = resident(process)
        self.grown = 0

    async def look(self) -> None:
        while True:
            self.grown = max(self.grown, resident(self._process) - self._before)
            await trio.sleep(0.02)


async def held(process: RunningProcess) -> float:
    return await metric(process, "quintet_unsent_bytes")


async def until_nothing_is_held(process: RunningProcess) -> None:
    with trio.fail_after(PATIENCE):
        while await held(process):
            await trio.sleep(0.1)


async def test_bodies_that_do_not_end_are_bounded_for_one_address(tmp_path: Path) -> None:
    count = 250
    async with launched(tmp_path, CONFIG) as process, trio.open_nursery() as nursery:
        slow, memory = Slow(process), Memory(process)
        nursery.start_soon(memory.look)
        ends = trio.Event()
        nursery.start_soon(slow.send, "127.0.0.1", 60_000, ends)  # an honest one, elsewhere
        nursery.start_soon(slow.send, ELSEWHERE, 60_000, ends)  # and one with their address
        async with watched(process) as others:
            for _ in range(count):
                nursery.start_soon(slow.send, ELSEWHERE, LARGEST)
                await trio.sleep(EVERY)
            with trio.fail_after(PATIENCE):
                while slow.begun + slow.statuses["cut"] < count + 2:
                    await trio.sleep(0.05)
            most = await held(process)
        ended = await metric(process, "quintet_unsent_ended")
        print(
            f"one address: {memory.grown / MEGABYTE:.0f} MB grown, {most / MEGABYTE:.0f} MB held, "
            f"{ended:.0f} ended {dict(slow.statuses)}, {others.usual_wait:.2f} s waited usually, "
            f"{max(others.waits):.2f} s at most"
        )
        assert most <= PER_ADDRESS + 60_000
        assert memory.grown < 1.5 * PER_ADDRESS + count * OVERHEAD
        assert ended >= count - PER_ADDRESS // LARGEST
        assert slow.statuses["503"] > 0
        assert set(slow.statuses) <= {"503", "cut"}
        assert others.usual_wait < USUALLY
        ends.set()
        with trio.fail_after(PATIENCE):
            while slow.statuses["400"] < 2:  # read to the end: nobody's name is in it
                await trio.sleep(0.05)
        nursery.cancel_scope.cancel()
    assert [line for line in process.log if line.get("event", "").endswith("crashed")] == []


async def test_bodies_of_many_addresses_are_bounded_in_all_and_end_in_time(tmp_path: Path) -> None:
    count, addresses = 60, [f"127.0.0.{number}" for number in range(2, 6)]
    config = CONFIG + "[limits]\nbody_seconds = 8.0\n"
    async with launched(tmp_path, config) as process, trio.open_nursery() as nursery:
        slow, memory = Slow(process), Memory(process)
        nursery.start_soon(memory.look)
        for _ in range(count):
            for address in addresses:
                nursery.start_soon(slow.send, address, LARGEST)
                await trio.sleep(EVERY)
        with trio.fail_after(PATIENCE):
            while slow.begun + slow.statuses["cut"] < count * len(addresses):
                await trio.sleep(0.05)
        most = await held(process)
        print(f"in all: {memory.grown / MEGABYTE:.0f} MB grown, {most / MEGABYTE:.0f} MB held")
        assert most <= IN_ALL
        assert memory.grown < 1.5 * IN_ALL + count * len(addresses) * OVERHEAD
        await until_nothing_is_held(process)
        with trio.fail_after(PATIENCE):
            while sum(slow.statuses.values()) < count * len(addresses):
                await trio.sleep(0.05)
        print(dict(slow.statuses))
        assert slow.statuses["503"] > 0
        assert slow.statuses["408"] > 0
        assert set(slow.statuses) <= {"503", "408", "cut"}
        nursery.cancel_scope.cancel()


async def test_500_people_of_one_address_may_all_be_sending(tmp_path: Path) -> None:
    people, size = 500, 65_000  # a form is not larger
    async with launched(tmp_path, CONFIG) as process, trio.open_nursery() as nursery:
        slow, ends = Slow(process), trio.Event()
        for _ in range(people):
            nursery.start_soon(slow.send, ELSEWHERE, size, ends)
            await trio.sleep(EVERY)
        with trio.fail_after(PATIENCE):
            while await held(process) < people * size:
                await trio.sleep(0.1)
            ends.set()
            while sum(slow.statuses.values()) < people:
                await trio.sleep(0.05)
        assert slow.statuses == {"400": people}, "all of it was read"
        assert await metric(process, "quintet_unsent_ended") == 0


async def test_packets_of_mqtt_that_do_not_end_count_and_end_in_time(tmp_path: Path) -> None:
    count, piece = 60, 20_000
    limits = (
        "[limits]\nunsent_bytes_per_address = 2000000\nheader_seconds = 60\nmessage_seconds = 15\n"
    )
    async with launched(tmp_path, CONFIG + limits) as process, trio.open_nursery() as nursery:
        codes: Counter[int | None] = Counter()
        begun = 0

        async def begin(address: str, pieces: int) -> None:
            nonlocal begun
            async with connected_from(process, address) as it:
                await it.send(upgrade_request("/auvious/ws", sec_websocket_protocol="mqtt"))
                assert " 101 " in await it.read_head()
                try:
                    await it.send(frame(BINARY, b"\x10\x80\x80\x04"))  # 64 KiB of CONNECT
                    for _ in range(pieces):
                        await it.send(frame(BINARY, b"x" * piece))
                    begun += 1
                    codes[await it.read_close()] += 1
                except trio.BrokenResourceError:
                    begun += 1
                    codes[None] += 1

        nursery.start_soon(begin, "127.0.0.1", 1)
        async with watched(process) as others:
            for _ in range(count):
                nursery.start_soon(begin, ELSEWHERE, 3)
                await trio.sleep(EVERY)
            with trio.fail_after(PATIENCE):
                while begun < count + 1 or sum(codes.values()) < count - 2_000_000 // 60_000:
                    await trio.sleep(0.05)
            most = await held(process)
        print(f"MQTT: {most / MEGABYTE:.1f} MB held, ended {dict(codes)}")
        assert 1_000_000 < most <= 2_000_000 + piece + 10
        assert set(codes) <= {1013, None}
        assert codes[1013] > 0
        assert others.usual_wait < USUALLY
        await until_nothing_is_held(process)  # after message_seconds
        with trio.fail_after(PATIENCE):
            while sum(codes.values()) < count + 1:
                await trio.sleep(0.05)
        assert codes[1000] >= 1
        nursery.cancel_scope.cancel()
    assert [line for line in process.log if line.get("event", "").endswith("crashed")] == []
