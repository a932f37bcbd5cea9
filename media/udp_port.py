"""One UDP socket on Trio: datagrams in by the handful, datagrams out at once or not at all."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import trio

Address = tuple[str, int]
"""Host and port; the host is a numeric address."""

READS = 64  # datagrams taken each time the socket wakes us, before others get their turn
DATAGRAM_BYTES = 4096  # more than any path carries whole


class UdpPort:
    """A bound socket; whoever made it closes it."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self.closed = False
        host, port = bound.getsockname()[:2]
        self.address: Address = (host, port)
        self.oversized = 0

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram. Raises OSError: the socket is full or closed, or no way leads there."""
        self._socket.sendto(data, to)

    async def receive(self, take: Callable[[bytes, Address, float], None]) -> None:
        """Hand over each datagram, its sender and time.monotonic, until the port is closed."""
        while not self.closed:
            try:
                await trio.lowlevel.wait_readable(self._socket)
            except trio.ClosedResourceError:
                return
            self._drain(take)

    def close(self) -> None:
        """Free the port; `receive` returns."""
        if not self.closed:
            self.closed = True
            if trio.lowlevel.in_trio_run():
                trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    def _drain(self, take: Callable[[bytes, Address, float], None]) -> None:
        """Read what is there: waking once for many datagrams is most of what makes this fast."""
        for _ in range(READS):
            if self.closed:
                return
            try:
                data, sender = self._socket.recvfrom(DATAGRAM_BYTES + 1)
            except BlockingIOError:
                return
            except OSError:
                continue  # what an earlier datagram of ours met on its way
            if len(data) > DATAGRAM_BYTES:
                self.oversized += 1
            else:
                take(data, sender[:2], time.monotonic())
