"""One media socket: what of STUN waits for the loop, and how much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from aioice import stun
from aioice.ice import Connection

from media.webrtc.bridge import MediaLoop
from media.webrtc.ice_sockets import AT_ONCE, WAITING, WAITING_BYTES, IceSocketProtocol
from media.webrtc.peer_facts import PeerTraffic

THEIRS = ("192.0.2.1", 5000)
RTP = b"\x80" + bytes(20)


class Later:
    """A loop that is behind: it calls when told to."""

    def __init__(self) -> None:
        self.due: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        self.due.append((callback, args))

    def turn(self) -> None:
        due, self.due = self.due, []
        for callback, args in due:
            callback(*args)


class Socket(IceSocketProtocol):
    """Notes what got through to aioice."""

    def __init__(self, connection: Connection) -> None:
        self.loop, self.traffic = Later(), PeerTraffic()
        self.media: list[bytes] = []
        self.read: list[bytes] = []
        self.breaks = False
        super().__init__(
            connection,
            self.loop,
            lambda data, arrival: self.media.append(data),
            lambda address: address == THEIRS,
            self.traffic,
        )

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        assert isinstance(data, bytes)
        self.read.append(data)
        if self.breaks:
            raise LookupError

    def check(self, padding: int = 0) -> bytes:
        made = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        made.attributes["USERNAME"] = f"{self.receiver.local_username}:theirs"
        made.attributes["SOFTWARE"] = "x" * padding
        return bytes(made)

    def arrive(self, data: bytes, address: tuple[Any, ...] = THEIRS) -> trio.Event | None:
        return self.datagram_arrived(data, address, 1.0)


@pytest.fixture
async def bound(media_loop: MediaLoop) -> Socket:
    async def make() -> Socket:
        return Socket(Connection(ice_controlling=False))

    return await media_loop.call(make, within=5)


async def test_a_check_waits_for_the_loop_and_media_does_not(bound: Socket):
    check = bound.check()
    assert bound.arrive(check) is None
    bound.arrive(RTP)
    assert (bound.read, bound.media) == ([], [RTP])
    bound.loop.turn()
    assert bound.read == [check]
    assert bound.loop.due == []
    assert bound.traffic.dropped == 0


async def test_what_is_nobodys_never_waits(bound: Socket):
    for _ in range(1000):
        assert bound.arrive(bytes(20)) is None
    assert bound.loop.due == []
    assert bound.traffic.dropped == 1000


@pytest.mark.parametrize("size", [0, 1300])
async def test_so_much_waits_and_no_more(bound: Socket, size: int):
    check = bound.check(size)
    room = min(WAITING, -(-WAITING_BYTES // len(check)))
    pauses = [bound.arrive(check) for _ in range(room)]
    assert pauses[:-1] == [None] * (room - 1)
    behind = pauses[-1]
    assert behind is not None
    assert bound.arrive(check) is None  # who reads on all the same has it dropped
    assert bound.traffic.dropped == 1
    assert len(bound.loop.due) == 1
    bound.loop.turn()
    assert len(bound.read) == AT_ONCE
    assert not behind.is_set()
    while bound.loop.due:
        bound.loop.turn()
    assert behind.is_set()
    assert len(bound.read) == room
    assert bound.arrive(check) is None


async def test_one_that_breaks_holds_up_none_behind_it(bound: Socket):
    bound.breaks = True
    for _ in range(3):
        bound.arrive(bound.check())
    for _ in range(3):
        with pytest.raises(LookupError):
            bound.loop.turn()
    assert len(bound.read) == 3
    assert bound.loop.due == []
