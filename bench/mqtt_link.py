"""One MQTT 3.1.1 connection of a load program, over websocket or TCP: subscribes, counts, confirms.

Cheaper than a client library, for the reason `link.py` gives. What comes in is looked at as far as
its kind and its packet identifier.
"""

from __future__ import annotations

import socket
import struct

from bench.link import MASK, SECONDS, frame_end, payload_start

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
BINARY = 0x82


class MqttLink:
    """A connected client; with a `path` over websocket. Raises ConnectionError when refused."""

    def __init__(self, port: int, path: str = "", user: str = "", password: str = "") -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._frames = b""  # of the websocket, not whole yet
        self._packets = b""  # of MQTT, not whole yet
        self._over_websocket = bool(path)
        if path:
            self._upgrade(port, path)
        flags = 2 | (0xC0 if user else 0)
        names = [text(name) for name in (user, password) if user]
        body = text("MQTT") + struct.pack("!BBH", 4, flags, 0) + text(f"bench-{id(self):x}")
        self.send(packet(0x10, body + b"".join(names)))
        self._expect(CONNACK, b"\0\0")

    def subscribe(self, topic: str, qos: int) -> None:
        """Subscribe, blocking; from then on `take` reads, without blocking."""
        self.send(packet(0x82, b"\0\x01" + text(topic) + bytes((qos,))))
        self._expect(SUBACK, b"\0\x01" + bytes((qos,)))
        self.sock.setblocking(False)

    def send(self, data: bytes) -> None:
        """Send a packet whole."""
        data = masked(data) if self._over_websocket else data
        if self.sock.send(data) != len(data):
            raise ConnectionError("the server does not read")

    def take(self) -> tuple[int, int]:
        """Read; return how many messages came, and how many PUBACKs. Confirms what is of QoS 1."""
        try:
            data = self.sock.recv(65_536)
        except BlockingIOError:
            return 0, 0
        if not data:
            raise ConnectionError("the server left")
        messages = confirmed = 0
        for kind, flags, body in self._read(data):
            if kind == PUBLISH:
                messages += 1
                if flags & 2:
                    start = 2 + int.from_bytes(body[:2])
                    self.send(b"\x40\x02" + body[start : start + 2])
            confirmed += kind == PUBACK
        return messages, confirmed

    def _read(self, data: bytes) -> list[tuple[int, int, bytes]]:
        if self._over_websocket:
            data, start = self._frames + data, 0
            while (end := frame_end(data, start)) is not None:
                if data[start] == BINARY:
                    self._packets += data[payload_start(data, start) : end]
                start = end
            self._frames = data[start:]
        else:
            self._packets += data
        found, data, start = [], self._packets, 0
        while (bounds := body_bounds(data, start)) is not None:
            found.append((data[start] >> 4, data[start] & 15, data[bounds[0] : bounds[1]]))
            start = bounds[1]
        self._packets = data[start:]
        return found

    def _expect(self, kind: int, body: bytes) -> None:
        while not (found := self._read(self._more())):
            pass
        if found != [(kind, 0, body)]:
            raise ConnectionError(f"expected packet {kind}, got {found}")

    def _upgrade(self, port: int, path: str) -> None:
        self.sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        if b" 101 " not in answer.partition(b"\r\n")[0]:
            raise ConnectionError(answer.partition(b"\r\n")[0].decode())

    def _more(self) -> bytes:
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionError("the server left")
        return data


def text(value: str) -> bytes:
    return struct.pack("!H", len(value.encode())) + value.encode()


def packet(first: int, body: bytes) -> bytes:
    """Return a packet of at most 16,383 bytes behind its fixed header."""
    length = len(body)
    head = bytes((length,)) if length < 128 else bytes((length & 0x7F | 0x80, length >> 7))
    return bytes((first,)) + head + body


def body_bounds(data: bytes, start: int) -> tuple[int, int] | None:
    """Return where the body of the packet at `start` begins and ends; None before it is whole."""
    length = shift = 0
    for at in range(start + 1, min(start + 5, len(data))):
        length |= (data[at] & 0x7F) << shift
        shift += 7
        if data[at] < 0x80:
            end = at + 1 + length
            return (at + 1, end) if end <= len(data) else None
    return None


def masked(payload: bytes) -> bytes:
    """Frame and mask a binary message as a client has to; at most 65,535 bytes."""
    length = len(payload)
    head = (
        struct.pack("!BB", BINARY, 0x80 | length)
        if length < 126
        else struct.pack("!BBH", BINARY, 0xFE, length)
    )
    mask = (MASK * (length // 4 + 1))[:length]
    return head + MASK + (int.from_bytes(payload) ^ int.from_bytes(mask)).to_bytes(length)
