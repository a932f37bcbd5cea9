"""A UDP socket that hands over datagrams as fast as they come.

aioice wants an asyncio transport; this has what it uses of one. Nothing is buffered: what the
kernel does not take at once is dropped and counted, as on any network.
"""

from __future__ import annotations

import socket
from typing import Any, Protocol

import trio

from media.udp.datagrams import read_some
from media.webrtc.readers import Readers


class DatagramReceiver(Protocol):
    """What is used of an asyncio protocol; but datagrams come with their arrival.

    It may return what to wait for before more is read.
    """

    def datagram_arrived(
        self, data: bytes, addr: tuple[Any, ...], arrival: float
    ) -> trio.Event | None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...


class UdpSocket:
    """One bound socket, read from now on until it is closed."""

    __slots__ = ("_readers", "_receiver", "_socket", "dropped")

    def __init__(self, bound: socket.socket, readers: Readers, receiver: DatagramReceiver) -> None:
        self.dropped = 0
        self._socket = bound
        self._readers = readers
        self._receiver: DatagramReceiver | None = receiver
        readers.add_reader(bound, self._drain)

    def sendto(self, data: bytes, address: tuple[str, int]) -> bool:
        """Send one datagram, or drop and count it; tell which."""
        try:
            self._socket.sendto(data, address)
        except OSError:  # full, unreachable, closed: all the same to a datagram
            self.dropped += 1
            return False
        return True

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

    def _drain(self) -> trio.Event | None:
        if self._receiver is None:
            return None
        return read_some(self._socket, self._receiver.datagram_arrived)
