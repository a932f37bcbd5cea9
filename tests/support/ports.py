"""Ports of loopback for programs that cannot be given 0.

They lie below those that the kernel hands out by itself: a port that was bound as 0 and let go may
be given to whoever connects or binds next, before the program that it was meant for has it.
"""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

HERE = "127.0.0.1"
LOWEST = 15_000
USUALLY = 32_768  # where those of the kernel begin on Linux
HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 1000


def free_port() -> int:
    """Return a port of TCP that nobody has, and nobody gets who does not ask for it."""
    return _free(socket.SOCK_STREAM, 1)


def free_udp_ports(count: int = 2) -> int:
    """Return the first of so many ports of UDP in a row that nobody has; it is even."""
    return _free(socket.SOCK_DGRAM, count)


def _free(kind: socket.SocketKind, count: int) -> int:
    end = int(HANDED_OUT.read_text().split()[0]) if HANDED_OUT.exists() else USUALLY
    places = (max(end, LOWEST + 1000) - LOWEST - count) // 2
    for _ in range(TRIES):
        port = LOWEST + 2 * secrets.randbelow(places)
        if all(_is_free(kind, port + each) for each in range(count)):
            return port
    raise AssertionError("no port is free")


def _is_free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((HERE, port))
        except OSError:
            return False
        return True
