"""Payloads of Engine.IO's polling transport: several packets in one body. Pure.

Version 3 writes `<length>:<packet>` for each, the length in UTF-16 code units, as JavaScript counts
text; version 4 separates them by the control character 1E, which JSON text never contains. Binary
packets (`b…` in base64, or a body of octets) are not spoken here.
Follows the engine.io-protocol documents and section 7b of the measurements of socket.io 2.2.
"""

from __future__ import annotations

from collections.abc import Iterable

PACKETS = 1024  # in one body; a client that flushes a burst of candidates sends dozens
SEPARATOR = b"\x1e"
_LENGTH_DIGITS = 10


class BadPacket(Exception):
    """What the far side sent breaks the protocol; its session cannot go on."""


def encode(packets: Iterable[bytes], version: int) -> bytes:
    """Put packets (UTF-8) into one body."""
    if version == 4:
        return SEPARATOR.join(packets)
    return b"".join(b"%d:%b" % (_units(packet), packet) for packet in packets)


def decode(body: bytes, version: int) -> list[bytes]:
    """Take a body apart into its packets (UTF-8). Raises BadPacket."""
    packets = body.split(SEPARATOR, PACKETS) if version == 4 else _decode_3(body)
    if len(packets) > PACKETS:
        raise BadPacket("too many packets in one body")
    if not all(packets):
        raise BadPacket("empty packet")
    if version == 4 and not body.isascii():
        _text(body)
    return packets


def _decode_3(body: bytes) -> list[bytes]:
    """Cut by lengths. In ASCII a code unit is a byte; anything else is cut in UTF-16."""
    wide = not body.isascii()
    data = _text(body).encode("utf-16-le") if wide else body
    unit = 2 if wide else 1
    packets: list[bytes] = []
    start = 0
    while start < len(data) and len(packets) <= PACKETS:
        head = data[start : start + (_LENGTH_DIGITS + 1) * unit]
        text = head.decode("utf-16-le", "replace") if wide else head.decode()
        digits, colon, _ = text.partition(":")
        if not (colon and digits.isascii() and digits.isdigit()):
            raise BadPacket("no length before a packet")
        begin = start + (len(digits) + 1) * unit
        start = begin + int(digits) * unit
        if start > len(data):
            raise BadPacket("a length beyond the body")
        packets.append(_narrow(data[begin:start]) if wide else data[begin:start])
    return packets or [b""]


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadPacket("not UTF-8") from None


def _narrow(data: bytes) -> bytes:
    try:
        return data.decode("utf-16-le").encode()
    except UnicodeDecodeError:
        raise BadPacket("a length that cuts a character in two") from None


def _units(packet: bytes) -> int:
    if packet.isascii():
        return len(packet)
    return len(packet.decode().encode("utf-16-le")) // 2
