"""The first bytes of a plain connection: read with a limit and a deadline, before any server."""

from __future__ import annotations

import socket as stdlib_socket
from typing import TYPE_CHECKING

import trio
from trio.lowlevel import wait_readable, wait_writable

from api.http.carriers.first_request import answer, head_length, is_http

if TYPE_CHECKING:
    from api.settings import LimitSettings

GOODBYE_SECONDS = 1.0
GOODBYE_BYTES = 1_048_576


async def read_opening(sock: stdlib_socket.socket, limits: LimitSettings) -> bytes | None:
    """Return all bytes up to and beyond the first request head, or what cannot begin one.

    None when the client left, or was told that its head is too large (431) or too slow (408).
    """
    buffer = b""
    with trio.move_on_after(limits.header_seconds):
        while len(buffer) <= limits.header_bytes:
            data = await _receive(sock, limits.header_bytes)
            if not data:
                return None
            searched = len(buffer) - 3
            buffer += data
            if not is_http(buffer) or head_length(buffer, searched) > 0:
                return buffer
    if len(buffer) > limits.header_bytes:
        await say_goodbye(sock, answer(431, b"request headers too large\n"))
    elif buffer:
        await say_goodbye(sock, answer(408, b"request headers too slow\n"))
    return None


async def say_goodbye(sock: stdlib_socket.socket, page: bytes) -> None:
    """Send a last answer, and read on for a moment so that closing does not destroy it."""
    with trio.move_on_after(GOODBYE_SECONDS):
        if not await _send(sock, page):
            return
        received = 0
        while received < GOODBYE_BYTES:
            data = await _receive(sock, 65_536)
            received += len(data)
            if not data:
                return


async def _receive(sock: stdlib_socket.socket, most: int) -> bytes:
    """Receive something; b"" at the end, however it came."""
    while True:
        try:
            return sock.recv(most)
        except (BlockingIOError, InterruptedError):
            await wait_readable(sock)
        except OSError:
            return b""


async def _send(sock: stdlib_socket.socket, data: bytes) -> bool:
    while data:
        try:
            data = data[sock.send(data) :]
        except (BlockingIOError, InterruptedError):
            await wait_writable(sock)
        except OSError:
            return False
    try:
        sock.shutdown(stdlib_socket.SHUT_WR)
    except OSError:
        return False
    return True
