"""One UDP socket of SIP: reads in batches, and sends without waiting."""

from __future__ import annotations

import socket
from collections.abc import Callable

import trio

from api.sip.flows import Address

BATCH = 64  # datagrams that are read before others get their turn
DATAGRAM_BYTES = 65_536

Receive = Callable[[bytes, Address], None]


class DatagramSocket:
    """A bound socket, which is left open: whoever bound it closes it."""

    def __init__(self, bound: socket.socket) -> None:
        self.socket = bound
        self.local: Address = bound.getsockname()[:2]
        self.family = bound.family

    async def read(self, receive: Receive) -> None:
        """Hand on whatever comes, for ever; what is truncated or comes from a link is not SIP."""
        while True:
            await trio.lowlevel.wait_readable(self.socket)
            for _ in range(BATCH):
                try:
                    data, _, flags, source = self.socket.recvmsg(DATAGRAM_BYTES)
                except BlockingIOError:
                    break
                except OSError:  # a report about something that was sent
                    continue
                if data and not flags & socket.MSG_TRUNC and not _of_a_link(source):
                    receive(data, source[:2])
            await trio.lowlevel.checkpoint()

    def send(self, data: bytes, remote: Address) -> bool:
        """Send one datagram; False where there is no way.

        What does not fit into the socket's buffer is lost, as on the way: it is sent again.
        """
        try:
            self.socket.sendto(data, remote)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True


def _of_a_link(source: tuple[object, ...]) -> bool:
    """Tell whether an address means something on one link only (fe80::…%2)."""
    return len(source) > 3 and source[3] != 0
