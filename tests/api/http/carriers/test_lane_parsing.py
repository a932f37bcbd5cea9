"""What the lane makes of a client's bytes, however they are framed and cut."""

from __future__ import annotations

import socket
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from api.http.carriers.lane import LaneSocket
from api.http.carriers.large_frame import FRAGMENTS, Fragments
from api.http.metrics import WebsocketTally
from api.http.sockets import SocketClosed, SocketLimits, Upgrade
from tests.support.examples import examples

UPGRADE = Upgrade("/ws", {}, {}, "127.0.0.1", "localhost", False)
LIMIT = 100_000

Message = tuple[bytes, bool]
messages = st.lists(
    st.one_of(
        st.text(max_size=300).map(lambda text: (text.encode(), True)),
        st.binary(max_size=300).map(lambda data: (data, False)),
        st.integers(65_530, 65_540).map(lambda size: (bytes(size), False)),
    ),
    max_size=6,
)


def framed(message: Message, cuts: int, between: bytes) -> bytes:
    """Frame a message in `cuts` + 1 fragments, with `between` after each but the last."""
    payload, text = message
    size = len(payload) // (cuts + 1)
    parts = [payload[index * size : (index + 1) * size] for index in range(cuts)]
    parts.append(payload[cuts * size :])
    frames = [
        Frame(
            Opcode.CONT if index else Opcode.TEXT if text else Opcode.BINARY,
            part,
            fin=index == cuts,
        ).serialize(mask=True)
        for index, part in enumerate(parts)
    ]
    return between.join(frames)


async def send(client: socket.socket, chunks: list[bytes]) -> None:
    for chunk in chunks:
        left = chunk
        while left:
            await trio.lowlevel.wait_writable(client)
            left = left[client.send(left) :]


async def talk(chunks: list[bytes], use: Callable[[LaneSocket], Awaitable[None]]) -> bytes:
    """Let `use` read what a client sends; return what the client has got by then."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        async with trio.open_nursery() as nursery:
            limits = SocketLimits(LIMIT, 0)
            lane = LaneSocket(ours, UPGRADE, None, limits, WebsocketTally(), nursery.start_soon)
            nursery.start_soon(send, theirs, chunks)
            with trio.fail_after(30):
                await use(lane)
            nursery.cancel_scope.cancel()
        try:
            return theirs.recv(65_536)
        except BlockingIOError:
            return b""


@settings(max_examples=examples(60), deadline=None)
@given(
    messages,
    st.integers(0, 3),
    st.sampled_from([b"", b"ping", b"pong"]),
    st.lists(st.integers(1, 3000), min_size=1, max_size=6),
)
def test_messages_arrive_whole_however_they_are_fragmented_and_cut(
    sent: list[Message], fragments: int, control: bytes, sizes: list[int]
) -> None:
    opcodes = {b"": None, b"ping": Opcode.PING, b"pong": Opcode.PONG}
    opcode = opcodes[control]
    between = b"" if opcode is None else Frame(opcode, control).serialize(mask=True)
    data = b"".join(framed(message, fragments, between) + between for message in sent)
    chunks: list[bytes] = []
    while data and len(chunks) < 200:
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(data[:size])
        data = data[size:]
    chunks.append(data)

    async def use(lane: LaneSocket) -> None:
        assert [await lane.receive() for _ in sent] == sent

    trio.run(talk, chunks, use)


async def test_a_ping_between_whole_messages_is_answered() -> None:
    ping = Frame(Opcode.PING, b"there?").serialize(mask=True)
    hello = framed((b"hello", True), 0, b"")

    async def use(lane: LaneSocket) -> None:
        assert [await lane.receive(), await lane.receive()] == [(b"hello", True)] * 2

    assert await talk([hello + ping + hello], use) == b"\x8a\x06there?"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (Frame(Opcode.TEXT, b"bare").serialize(mask=False), 1002),
        (Frame(Opcode.CONT, b"of nothing").serialize(mask=True), 1002),
        (b"\xc1\x80\x00\x00\x00\x00", 1002),  # a reserved bit
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # an opcode nobody knows
        (b"\x8a\xfe\x00\x7e" + bytes(130), 1002),  # a pong longer than control frames may be
        (framed((b"a" * 9, True), 2, framed((b"b", True), 0, b"")), 1002),  # one inside another
        (b"\x82\xff" + (LIMIT + 1).to_bytes(8) + b"mask", 1009),
        (framed((bytes(2 * LIMIT), False), 1, b"")[: 2 * LIMIT], 1009),
        (framed((b"\xff\xfe", True), 0, b""), 1007),
        (framed((b"\xff\xfe", True), 1, b""), 1007),
    ],
    ids=[
        "unmasked", "continuation", "reserved bit", "opcode", "long pong", "message in message",
        "long frame", "long message", "no text", "no text in pieces",
    ],
)  # fmt: skip
async def test_what_is_wrong_closes_with_its_code_after_what_was_right(
    wrong: bytes, code: int
) -> None:
    ended: list[int] = []

    async def use(lane: LaneSocket) -> None:
        assert await lane.receive() == (b"right", True)
        with pytest.raises(SocketClosed) as closed:
            await lane.receive()
        ended.append(closed.value.code)

    got = await talk([framed((b"right", True), 0, b"") + wrong], use)
    assert ended == [code]
    assert got[2:4] == code.to_bytes(2)


def test_short_pieces_of_a_message_take_little_more_than_their_bytes() -> None:
    pieces = Fragments(is_text=True)
    tracemalloc.start()
    try:
        for number in range(FRAGMENTS):
            pieces.add(b"%02d" % (number % 100))
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(pieces.message()[0]) == 2 * FRAGMENTS
    assert taken < 4 * FRAGMENTS


async def test_what_is_let_go_of_takes_no_memory_meanwhile() -> None:
    size, step = 4_000_000, 65_536
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    piece = Frame(Opcode.BINARY, bytes(size), fin=False).serialize(mask=True)
    limits = SocketLimits(message_bytes=size)
    lane = LaneSocket(ours, UPGRADE, None, limits, WebsocketTally(), lambda _, write: None)
    for start in range(0, size - step, step):
        lane.feed(piece[start : start + step])
    tracemalloc.start()
    lane.shed()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    lane.abort()
    theirs.close()
    assert peak < 100_000
