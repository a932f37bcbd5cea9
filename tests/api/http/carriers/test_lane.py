"""What only the lane does: time limits by ticks, and bytes on the wire."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from api.http.byte_budget import ByteBudget
from api.http.carriers.frame_flow import AT_ONCE
from api.http.carriers.lane import CLOSE_SECONDS, PONG_SECONDS, LaneSocket
from api.http.carriers.pacing import FRAME_BURST
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
async def lane(
    limits: SocketLimits | None = None, budget: ByteBudget | None = None
) -> AsyncIterator[Lane]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
    tally = WebsocketTally()
    async with stream, trio.open_nursery() as nursery:
        limits = limits or SocketLimits(messages_per_second=0)

        def spawn(_socket: LaneSocket, write: Callable[[], Awaitable[None]]) -> None:
            nursery.start_soon(write)

        server = LaneSocket(ours, UPGRADE, None, limits, tally, spawn, budget)
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
        with trio.fail_after(30):  # nobody ticks here
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
    limits = SocketLimits(outbox_messages=10, frames_per_second=0)
    async with lane(limits) as it, trio.open_nursery() as nursery:

        async def ping() -> None:
            with pytest.raises(trio.BrokenResourceError):
                while True:
                    await it.client.send(frame(raw.PING, b"x" * 125) * 500)

        nursery.start_soon(ping)
        with trio.fail_after(30):
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


async def test_of_pings_that_come_together_the_last_is_answered() -> None:
    async with lane() as it:
        pings = b"".join(frame(raw.PING, bytes((number,))) for number in range(AT_ONCE))
        await it.client.send(pings + frame(raw.TEXT, b"after"))
        assert await it.server.receive() == (b"after", True)
        it.server.push(b"done")
        assert await it.client.read_frame() == (raw.PONG, bytes((AT_ONCE - 1,)))
        assert await it.client.read_frame() == (raw.TEXT, b"done")


async def test_a_ping_before_the_close_is_answered_before_it() -> None:
    async with lane() as it:
        await it.client.send(frame(raw.PING, b"?") + frame(raw.CLOSE, b"\x03\xe8"))
        assert await closing_code(it.server) == 1000
        assert await it.client.read_frame() == (raw.PONG, b"?")
        assert await it.client.read_close() == 1000


@pytest.mark.parametrize(
    "one",
    [frame(raw.PING), frame(raw.PONG, b"x"), frame(raw.CONTINUATION, fin=False)],
    ids=["pings", "pongs", "pieces"],
)
async def test_frames_that_are_no_message_have_their_rate_and_lose_nothing(one: bytes) -> None:
    beyond, rate = 100, 1000
    begun = frame(raw.TEXT, b"be", fin=False)
    async with lane(SocketLimits(messages_per_second=0, frames_per_second=rate)) as it:
        async with trio.open_nursery() as nursery:
            data = begun + one * (FRAME_BURST + beyond) + frame(raw.CONTINUATION, b"gun")
            nursery.start_soon(it.client.send, data)
            began = trio.current_time()
            assert await it.server.receive() == (b"begun", True)
            assert 0.9 * beyond / rate < trio.current_time() - began < 30


async def test_others_get_their_turn_between_a_few_frames() -> None:
    async with lane(SocketLimits(messages_per_second=0, frames_per_second=0)) as it:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        await it.client.send(frame(raw.PONG) * (10 * AT_ONCE) + frame(raw.TEXT, b"after"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            assert await it.server.receive() == (b"after", True)
            nursery.cancel_scope.cancel()
        assert turns >= 9


PIECES = {
    "a piece of a frame": frame(raw.TEXT, b"xx")[:-1],
    "a piece of a ping": frame(raw.PING, b"xx")[:-1],
    "a frame of several": frame(raw.TEXT, b"xx", fin=False),
    "a piece of a large frame": frame(raw.BINARY, bytes(500_000))[:1000],
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
async def test_what_is_begun_must_be_whole_in_time(piece: bytes) -> None:
    async with lane(SocketLimits(message_seconds=60.0)) as it:
        now = trio.current_time()
        it.server.tick(now)
        await it.client.send(piece)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.server.receive)
            await trio.testing.wait_all_tasks_blocked()  # it has read the piece
            nursery.cancel_scope.cancel()
        for seconds in (1, 30, 59):
            it.server.tick(now + seconds)
            assert not it.server.closing
        it.server.tick(now + 62)
        assert await closing_code(it.server) == 1008


async def test_the_time_of_a_message_begins_with_it() -> None:
    rest = frame(raw.CONTINUATION, b"y") + frame(raw.TEXT, b"x", fin=False)
    async with lane(SocketLimits(messages_per_second=0, message_seconds=60.0)) as it:
        await it.client.send(frame(raw.TEXT, b"x", fin=False))
        now = trio.current_time()
        for seconds in range(1, 200, 40):
            it.server.tick(now + seconds)
            await it.client.send(rest)
            assert await it.server.receive() == (b"xy", True)
        assert not it.server.closing


async def test_the_close_frame_is_found_behind_anything() -> None:
    anything = (
        frame(raw.PING, b"?") * 100
        + frame(raw.CONTINUATION, fin=False)
        + frame(raw.TEXT, b"{}") * 100
        + frame(raw.BINARY, bytes(3_000_000))
    )
    async with lane() as it, trio.open_nursery() as nursery:
        it.server.close(1008, "enough")
        nursery.start_soon(it.client.send, anything + frame(raw.CLOSE, b"\x03\xf0"))
        with trio.fail_after(30):
            await it.server.finish()
        assert await it.client.read_frame() == (raw.CLOSE, b"\x03\xf0enough")


async def test_time_in_which_we_stood_still_is_nobodys_silence() -> None:
    async with lane() as it:
        now = trio.current_time()
        it.server.tick(now + 50)
        it.server.excuse(40)
        it.server.tick(now + 100)
        assert not it.server.closing
        assert await it.client.read_frame() == (raw.PING, b"")
        it.server.tick(now + 40 + PATIENCE + 1)
        assert await closing_code(it.server) == 1006


async def test_small_messages_that_wait_are_counted_and_take_no_more_than_their_bytes() -> None:
    budget, count = ByteBudget(), 2000
    async with lane(budget=budget) as it:
        await it.client.send(frame(raw.TEXT, b"") * count)
        assert await it.server.receive() == (b"", True)
        assert len(it.server._messages) < AT_ONCE
        assert budget.used >= (count - AT_ONCE) * len(frame(raw.TEXT))
        for _ in range(count - 1):
            assert await it.server.receive() == (b"", True)
        assert budget.used == 0


async def test_nothing_of_pings_is_counted_once_they_are_answered() -> None:
    budget = ByteBudget()
    async with lane(budget=budget) as it, trio.open_nursery() as nursery:
        await it.client.send(frame(raw.PING) * 1000 + frame(raw.PING, b"last"))
        nursery.start_soon(it.server.receive)
        while await it.client.read_frame() != (raw.PONG, b"last"):
            pass
        await trio.testing.wait_all_tasks_blocked()
        assert budget.used == 0
        nursery.cancel_scope.cancel()


async def test_a_close_behind_many_messages_is_answered_when_nobody_receives_these() -> None:
    async with lane() as it:
        await it.client.send(frame(raw.TEXT, b"x") * 100 + frame(raw.CLOSE, b"\x03\xe8"))
        assert await it.server.receive() == (b"x", True)
        with trio.fail_after(30):
            await it.server.finish()
