"""Whatever bytes come behind the handshake, the lane ends in a message or a documented close."""

from __future__ import annotations

import socket

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.byte_budget import ByteBudget
from api.http.carriers.lane import LaneSocket
from api.http.metrics import WebsocketTally
from api.http.sockets import SocketClosed, SocketLimits, Upgrade
from tests.support.examples import examples
from tests.support.raw import BINARY, CLOSE, CONTINUATION, PING, TEXT, RawClient, frame

UPGRADE = Upgrade("/ws", {}, {}, "127.0.0.1", "x", secure=False)
LIMITS = SocketLimits(message_bytes=1000, messages_per_second=0)

frames = st.builds(
    frame,
    st.integers(0, 15),
    st.binary(max_size=300) | st.text(max_size=100).map(str.encode) | st.just(b"x" * 1200),
    fin=st.booleans(),
    masked=st.sampled_from([True] * 9 + [False]),
)
streams = st.lists(frames | st.binary(max_size=20), max_size=12).map(b"".join)


async def read_all(stream: bytes, cuts: list[int]) -> list[object]:
    """Feed a stream in pieces; return the messages and, last, how it ended."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    found: list[object] = []
    async with trio.open_nursery() as nursery:
        lane = LaneSocket(ours, UPGRADE, None, LIMITS, WebsocketTally(), nursery.start_soon)

        async def read() -> None:
            try:
                while True:
                    found.append(await lane.receive())
            except SocketClosed as closed:
                found.append(closed.code)

        nursery.start_soon(read)
        position = 0
        for cut in [*sorted(cuts), len(stream)]:
            if cut > position:
                theirs.send(stream[position:cut])
                position = cut
                await trio.testing.wait_all_tasks_blocked()
        theirs.shutdown(socket.SHUT_WR)
    await lane.finish()
    lane.abort()
    theirs.close()
    return found


@settings(max_examples=examples(150), deadline=None)
@given(streams, st.lists(st.integers(0, 2000), max_size=4))
def test_any_stream_ends_in_a_close_and_only_whole_messages_before(
    stream: bytes, cuts: list[int]
) -> None:
    *messages, code = trio.run(read_all, stream, cuts)
    assert isinstance(code, int)
    assert code in (1002, 1005, 1006, 1007, 1009) or 1000 <= code < 5000
    for payload, text in messages:  # type: ignore[misc]
        assert isinstance(payload, bytes)
        assert len(payload) <= LIMITS.message_bytes
        if text:
            payload.decode()


@settings(max_examples=examples(80), deadline=None)
@given(streams, st.lists(st.integers(0, 2000), max_size=4))
def test_where_a_stream_is_cut_makes_no_difference(stream: bytes, cuts: list[int]) -> None:
    assert trio.run(read_all, stream, cuts) == trio.run(read_all, stream, [])


SIZES = (0, 1, 125, 126, 5_000, 70_000, 600_000)
LARGER = SocketLimits(
    message_bytes=2_000_000, messages_per_second=0, frames_per_second=0, too_slow=(1013, "!")
)
GOODBYE = frame(CLOSE, b"\x03\xf5")
CHUNK = 65_536  # bytes that may have been read and not parsed
PIECES = st.sampled_from(
    [frame(PING, b"?" * 125)]
    + [frame(BINARY, bytes(size)) for size in SIZES]
    + [frame(TEXT, bytes(size), fin=False) + frame(CONTINUATION, bytes(size)) for size in SIZES]
)


async def shed_at(stream: bytes, cut: int) -> None:
    """Have the lane shed once it has read the first bytes of a stream; read it to the end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    budget = ByteBudget()
    client = RawClient(trio.SocketStream(trio.socket.from_stdlib_socket(theirs)))
    codes: list[int | None] = []
    async with client.stream, trio.open_nursery() as nursery:
        spawn = nursery.start_soon
        lane = LaneSocket(
            ours, UPGRADE, None, LARGER, WebsocketTally(), lambda _, write: spawn(write), budget
        )

        async def serve() -> None:
            try:
                while True:
                    await lane.receive()
            except SocketClosed as closed:
                codes.append(closed.code)
            with trio.fail_after(30):
                await lane.finish()

        async def read() -> None:
            codes.append(await client.read_close())

        spawn(serve)
        spawn(read)
        await client.send(stream[:cut])
        await trio.testing.wait_all_tasks_blocked()
        lane.shed()
        assert budget.used <= CHUNK
        await client.send(stream[cut:])
    lane.abort()
    assert codes == [1013, 1013]
    assert budget.used == 0


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=4), st.floats(0, 1))
def test_whatever_has_begun_is_let_go_of_and_the_close_behind_it_found(
    pieces: list[bytes], share: float
) -> None:
    stream = b"".join(pieces) + GOODBYE
    trio.run(shed_at, stream, int(share * (len(stream) - 1)))
