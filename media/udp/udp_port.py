"""One UDP socket on Trio: datagrams in by the handful, datagrams out at once or not at all."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import trio

from media.contract.plans import Address
from media.udp.datagrams import DATAGRAM_BYTES, read_some

MOST_WAITING = 4096  # datagrams; more than a megabyte of buffer holds of common ones


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

    async def receive(
        self, take: Callable[[bytes, Address, float], None], longest: int = DATAGRAM_BYTES
    ) -> None:
        """Hand over each datagram, its sender and arrival, until the port is closed.

        Those longer than `longest` are counted instead.
        """

        def whole(data: bytes, sender: tuple[Any, ...], arrival: float) -> None:
            if len(data) > longest:
                self.oversized += 1
            else:
                take(data, sender[:2], arrival)

        while not self.closed:
            try:
                await trio.lowlevel.wait_readable(self._socket)
            except trio.ClosedResourceError:
                return
            read_some(self._socket, whole, longest + 1)

    def drop_waiting(self) -> None:
        """Drop what has come and was not read yet, as much as waits at most."""
        for _ in range(MOST_WAITING):
            try:
                self._socket.recv(1)
            except BlockingIOError:
                return
            except OSError:
                continue  # what an earlier datagram of ours met on its way (ICMP)

    def close(self) -> None:
        """Free the port; `receive` returns."""
        if not self.closed:
            self.closed = True
            if trio.lowlevel.in_trio_run():
                trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
