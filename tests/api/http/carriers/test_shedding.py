"""Sockets that hold too much in all: the largest ends as too slow, and nothing stays counted."""

from __future__ import annotations

import contextlib

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from api.http.carriers.frames import piece_end
from api.http.sockets import Socket, SocketClosed, SocketFull, SocketLimits, SourceFull
from tests.support import raw
from tests.support.raw import frame, upgraded
from tests.support.rough import send_all
from tests.support.serving import CARRIERS, Serving, mount, serving

pytestmark = pytest.mark.parametrize("carrier", CARRIERS)
LIMITS = SocketLimits(
    messages_per_second=0, outbox_bytes=20_000_000, message_bytes=2_000_000, too_slow=(1013, "!")
)
PATIENCE = 20.0


async def all_given_back(server: Serving) -> None:
    with trio.fail_after(PATIENCE):
        while server.services.unsent.used:
            await trio.sleep(0.01)


async def push_what_is_asked_for(socket: Socket) -> None:
    """Push as many megabytes as each message says."""
    while True:
        payload, _ = await socket.receive()
        for _ in range(int(payload)):
            socket.push(b"x" * 1_000_000)


async def test_the_largest_is_closed_as_too_slow(carrier: str) -> None:
    async with serving(mount(push_what_is_asked_for, limits=LIMITS), carrier=carrier) as server:
        server.services.unsent.per_address = 14_000_000
        async with upgraded(server) as small, upgraded(server) as large:
            await small.send(frame(raw.TEXT, b"6"))
            await trio.sleep(0.1)
            await large.send(frame(raw.TEXT, b"18"))
            with trio.fail_after(PATIENCE):
                assert await large.read_close() == 1013
            with trio.fail_after(PATIENCE):
                read = 0
                while read < 6_000_000:
                    found = await small.read_frame()
                    assert found is not None
                    read += len(found[1])
            assert server.services.unsent.ended == 1
        await all_given_back(server)


async def test_a_message_that_is_not_whole_counts(carrier: str) -> None:
    ended: list[int] = []

    async def listen(socket: Socket) -> None:
        try:
            await socket.receive()
        except SocketClosed as closed:
            ended.append(closed.code)

    async with serving(mount(listen, limits=LIMITS), carrier=carrier) as server:
        server.services.unsent.per_address = 500_000
        async with upgraded(server) as client:
            await client.send(frame(raw.TEXT, b"x" * 400_000, fin=False))
            more = frame(raw.CONTINUATION, b"x" * 400_000, fin=False)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_all, client, more)
                with trio.fail_after(PATIENCE):
                    assert await client.read_close() == 1013
                nursery.cancel_scope.cancel()
        assert ended == [1013]
        await all_given_back(server)


@pytest.mark.parametrize("fin", [True, False], ids=["a frame", "a piece"])
async def test_what_is_not_whole_is_let_go_of_at_once_so_that_others_stay(
    carrier: str, fin: bool
) -> None:
    clients, begun = 20, frame(raw.TEXT, b"x" * 200_000, fin=fin)[:100_000]
    codes: list[int | None] = []

    async def listen(socket: Socket) -> None:
        with contextlib.suppress(SocketClosed):
            await socket.receive()

    async def begin(server: Serving) -> None:
        async with upgraded(server) as client:
            await send_all(client, begun)
            codes.append(await client.read_close())

    async with serving(mount(listen, limits=LIMITS), carrier=carrier) as server:
        budget = server.services.unsent
        budget.per_address = 1_000_000
        async with trio.open_nursery() as nursery:
            for _ in range(clients):
                nursery.start_soon(begin, server)
            with trio.fail_after(PATIENCE):
                while budget.used + budget.ended * 100_000 < clients * 99_000:
                    await trio.sleep(0.01)
                while len(codes) < budget.ended:
                    await trio.sleep(0.01)
            assert set(codes) == {1013}
            assert 8 <= clients - len(codes) <= 10
            nursery.cancel_scope.cancel()
        await all_given_back(server)


async def test_what_a_message_in_pieces_took_is_given_back_when_it_is_whole(carrier: str) -> None:
    received: list[int] = []

    async def listen(socket: Socket) -> None:
        while True:
            received.append(len((await socket.receive())[0]))

    async with (
        serving(mount(listen, limits=LIMITS), carrier=carrier) as server,
        upgraded(server) as client,
    ):
        await client.send(frame(raw.TEXT, b"x" * 300_000, fin=False))
        with trio.fail_after(PATIENCE):
            while server.services.unsent.used < 300_000:
                await trio.sleep(0.01)
        await client.send(frame(raw.CONTINUATION, b"x" * 300_000))
        with trio.fail_after(PATIENCE):
            while not received:
                await trio.sleep(0.01)
        await all_given_back(server)
        assert received == [600_000]


