"""Requests as bytes, and hang-ups: what no well-behaved HTTP client would send."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from tests.support.raw import RawClient, connected

if TYPE_CHECKING:
    from tests.support.serving import Serving

PATIENCE = 30.0


def request(
    method: str, path: str, *headers: str, body: bytes = b"", host: str = "localhost"
) -> bytes:
    """Write an HTTP/1.1 request; `Content-Length` only where a header says so."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def exchange(server: Serving, data: bytes, patience: float = PATIENCE) -> bytes:
    """Send, then read until the server closes, which it must."""
    async with connected(server) as client:
        with trio.fail_after(patience):
            await send_all(client, data)
            return await client.read_rest()


async def send_all(client: RawClient, data: bytes) -> bool:
    """Send; False when the server has hung up already."""
    try:
        await client.send(data)
    except trio.BrokenResourceError:
        return False
    return True


def reset(client: RawClient) -> None:
    """Hang up at once, with a RST."""
    linger = struct.pack("ii", 1, 0)
    client.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.stream.socket.close()


def flood(
    server: Serving, opening: bytes, block: bytes, seconds: float, enough: Callable[[], bool]
) -> int:
    """Send `block` again and again as fast as can be, reading nothing; return how many went out.

    For these seconds, and then until it is `enough`, at most for PATIENCE. Where the server takes
    no more of it, the connection stays that long. Blocks its thread: run it with `trio.to_thread`.
    """
    sent = 0
    with socket.create_connection((server.host, server.port), PATIENCE) as sock:
        sock.sendall(opening)
        sock.recv(65_536)
        sock.settimeout(seconds)
        began = time.monotonic()

        def goes_on() -> bool:
            passed = time.monotonic() - began
            return passed < seconds or (passed < PATIENCE and not enough())

        try:
            while goes_on():
                sock.sendall(block)
                sent += 1
        except OSError:  # the server has had enough
            while goes_on():
                time.sleep(0.01)
    return sent
