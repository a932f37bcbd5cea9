"""Sockets of SIP on loopback, for tests: whatever comes is noted."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from api.sip.binding import SipSocket, sip_sockets
from api.sip.flows import Flow, Transport
from api.sip.transports import SecureContexts, Transports
from tests.support.tls import serving_tls, trusting

HOST = "127.0.0.1"
PING = b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n"


def secure_contexts(client: ssl.SSLContext | None = None) -> SecureContexts:
    """Return contexts with the certificate of tests/support/tls.py."""
    return SecureContexts(serving_tls(), client or trusting())


@dataclass
class NotedWire:
    """A SipWire that notes everything. `knows` and `admitting` are what it says of all hosts."""

    knows: bool = True
    admitting: bool = True
    received: list[tuple[bytes, Flow]] = field(default_factory=list)
    gone: list[Flow] = field(default_factory=list)

    def admits(self, host: str, data: bytes) -> bool:
        return self.admitting

    def known(self, host: str) -> bool:
        return self.knows

    def receive(self, data: bytes, flow: Flow) -> None:
        self.received.append((data, flow))

    def lost(self, flow: Flow) -> None:
        self.gone.append(flow)


@dataclass
class OpenTransports:
    """Transports that run, with what they tell."""

    transports: Transports
    wire: NotedWire
    sockets: tuple[SipSocket, ...]

    def port(self, transport: Transport) -> int:
        """Return the port that this is spoken on."""
        return next(each.port for each in self.sockets if each.transport == transport)


@asynccontextmanager
async def open_transports(
    *spoken: Transport,
    host: str = HOST,
    wire: NotedWire | None = None,
    connections: int = 64,
    secure: SecureContexts | None = None,
) -> AsyncIterator[OpenTransports]:
    """Run transports on free ports until the block ends."""
    noted = wire or NotedWire()
    with sip_sockets([(each, host, 0) for each in spoken]) as sockets:
        made = Transports(sockets, secure or secure_contexts(), connections, noted)
        async with trio.open_nursery() as nursery:
            await nursery.start(made.run)
            yield OpenTransports(made, noted, sockets)
            nursery.cancel_scope.cancel()


async def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds; TooSlowError if it does not come to that."""
    with trio.fail_after(seconds):
        while not true():
            await trio.sleep(0.005)


async def came(wire: NotedWire, count: int = 1) -> Sequence[tuple[bytes, Flow]]:
    """Wait until so much was received, and return it."""
    await until(lambda: len(wire.received) >= count)
    return wire.received
