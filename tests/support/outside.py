"""A program on UDP beside an engine; with the fake engine, what it would have seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from media.contract.datagrams import RelayStats
from media.contract.engine import MediaEngine
from media.contract.plans import Address
from media.contract.session import MediaSession
from media.udp.port_range import PortRange
from tests.fakes.media import FakeEngine

LONGEST = 70_000


class Outside:
    """Sends to datagram ports, and receives what sessions redirect to `address`."""

    def __init__(self, engine: MediaEngine, socket: trio.socket.SocketType) -> None:
        self._engine = engine
        self._socket = socket
        self.address: Address = socket.getsockname()[:2]

    async def send(self, port_id: str, *datagrams: bytes) -> None:
        """Send to a port, and wait until it has taken them all."""
        before = await self._engine.datagram_port_facts(port_id)
        for datagram in datagrams:
            if isinstance(self._engine, FakeEngine):
                self._engine.feed(port_id, datagram)
            else:
                await self._socket.sendto(datagram, before.address)
        come = before.datagrams + before.strangers + len(datagrams)
        with trio.fail_after(30):
            while True:
                facts = await self._engine.datagram_port_facts(port_id)
                if facts.datagrams + facts.strangers == come:
                    return
                await trio.sleep(0.001)

    async def receive(self) -> bytes:
        with trio.fail_after(30):
            if not isinstance(self._engine, FakeEngine):
                return (await self._socket.recvfrom(LONGEST))[0]
            address, datagram = self._engine.redirected.pop(0)
            assert address == self.address
            return datagram


@asynccontextmanager
async def outside(engine: MediaEngine) -> AsyncIterator[Outside]:
    with trio.socket.from_stdlib_socket(PortRange(0, 0).bind("127.0.0.1")) as socket:
        yield Outside(engine, socket)


async def relayed(
    session: MediaSession, where: Callable[[RelayStats], object] = lambda _: True
) -> RelayStats:
    """Return what a session has relayed once that meets a condition."""
    with trio.fail_after(30):
        while True:
            found = (await session.stats()).relay
            if found is not None and where(found):
                return found
            await trio.sleep(0.002)
