"""UDP sockets as all of media uses them: bound to one port, and read by the handful."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

READS = 64  # datagrams taken each time a socket wakes someone, before others get their turn
DATAGRAM_BYTES = 4096  # more than any path carries whole; DTLS, SRTP and STUN stay below 1,500
BUFFER_BYTES = 1 << 20  # a keyframe to many legs leaves in one go


def bind_port(address: str, port: int) -> socket.socket | None:
    """Bind a port of an IPv4 or IPv6 address, 0 for any; None if it is taken.

    Raises OSError for an address that is not ours.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        bound.setblocking(False)
        bound.bind((address, port))
    except OSError as error:
        bound.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return None
        raise
    return bound


def read_some(bound: socket.socket, take: Callable[[bytes, Any], None]) -> None:
    """Hand over what is there, with its sender, at most READS datagrams; one too large is cut.

    Waking once for many datagrams is most of what makes this fast. Ends at once when what is taken
    brings the socket to be closed.
    """
    for _ in range(READS):
        try:
            data, sender = bound.recvfrom(DATAGRAM_BYTES + 1)
        except BlockingIOError:
            return
        except OSError:
            if bound.fileno() < 0:
                return
            continue  # what an earlier datagram of ours met on its way (ICMP)
        take(data, sender)
