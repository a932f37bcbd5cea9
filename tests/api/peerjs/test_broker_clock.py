"""The broker in time, on a virtual clock: signs of life, and who gives none."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any

import trio
from trio.testing import MockClock

from actors.core import open_system
from actors.signalling.absent import AbsentPeers
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.keys import MemberKey, peers_realm
from actors.words.limits import ActorLimits
from api.http.sockets import SocketClosed, Upgrade
from api.peerjs.socket import serve
from api.peerjs.state import PeerJsState
from api.settings import settings_of
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.actors import threads_keep_up
from tests.support.serving import services_for

HOUR = 3600.0
HEARTBEAT = b'{"type":"HEARTBEAT"}'
LIMITS = ActorLimits()


class VirtualSocket:
    """A websocket without a network: it beats every `every` seconds, and notes what it is sent."""

    subprotocol = None

    def __init__(self, id_: str, every: float, says: Iterable[bytes] = ()) -> None:
        query = {"key": "peerjs", "id": id_, "token": f"of {id_}"}
        self.id_ = id_
        self.upgrade = Upgrade("/peerjs", query, {}, "192.0.2.1", "host", False)
        self.every = every
        self.says = list(says)
        self.sent: list[bytes] = []
        self.opened_at = 0.0
        self.closed: tuple[int, float] | None = None
        self._end = trio.Event()

    async def receive(self) -> tuple[bytes, bool]:
        if self.closed is None:
            if self.says:
                await trio.lowlevel.checkpoint()
                return self.says.pop(0), True
            with trio.move_on_after(self.every):
                await self._end.wait()
            if self.closed is None:
                return HEARTBEAT, True
        raise SocketClosed(1000)

    def push(
        self, payload: bytes, *, text: bool = True, replace: str = "", source: str = ""
    ) -> None:
        if not self.sent:
            self.opened_at = trio.current_time()
        self.sent.append(payload)

    def limit_messages(self, message_bytes: int) -> None:
        raise NotImplementedError

    def close(self, code: int = 1000, reason: str = "") -> None:
        if self.closed is None:
            self.closed = (code, trio.current_time())
            self._end.set()

    def abort(self) -> None:
        self.close(1006)


async def run(tmp_path: Any, *sockets: VirtualSocket, seconds: float) -> PeerJsState:
    media = MediaServices(FakeEngine(), RecordingsFolder(tmp_path / "recordings"))
    absent = AbsentPeers()
    async with AsyncExitStack() as stack:
        with threads_keep_up():
            specs = children(lambda: LIMITS, media, MemoryStore, absent=absent)
            opened = open_system(specs)
            system = await stack.enter_async_context(opened)
        services = services_for(settings_of({}), system=system, absent=absent)
        state = PeerJsState.open(services)
        async with trio.open_nursery() as nursery:
            for socket in sockets:
                nursery.start_soon(serve, state, socket)
            await trio.sleep(seconds)
            for socket in sockets:
                if socket.closed is None:
                    key = MemberKey(peers_realm("peerjs"), socket.id_)
                    assert await services.directory.member(key) is not None
            for socket in sockets:
                socket.close(1006)
        await trio.sleep(1.0)  # of virtual time: what was told is done
        assert state.sockets == len(state.keeper) == 0
        assert await services.directory.members(peers_realm("peerjs")) == []
    return state


async def test_an_hour_of_heartbeats_and_nothing_else(
    tmp_path: Any, autojump_clock: MockClock
) -> None:
    quick, slow = VirtualSocket("quick", 5.0), VirtualSocket("slow", 55.0)
    await run(tmp_path, quick, slow, seconds=HOUR)
    for socket in (quick, slow):
        assert socket.sent == [b'{"type":"OPEN"}']
        assert socket.closed is not None
        assert socket.closed[0] == 1006  # by the test


async def test_who_is_silent_is_dropped_in_time_and_its_id_is_free(
    tmp_path: Any, autojump_clock: MockClock
) -> None:
    silent, other = VirtualSocket("silent", HOUR), VirtualSocket("other", 5.0)
    await run(tmp_path, silent, other, seconds=90.0)
    assert silent.closed is not None
    assert silent.closed[0] == 1000
    assert 60.0 <= silent.closed[1] - silent.opened_at <= 62.5
    assert other.sent == [b'{"type":"OPEN"}']


async def test_a_caller_in_vain_is_told_after_the_time_and_once_again_if_it_calls_again(
    tmp_path: Any, autojump_clock: MockClock
) -> None:
    offer = b'{"type":"OFFER","dst":"nobody","payload":1}'
    caller = VirtualSocket("caller", 5.0, says=[offer] * 30)
    state = await run(tmp_path, caller, seconds=20.0)
    assert caller.sent == [
        b'{"type":"OPEN"}', b'{"type":"EXPIRE","src":"nobody","dst":"caller"}',
    ]  # fmt: skip
    assert state.services.absent.messages == 0
