"""Encoded pictures cut into RTP payloads: VP8 (RFC 7741) and H.264 (RFC 6184, mode 1).

Pure. Payloads of a picture are about equally long: a short one behind long ones would gain nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from media.rtp.vp8 import PICTURE_IDS

LONGEST_PAYLOAD = 1200  # bytes; with all headers it fits every path on the Internet
_VP8_DESCRIPTOR = 4
_STARTS = 0x10
_STAP_A, _FU_A = 24, 28
_SEI, _DELIMITER, _FILLER = 6, 9, 12


def payload_maker(codec: str) -> Callable[[bytes], list[bytes]]:
    """Return what cuts the pictures of one stream. Raises KeyError for another codec.

    H.264 is taken as a byte stream with start codes (annex B).
    """
    makers: dict[str, Callable[[], Callable[[bytes], list[bytes]]]] = {
        "vp8": Vp8Packets,
        "h264": lambda: _h264_picture,
    }
    return makers[codec]()


class Vp8Packets:
    """Cuts pictures of VP8, each with the next number of 15 bits in all its payloads."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, picture: bytes) -> list[bytes]:
        """Return the payloads of a picture."""
        number = (PICTURE_IDS | self._number).to_bytes(2)
        self._number = (self._number + 1) % PICTURE_IDS
        parts = _cut(picture, LONGEST_PAYLOAD - _VP8_DESCRIPTOR)
        return [
            bytes((0x80 | (0 if index else _STARTS), 0x80)) + number + part
            for index, part in enumerate(parts)
        ]


def units_of(stream: bytes) -> list[bytes]:
    """Return the NAL units between start codes (ITU-T H.264, annex B)."""
    units = (part.rstrip(b"\0") for part in stream.split(b"\0\0\1")[1:])
    return [unit for unit in units if unit]


def h264_payloads(units: Sequence[bytes]) -> list[bytes]:
    """Return the payloads of one picture: small units together, large ones in fragments."""
    payloads: list[bytes] = []
    together: list[bytes] = []
    for unit in units:
        if together and _aggregate_bytes([*together, unit]) > LONGEST_PAYLOAD:
            payloads.append(_aggregate(together))
            together = []
        if len(unit) > LONGEST_PAYLOAD:
            if together:
                payloads.append(_aggregate(together))
                together = []
            payloads += _fragments(unit)
        else:
            together.append(unit)
    if together:
        payloads.append(_aggregate(together))
    return payloads


def needed_units(units: Sequence[bytes]) -> list[bytes]:
    """Return the units that a decoder needs: the encoder's signature alone has 600 bytes."""
    needless = (_SEI, _DELIMITER, _FILLER)
    return [unit for unit in units if unit[0] & 0x1F not in needless]


def _h264_picture(stream: bytes) -> list[bytes]:
    return h264_payloads(needed_units(units_of(stream)))


def _aggregate_bytes(units: Sequence[bytes]) -> int:
    return 1 + sum(2 + len(unit) for unit in units)


def _aggregate(units: Sequence[bytes]) -> bytes:
    if len(units) == 1:
        return units[0]
    importance = max(unit[0] & 0x60 for unit in units)
    return bytes((importance | _STAP_A,)) + b"".join(len(u).to_bytes(2) + u for u in units)


def _fragments(unit: bytes) -> list[bytes]:
    parts = _cut(unit[1:], LONGEST_PAYLOAD - 2)
    indicator, kind, last = unit[0] & 0xE0 | _FU_A, unit[0] & 0x1F, len(parts) - 1
    return [
        bytes((indicator, kind | (0 if index else 0x80) | (0x40 if index == last else 0))) + part
        for index, part in enumerate(parts)
    ]


def _cut(data: bytes, longest: int) -> list[bytes]:
    """Return parts of about the same size; their number is the least that will do."""
    count = max(1, -(-len(data) // longest))
    ends = [len(data) * index // count for index in range(count + 1)]
    return [data[start:end] for start, end in pairwise(ends)]
