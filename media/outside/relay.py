"""Bytes both ways between two connections, in one thread, until one of them ends."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

MAX_WAITING = 262_144  # bytes that one side has not taken; no more are read for it
PIECE = 65_536
LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def relay(
    inner: socket.socket, outer: socket.socket, answer: Callable[[bytes], bytes] = bytes
) -> socket.socket:
    """Carry bytes until one side ends, and what it said before has arrived at the other.

    Return which side that was. What comes from `outer` goes through `answer`, whose errors end it.
    """
    inner.setblocking(False)
    outer.setblocking(False)
    waiting = {inner: bytearray(), outer: bytearray()}  # for whom
    other = {inner: outer, outer: inner}
    ended: list[socket.socket] = []
    while not (ended and not any(waiting[other[each]] for each in ended)):
        for side in _ready(waiting, other, ended):
            try:
                _send(side, waiting[side])
                if side in ended or len(waiting[other[side]]) >= MAX_WAITING:
                    continue
                data = _receive(side)
            except OSError:
                return ended[0] if ended else side
            if data == b"":
                ended.append(side)
            elif data is not None:
                waiting[other[side]] += answer(data) if side is outer else data
    return ended[0]


def _ready(
    waiting: dict[socket.socket, bytearray],
    other: dict[socket.socket, socket.socket],
    ended: list[socket.socket],
) -> list[socket.socket]:
    """Wait until something can be read or sent, and return by whom."""
    asking = select.poll()
    descriptors = {}
    decrypted = []
    for side, unsent in waiting.items():
        reads = side not in ended and len(waiting[other[side]]) < MAX_WAITING
        events = (select.POLLIN if reads else 0) | (select.POLLOUT if unsent else 0)
        if reads and isinstance(side, ssl.SSLSocket) and side.pending():
            decrypted.append(side)
        if events:
            asking.register(side, events)
        descriptors[side.fileno()] = side
    found = [descriptors[each] for each, _ in asking.poll(0 if decrypted else None)]
    return list(dict.fromkeys(decrypted + found))


def _send(side: socket.socket, unsent: bytearray) -> None:
    if unsent:
        with suppress(*LATER):
            del unsent[: side.send(unsent[:PIECE])]


def _receive(side: socket.socket) -> bytes | None:
    """Return what came, b"" at the end, None for nothing yet."""
    try:
        return side.recv(PIECE)
    except LATER:
        return None
    except ssl.SSLEOFError:  # closed without a goodbye
        return b""
