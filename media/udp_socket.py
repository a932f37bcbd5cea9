"""A UDP socket that hands over datagrams as fast as they come.

aioice wants an asyncio transport; this has what it uses of one. Reading up to `READS` datagrams
each time someone wakes costs a tenth of one at a time. Nothing is buffered: what the kernel does
not take at once is dropped and counted, as on any network.
"""

from __future__ import annotations

import errno
import random
import socket
from typing import Any, Protocol

from media.errors import NoFreePort
from media.readers import Readers

READS = 64
DATAGRAM_BYTES = 4096  # more than any path carries: DTLS, SRTP and STUN stay below 1,500
BUFFER_BYTES = 1 << 20


class Receiver(Protocol):
    """What is used of an asyncio protocol."""

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...


class UdpSocket:
    """One bound socket, read from now on until it is closed."""

    __slots__ = ("_readers", "_receiver", "_socket", "dropped")

    def __init__(self, bound: socket.socket, readers: Readers, receiver: Receiver) -> None:
        self.dropped = 0
        self._socket = bound
        self._readers = readers
        self._receiver: Receiver | None = receiver
        readers.add_reader(bound, self._drain)

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        """Send one datagram, or drop it."""
        try:
            self._socket.sendto(data, address)
        except OSError:  # full, unreachable, closed: all the same to a datagram
            self.dropped += 1

    def get_extra_info(self, name: str, default: object = None) -> Any:
        """Tell "sockname" and "socket", as asyncio transports do."""
        if name == "sockname":
            return self._socket.getsockname()
        return self._socket if name == "socket" else default

    def is_closing(self) -> bool:
        return self._receiver is None

    def close(self) -> None:
        """Stop reading and free the port; the receiver is told at once."""
        if self._receiver is None:
            return
        receiver, self._receiver = self._receiver, None
        self._readers.remove_reader(self._socket)
        self._socket.close()
        receiver.connection_lost(None)

    def _drain(self) -> None:
        for _ in range(READS):
            if self._receiver is None:
                return
            try:
                data, address = self._socket.recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier datagram
            self._receiver.datagram_received(data, address)


def bind_udp(address: str, ports: tuple[int, int]) -> socket.socket:
    """Bind a socket to an address and any free port of a range, (0, 0) for any port at all.

    Raises NoFreePort when the range is used up, OSError when the address is not ours.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    first, last = ports
    start = random.randint(first, last)
    for port in (*range(start, last + 1), *range(first, start)):
        bound = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind((address, port))
        except OSError as error:
            bound.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            return bound
    raise NoFreePort("every UDP port of the range is taken")
