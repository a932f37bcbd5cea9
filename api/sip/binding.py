"""The sockets that telephones reach us by: bound before anything runs, kept over restarts."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from api.sip.flows import Transport

BACKLOG = 128
UDP_BUFFER = 1_048_576  # bytes: a second of a busy trunk


class CannotListen(Exception):
    """An address cannot be bound; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class SipSocket:
    """A bound socket, and what is spoken on it."""

    transport: Transport
    socket: socket.socket

    @property
    def port(self) -> int:
        """The port in use, where 0 was asked for, too."""
        port: int = self.socket.getsockname()[1]
        return port

    @property
    def name(self) -> str:
        """The address in use, as the configuration has it."""
        host, port = self.socket.getsockname()[:2]
        return (
            f"{self.transport}:[{host}]:{port}"
            if ":" in host
            else f"{self.transport}:{host}:{port}"
        )


@contextmanager
def sip_sockets(binds: Sequence[tuple[Transport, str, int]]) -> Iterator[tuple[SipSocket, ...]]:
    """Bind each (transport, numeric host, port), and close them at the end.

    Raises CannotListen; then none is left bound.
    """
    bound: list[SipSocket] = []
    try:
        for transport, host, port in binds:
            bound.append(SipSocket(transport, _bind(transport, host, port)))
        yield tuple(bound)
    finally:
        for each in bound:
            each.socket.close()


def _bind(transport: Transport, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:  # "[::]" and "0.0.0.0" are two sockets
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if transport == "udp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        if transport != "udp":
            sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        name = f"[{host}]" if ":" in host else host
        raise CannotListen(
            f"cannot listen on {transport}:{name}:{port}: {error.strerror}"
        ) from None
    return sock
