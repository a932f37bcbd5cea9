"""What only the lane does: time limits by ticks, and bytes on the wire."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from api.http.carriers.lane import CLOSE_SECONDS, PONG_SECONDS, LaneSocket
from api.http.metrics import WebsocketTally
from api.http.sockets import SocketClosed, SocketFull, SocketLimits, Upgrade
from tests.support import raw
from tests.support.raw import RawClient, frame

UPGRADE = Upgrade("/ws", {}, {}, "127.0.0.1", "x", secure=False)
PATIENCE = 54.0 + PONG_SECONDS


class Lane:
    """A lane socket on one end of a socket pair, and the client on the other."""

    def __init__(self, server: LaneSocket, client: RawClient, tally: WebsocketTally) -> None:
        self.server = server
        self.client = client
        self.tally = tally


@asynccontextmanager
async def lane(limits: SocketLimits | None = None) -> AsyncIterator[Lane]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
    tally = WebsocketTally()
    async with stream, trio.open_nursery() as nursery:
        limits = limits or SocketLimits(messages_per_second=0)
        server = LaneSocket(
            ours, UPGRADE, None, limits, tally, lambda socket, write: nursery.start_soon(write)
        )
        yield Lane(server, RawClient(stream), tally)
        server.abort()


async def closing_code(server: LaneSocket) -> int:
    with pytest.raises(SocketClosed) as closed:
        await server.receive()
    return closed.value.code


async def test_a_ping_goes_out_every_ping_seconds() -> None:
    async with lane() as it:
        now = trio.current_time()
        it.server.tick(now + 53)
        it.server.tick(now + 55)
        it.server.tick(now + 56)
        it.server.push(b"after")
        assert await it.client.read_frame() == (raw.PING, b"")
        assert await it.client.read_frame() == (raw.TEXT, b"after")


async def test_a_peer_that_stays_silent_is_dropped() -> None:
    async with lane() as it:
        now = trio.current_time()
        it.server.tick(now + 55)
        it.server.tick(now + PATIENCE + 1)
        assert await closing_code(it.server) == 1006
        assert await it.client.read_rest() == b"\x89\x00"


async def test_any_byte_is_a_sign_of_life() -> None:
    async with lane() as it:
        now = trio.current_time()
        await it.client.send(frame(raw.TEXT, b"here"))
        assert await it.server.receive() == (b"here", True)
        it.server.tick(now + PATIENCE - 1)
        it.server.tick(now + PATIENCE + 1)
        await it.client.send(frame(raw.TEXT, b"still here"))
        assert await it.server.receive() == (b"still here", True)


async def test_a_peer_that_takes_nothing_for_too_long_is_dropped_though_it_talks() -> None:
    async with lane() as it:
        now = trio.current_time()
        with pytest.raises(SocketFull):
            while True:
                it.server.push(b"x" * 100_000)
        for seconds in (0, 30, 60, PATIENCE + 1):
            await it.client.send(frame(raw.TEXT, b"talk"))
            assert await it.server.receive() == (b"talk", True)
            it.server.tick(now + seconds)
        assert await closing_code(it.server) == 1006


async def test_a_peer_that_never_answers_the_close_is_dropped() -> None:
    async with lane() as it, trio.open_nursery() as nursery:
        now = trio.current_time()
        nursery.start_soon(it.server.finish)
        assert await it.client.read_close() == 1000
        it.server.tick(now + CLOSE_SECONDS + 1)
    # `finish` has returned


async def test_finish_returns_at_once_when_the_peer_answers_the_close() -> None:
    async with lane() as it:
        with trio.fail_after(1):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(it.server.finish)
                assert await it.client.read_close() == 1000
                await it.client.send(frame(raw.CLOSE, b"\x03\xe8"))


async def test_what_is_unsent_at_the_close_still_goes_out_before_it() -> None:
    async with lane() as it:
        count = 0
        while it.server._outbox is None or len(it.server._outbox) < 5:
            it.server.push(b"x" * 50_000)
            count += 1
        it.server.close(1001, "going")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.server.finish)
            for _ in range(count):
                assert await it.client.read_frame() == (raw.TEXT, b"x" * 50_000)
            assert await it.client.read_close() == 1001
            await it.client.send(frame(raw.CLOSE, b"\x03\xe9"))


async def test_a_peer_that_pings_without_reading_is_dropped() -> None:
    async with lane(SocketLimits(outbox_messages=10)) as it, trio.open_nursery() as nursery:

        async def ping() -> None:
            with pytest.raises(trio.BrokenResourceError):
                while True:
                    await it.client.send(frame(raw.PING, b"x" * 125) * 500)

        nursery.start_soon(ping)
        with trio.fail_after(10):
            assert await closing_code(it.server) == 1006


async def test_messages_before_a_close_frame_are_still_received() -> None:
    async with lane() as it:
        await it.client.send(frame(raw.TEXT, b"last") + frame(raw.CLOSE, b"\x0f\xa0bye"))
        assert await it.server.receive() == (b"last", True)
        with pytest.raises(SocketClosed) as closed:
            await it.server.receive()
        assert (closed.value.code, closed.value.reason) == (4000, "bye")


async def test_a_long_close_reason_is_cut_to_what_a_frame_holds() -> None:
    async with lane() as it:
        it.server.close(1000, "ü" * 100)
        assert await it.client.read_frame() == (raw.CLOSE, b"\x03\xe8" + "ü".encode() * 61)


async def test_pushing_after_the_peers_close_sends_nothing() -> None:
    async with lane() as it:
        await it.client.send(frame(raw.CLOSE, b"\x03\xe8"))
        assert await closing_code(it.server) == 1000
        it.server.push(b"too late")
        it.server.abort()
        assert await it.client.read_rest() == b"\x88\x02\x03\xe8"
        assert it.tally.sent == 0


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
async def test_frames_of_every_length_are_well_formed(length: int) -> None:
    async with lane() as it:
        it.server.push(b"y" * length, text=False)
        assert await it.client.read_frame() == (raw.BINARY, b"y" * length)
        assert it.tally.sent == 1


async def test_abort_wakes_the_reader_and_may_be_repeated() -> None:
    async with lane() as it, trio.open_nursery() as nursery:
        codes: list[int] = []

        async def read() -> None:
            codes.append(await closing_code(it.server))

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        it.server.abort()
        it.server.abort()
        it.server.close(1000)
        it.server.push(b"nothing")
    assert codes == [1006]


async def test_a_reset_by_the_peer_ends_receive() -> None:
    async with lane() as it:
        await it.client.stream.aclose()
        it.server.push(b"into the void")
        it.server.push(b"into the void")
        assert await closing_code(it.server) == 1006
