"""UDP ports out of a range: bound when handed out, free again when their socket is closed."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

from media.contract.errors import NoFreePort
from media.udp.datagrams import bind_port

ANY_PORT_TRIES = 64


class PortRange:
    """The ports from `first` to `last`; (0, 0) stands for any port the system gives.

    Nothing is remembered here: who closes a socket has given its port back. Raises ValueError for
    a range that is none.
    """

    def __init__(self, first: int, last: int) -> None:
        if (first, last) != (0, 0) and not 1 <= first <= last <= 65535:
            raise ValueError("two ports from 1 to 65535, the lower one first, or 0 and 0")
        self._first, self._last = first, last

    def bind(self, address: str) -> socket.socket:
        """Bind one port of an IPv4 or IPv6 address.

        Raises NoFreePort if all are taken, OSError for an address that is not ours.
        """
        for port in self._candidates(step=1):
            bound = bind_port(address, port)
            if bound is not None:
                return bound
        raise NoFreePort("no UDP port of the range is free")

    def bind_pair(self, address: str) -> tuple[socket.socket, socket.socket]:
        """Bind an even port, for RTP, and the one above it, for RTCP; raises like `bind`."""
        for port in self._candidates(step=2):
            lower = bind_port(address, port)
            if lower is None:
                continue
            number = lower.getsockname()[1]
            upper = bind_port(address, number + 1) if number % 2 == 0 else None
            if upper is not None:
                return lower, upper
            lower.close()
        raise NoFreePort("no two neighbouring UDP ports of the range are free")

    def _candidates(self, step: int) -> Iterator[int]:
        """Begin anywhere, so that a port is rarely used again at once: late packets may come."""
        if not self._last:
            return iter([0] * ANY_PORT_TRIES)
        first = self._first + (self._first % 2 if step == 2 else 0)
        ports = range(first, self._last + 2 - step, step)
        if not ports:
            return iter(())
        start = random.randrange(len(ports))
        return iter([*ports[start:], *ports[:start]])
