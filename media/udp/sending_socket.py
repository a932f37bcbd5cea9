"""A socket that datagrams are sent from, of no port in particular."""

from __future__ import annotations

import socket

from media.contract.plans import Address
from media.udp.datagrams import BUFFER_BYTES


class SendingSocket:
    """Sends to anywhere; bound, to every address of ours and any port, by its first datagram.

    What is sent back is not read.
    """

    def __init__(self) -> None:
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}
        self._closed = False

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram now. Raises OSError: it is too long, not taken, or this is closed."""
        family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
        found = self._sockets.get(family) or self._open(family)
        found.sendto(data, to)

    def close(self) -> None:
        """Send no more; fine if it is closed."""
        self._closed = True
        for each in self._sockets.values():
            each.close()
        self._sockets.clear()

    def _open(self, family: socket.AddressFamily) -> socket.socket:
        if self._closed:
            raise OSError("closed")
        made = self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the least there is
        return made
