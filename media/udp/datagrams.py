"""UDP sockets as all of media uses them: bound to one port, and read by the handful."""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from struct import Struct
from typing import Any, TypeVar

W = TypeVar("W")

READS = 64  # datagrams taken each time a socket wakes someone, before others get their turn
DATAGRAM_BYTES = 4096  # more than any path carries whole; DTLS, SRTP and STUN stay below 1,500
BUFFER_BYTES = 1 << 20  # a keyframe to many legs leaves in one go
TIMESTAMPS = 35  # SO_TIMESTAMPNS, which Python does not name; Linux's, of all common machines
TIMESPEC = Struct("@qq")  # seconds and nanoseconds
CONTROL_BYTES = socket.CMSG_SPACE(TIMESPEC.size)
OLDEST_SECONDS = 1.0  # what waited longer has a clock that was set meanwhile


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
        _ask_for_timestamps(bound)
        bound.setblocking(False)
        bound.bind((address, port))
    except OSError as error:
        bound.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return None
        raise
    return bound


def read_some(
    bound: socket.socket,
    take: Callable[[bytes, Any, float], W | None],
    size: int = DATAGRAM_BYTES + 1,
) -> W | None:
    """Hand over what is there, with its sender and arrival, at most READS datagrams.

    One larger than `size` is cut. The arrival is when the kernel got it, in seconds of
    time.monotonic: while we were busy with others, or waiting for a processor, it was there
    already. Waking once for many datagrams is most of what makes this fast. Ends at once when what
    is taken brings the socket to be closed, or `take` returns something, which is returned.
    """
    now = time.monotonic()
    ahead = time.time() - now
    for _ in range(READS):
        try:
            data, control, _, sender = bound.recvmsg(size, CONTROL_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            if bound.fileno() < 0:
                return None
            continue  # what an earlier datagram of ours met on its way (ICMP)
        wait = take(data, sender, _arrival(control, ahead))
        if wait is not None:
            return wait
    return None


def _ask_for_timestamps(bound: socket.socket) -> None:
    """Have the kernel note arrivals, where it can: a sandbox or another system may not."""
    if sys.platform == "linux":
        with suppress(OSError):
            bound.setsockopt(socket.SOL_SOCKET, TIMESTAMPS, 1)


def _arrival(control: list[tuple[int, int, bytes]], ahead: float) -> float:
    """Return what the kernel noted, or the time of reading where that is nothing, or nonsense."""
    now = time.monotonic()
    for level, kind, data in control:
        if (level, kind, len(data)) == (socket.SOL_SOCKET, TIMESTAMPS, TIMESPEC.size):
            seconds, nanoseconds = TIMESPEC.unpack(data)
            arrival: float = seconds + nanoseconds * 1e-9 - ahead
            return arrival if now - OLDEST_SECONDS < arrival < now else now
    return now
