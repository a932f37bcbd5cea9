"""The data types of MQTT (5.0, section 1.5; the same in 3.1.1): read with bounds, and written.

Knows no packet. Every reading function raises `MalformedPacket` where the bytes end too early.
"""

from __future__ import annotations

import struct

MOST_LENGTH = 268_435_455  # of a variable byte integer: four bytes of seven bits

_SHORT, _LONG = struct.Struct("!H"), struct.Struct("!I")


class MalformedPacket(Exception):
    """What came is no MQTT, or breaks a rule of it; `code` is the reason as MQTT 5 numbers it."""

    def __init__(self, why: str, code: int = 0x81) -> None:
        super().__init__(why)
        self.why = why
        self.code = code


class PacketReader:
    """Takes typed values from the front of a packet's body."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._end = len(data)

    @property
    def left(self) -> int:
        """How many bytes are unread."""
        return self._end - self._at

    def raw(self, count: int) -> bytes:
        """Take that many bytes."""
        start, self._at = self._at, self._at + count
        if self._at > self._end:
            raise MalformedPacket("ends too early")
        return self._data[start : self._at]

    def byte(self) -> int:
        return self.raw(1)[0]

    def short(self) -> int:
        return int(_SHORT.unpack(self.raw(2))[0])

    def long(self) -> int:
        return int(_LONG.unpack(self.raw(4))[0])

    def length(self) -> int:
        """Take a variable byte integer."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise MalformedPacket("a length of more than four bytes")

    def binary(self) -> bytes:
        return self.raw(self.short())

    def text(self) -> str:
        """Take a string: UTF-8 without U+0000 and without surrogates."""
        try:
            value = self.binary().decode()
        except UnicodeDecodeError:
            raise MalformedPacket("a string that is not UTF-8") from None
        if "\0" in value:
            raise MalformedPacket("a string with U+0000")
        return value

    def finish(self) -> None:
        """Raise Malformed if anything is left over."""
        if self._at != self._end:
            raise MalformedPacket("has more than belongs there")


def short(value: int) -> bytes:
    return _SHORT.pack(value)


def long(value: int) -> bytes:
    return _LONG.pack(value)


def length(value: int) -> bytes:
    """Write a variable byte integer. Raises ValueError above 268,435,455."""
    if value < 0x80:
        return bytes((value,))
    if value > MOST_LENGTH:
        raise ValueError("too large for a packet")
    written = bytearray()
    while value:
        value, low = value >> 7, value & 0x7F
        written.append(low | (0x80 if value else 0))
    return bytes(written)


def binary(value: bytes) -> bytes:
    return _SHORT.pack(len(value)) + value


def text(value: str) -> bytes:
    """Write a string. Raises struct.error above 65,535 bytes."""
    return binary(value.encode())
