"""One websocket of a load program: set up with blocking calls, then driven by a loop of its own.

Framed by hand (RFC 6455), because the load program must cost less than the server it measures: a
message is masked once and sent many times, and what comes in is counted rather than decoded.
"""

from __future__ import annotations

import socket
import struct

MASK = b"\x37\xfa\x21\x3d"  # not zero: some servers skip the unmasking then
SECONDS = 10.0  # for any one answer while setting up
TEXT = 0x81  # opcode byte of a whole text message


class Link:
    """A connected websocket. Raises ConnectionError when the server refuses or leaves."""

    def __init__(self, port: int, target: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.intake = Intake()
        self._buffer = b""
        self._upgrade(port, target)

    def send(self, message: bytes) -> None:
        """Send a text message, blocking."""
        self.sock.sendall(frame(message))

    def receive(self) -> bytes:
        """Return the next text message, blocking."""
        while True:
            while (end := frame_end(self._buffer, 0)) is None:
                self._more()
            whole, self._buffer = self._buffer[:end], self._buffer[end:]
            if whole[0] == TEXT:
                return whole[payload_start(whole, 0) :]

    def count_new(self) -> int:
        """Return how many text messages are complete with what can be read now."""
        try:
            data = self.sock.recv(65_536)
        except BlockingIOError:
            return 0
        if not data:
            raise ConnectionError("the server left")
        return self.intake.take(data)

    def set_up(self) -> None:
        """From now on `count_new` reads, without blocking."""
        self.sock.setblocking(False)
        self.intake.take(self._buffer)
        self._buffer = b""

    def _upgrade(self, port: int, target: str) -> None:
        self.sock.sendall(
            f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise ConnectionError(head.partition(b"\r\n")[0].decode())

    def _more(self) -> None:
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionError("the server left")
        self._buffer += data


class Intake:
    """Counts the text messages in a stream of server frames, wherever its chunks are cut."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> int:
        """Add a chunk; return how many messages it completes."""
        if self._rest:
            data = self._rest + data
        count = start = 0
        while (end := frame_end(data, start)) is not None:
            count += data[start] == TEXT
            start = end
        self._rest = data[start:]
        return count


def payload_start(data: bytes, start: int) -> int:
    """Return where the payload of the unmasked frame at `start` begins."""
    return start + {126: 4, 127: 10}.get(data[start + 1], 2)


def frame_end(data: bytes, start: int) -> int | None:
    """Return where the unmasked frame at `start` ends; None while it is not whole."""
    have = len(data) - start
    if have < 2:
        return None
    length, head = data[start + 1], 2
    if length == 126:
        length, head = int.from_bytes(data[start + 2 : start + 4]), 4
    elif length == 127:
        length, head = int.from_bytes(data[start + 2 : start + 10]), 10
    return start + head + length if have >= head + length else None


def frame(message: bytes) -> bytes:
    """Frame and mask a text message as a client has to; at most 65,535 bytes."""
    length = len(message)
    head = (
        struct.pack("!BB", TEXT, 0x80 | length)
        if length < 126
        else struct.pack("!BBH", TEXT, 0xFE, length)
    )
    mask = (MASK * (length // 4 + 1))[:length]
    masked = int.from_bytes(message) ^ int.from_bytes(mask)
    return head + MASK + masked.to_bytes(length)
