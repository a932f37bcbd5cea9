"""Where one frame of a client ends, what a whole message says, and the head of one of ours. Pure.

See RFC 6455, 5.2. Nearly every frame is one whole message; those are unpacked here, at a fifth of
what the general parser takes. Fragments, pings, closes and mistakes are for the `websockets`
library to judge.
"""

from __future__ import annotations

import struct

try:
    from websockets.speedups import apply_mask
except ImportError:  # installed without its C extension
    from websockets.utils import apply_mask

WHOLE_TEXT, WHOLE_BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A  # first bytes
WHOLE = (WHOLE_TEXT, WHOLE_BINARY)
LONGEST_CONTROL = 131  # bytes of a client's ping, pong or close frame
LONGEST_HEAD = 14  # bytes before a payload
_MEDIUM, _LONG = struct.Struct("!BBH"), struct.Struct("!BBQ")
_LONGEST_MEDIUM = 0xFE  # 126 with the mask bit: the length is in the next two bytes


def frame_end(data: bytes | bytearray, start: int, most: int) -> int:
    """Return where the masked frame at `start` ends, or -1 for one that must not be waited for.

    It may lie beyond the data: then more is needed, and at least up to there. -1 is a frame without
    a mask, or with a payload of more than `most` bytes.
    """
    have = len(data) - start
    if have < 2:
        return start + 2
    length = data[start + 1]
    if length < 0x80:
        return -1
    if length < _LONGEST_MEDIUM:
        length &= 0x7F
        end = start + 6 + length
    elif length == _LONGEST_MEDIUM:
        if have < 4:
            return start + 4
        length = int.from_bytes(data[start + 2 : start + 4])
        end = start + 8 + length
    else:
        if have < 10:
            return start + 10
        length = int.from_bytes(data[start + 2 : start + 10])
        end = start + 14 + length
    return end if length <= most else -1


def payload_start(data: bytes | bytearray, start: int) -> int:
    """Return where the payload of the masked frame at `start` begins, right behind its mask."""
    length = data[start + 1]
    return start + (6 if length < _LONGEST_MEDIUM else 8 if length == _LONGEST_MEDIUM else 14)


def unmask(data: bytes, mask: bytes) -> bytes:
    """Return data as it was before it was masked, from the first byte of `mask` on."""
    return apply_mask(data, mask)


def payload_of(data: bytes, start: int, end: int) -> bytes:
    """Unmask the payload of the frame from `start` to `end`."""
    begin = payload_start(data, start)
    return apply_mask(data[begin:end], data[begin - 4 : begin])


def frame_head(opcode_byte: int, length: int) -> bytes:
    """Build the header of an unmasked, final frame (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((opcode_byte, length))
    if length < 65_536:
        return _MEDIUM.pack(opcode_byte, 126, length)
    return _LONG.pack(opcode_byte, 127, length)


def piece_end(payload: bytes, start: int, most: int, *, text: bool) -> int:
    """Return where a piece of at most `most` bytes ends: of text, not within a character."""
    end = start + most
    if end >= len(payload):
        return len(payload)
    while text and payload[end] & 0xC0 == 0x80:
        end -= 1
    return end


def short_reason(reason: str) -> str:
    """Cut a close reason to the 123 bytes a control frame has room for."""
    return reason.encode()[:123].decode(errors="ignore")


def is_utf8(payload: bytes) -> bool:
    """Tell whether a payload may be text (RFC 6455, 8.1)."""
    if payload.isascii():
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