async def test_what_a_handler_keeps_counts_until_its_socket_has_ended(carrier: str) -> None:
    noticed: list[int] = []

    async def keep(socket: Socket) -> None:
        kept = 0
        try:
            while True:
                kept += len((await socket.receive())[0])
                socket.count_kept(kept)
        except SocketClosed as closed:
            with pytest.raises(SocketClosed):
                socket.count_kept(kept)
            noticed.append(closed.code)

    async with serving(mount(keep, limits=LIMITS), carrier=carrier) as server:
        server.services.unsent.per_address = 500_000
        async with upgraded(server) as small, upgraded(server) as large:
            await small.send(frame(raw.TEXT, b"x" * 100_000))
            for _ in range(3):
                await large.send(frame(raw.TEXT, b"x" * 100_000))
            with trio.fail_after(PATIENCE):
                while server.services.unsent.used != 400_000:
                    await trio.sleep(0.01)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_all, large, frame(raw.TEXT, b"x" * 200_000))
                with trio.fail_after(PATIENCE):
                    assert await large.read_close() == 1013
                nursery.cancel_scope.cancel()
            with trio.fail_after(PATIENCE):
                while not noticed or server.services.unsent.used != 100_000:
                    await trio.sleep(0.01)
            assert noticed == [1013]
        await all_given_back(server)


async def test_the_first_message_keeps_within_the_outbox_too(carrier: str) -> None:
    refused: list[bool] = []

    async def push_too_much(socket: Socket) -> None:
        with pytest.raises(SocketFull):
            socket.push(b"x" * 20_000_001)
        refused.append(True)

    async with (
        serving(mount(push_too_much, limits=LIMITS), carrier=carrier) as server,
        upgraded(server) as client,
    ):
        assert await client.read_close() == 1000
        assert refused


async def test_one_message_for_five_hundred_of_one_address_ends_none_of_them(carrier: str) -> None:
    readers, size = 25, 400_000
    message = b"x" * size
    sockets: list[Socket] = []

    async def listen(socket: Socket) -> None:
        sockets.append(socket)
        with contextlib.suppress(SocketClosed):
            await socket.receive()

    async def read_it(server: Serving) -> None:
        async with upgraded(server) as client:
            read = 0
            while read < size:
                found = await client.read_frame()
                assert found is not None
                assert found[0] in (raw.TEXT, raw.CONTINUATION)
                read += len(found[1])

    async with (
        serving(mount(listen, limits=LIMITS), carrier=carrier) as server,
        trio.open_nursery() as nursery,
    ):
        budget = server.services.unsent
        budget.per_address = size + budget.per_address * readers // 500
        for _ in range(readers):
            nursery.start_soon(read_it, server)
        with trio.fail_after(PATIENCE):
            while len(sockets) < readers:
                await trio.sleep(0.01)
        for socket in sockets:
            socket.push(message)
    assert budget.ended == 0
    assert budget.used == 0


async def test_one_source_leaves_room_for_the_others(carrier: str) -> None:
    found: list[tuple[int, bool]] = []

    async def relay(socket: Socket) -> None:
        count = 0
        with pytest.raises(SourceFull):
            while True:
                socket.push(b"x" * 100_000, source="flooder")
                count += 1
        socket.push(b"of somebody else", source="friend")
        socket.push(b"of the room")
        found.append((count, True))
        await socket.receive()

    async with (
        serving(mount(relay, limits=LIMITS), carrier=carrier) as server,
        upgraded(server) as client,
    ):
        with trio.fail_after(PATIENCE):
            while (await client.read_frame()) != (raw.TEXT, b"of the room"):
                pass
        assert found


@given(text=st.text(max_size=60), most=st.integers(4, 20))
def test_a_text_is_cut_between_characters(carrier: str, text: str, most: int) -> None:
    payload, pieces, start = text.encode(), [], 0
    while start < len(payload):
        end = piece_end(payload, start, most, text=True)
        assert start < end <= start + most
        pieces.append(payload[start:end].decode())
        start = end
    assert "".join(pieces) == text


@pytest.mark.parametrize("size", [8_000, 40_000])
async def test_nothing_stays_counted_of_who_still_sends_when_it_is_over(
    carrier: str, size: int
) -> None:
    async def hear_one(socket: Socket) -> None:
        await socket.receive()

    async def abort(socket: Socket) -> None:
        await socket.receive()
        socket.abort()

    for handler in (hear_one, abort):
        async with serving(mount(handler, limits=LIMITS), carrier=carrier) as server:
            async with upgraded(server) as client:
                with contextlib.suppress(trio.BrokenResourceError):
                    for _ in range(40):
                        await client.send(frame(raw.TEXT, b"x" * size))
                with contextlib.suppress(trio.BrokenResourceError), trio.move_on_after(1):
                    await client.read_close()
                with contextlib.suppress(trio.BrokenResourceError):
                    for _ in range(10):
                        await client.send(frame(raw.TEXT, b"x" * size, fin=False))
            await all_given_back(server)
