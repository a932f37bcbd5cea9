"""One RTP packet, read from bytes (RFC 3550, section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from media.rtp.vp8 import Vp8Picture

HEADER = Struct("!BBHII")
HEADER_BYTES = HEADER.size
HEADER_WITH_TIME = Struct("!BBHIIQ")  # and, as the first header extension, the time of sending
SEND_TIME_UNITS = 1 << 18  # of a second, in the time of sending
SEND_TIME_MASK = 0xFFFFFF
VERSION = 2
WITH_PADDING = 0x20
WITH_EXTENSION = 0x10
MARKER = 0x80
RTCP_TYPES = range(192, 224)  # of the second byte, where RTP and RTCP share a port (RFC 5761)

ONE_BYTE_EXTENSIONS = 0xBEDE  # RFC 8285


@dataclass(slots=True)
class RtpPacket:
    """A packet on its way from a source to the legs, which share it and must not change it.

    `data` is the packet as it came, `payload` what is in it without padding: empty in a packet sent
    only to probe for bandwidth. `sequence` is 16 bits wide as parsed; the source widens it, so that
    a later packet always has the higher number. `marker` is 0 or 0x80, ready for the header. `sent`
    is the time of sending in its units, -1 until a leg that tells it sends the packet: the first
    one notes it for all, as they send in one go, and it stays for good.
    """

    data: bytes
    payload_type: int
    marker: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    arrival: float
    keyframe: bool = False
    picture: Vp8Picture | None = None
    sent: int = -1


def parse_packet(data: bytes, arrival: float) -> RtpPacket | None:
    """Read an RTP packet; None if it is none, is cut short or is RTCP."""
    size = len(data)
    if size < HEADER_BYTES:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != VERSION or second in RTCP_TYPES:
        return None
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & WITH_EXTENSION:
        if size < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    end = size
    if first & WITH_PADDING:
        if not data[-1]:
            return None
        end -= data[-1]
    if start > end:
        return None
    return RtpPacket(
        data,
        second & 0x7F,
        second & MARKER,
        sequence,
        timestamp,
        ssrc,
        data[start:end],
        arrival,
    )


def looks_like_rtcp(data: bytes) -> bool:
    """Tell RTCP from RTP on a port that carries both."""
    return len(data) > 1 and data[1] in RTCP_TYPES


def write_packet(
    payload_type: int, marker: int, sequence: int, timestamp: int, ssrc: int, payload: bytes
) -> bytes:
    """Return a packet without extensions; numbers are cut to their width."""
    header = HEADER.pack(
        VERSION << 6, marker | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
    return header + payload


def fits_one_byte(identifier: int, value: str) -> bool:
    """Tell whether a header extension can be written in the one-byte form (RFC 8285, 4.2).

    Receivers need not take the other form; who has the SSRC of a section knows its packets by that.
    """
    return 1 <= identifier <= 14 and 1 <= len(value) <= 16


def mid_extension(identifier: int, mid: str) -> bytes:
    """Return the header extension that names the media section (RFC 8843), ready for the header.

    Raises ValueError for what a one-byte extension cannot hold.
    """
    element = _mid_element(identifier, mid)
    return _extension_head(len(element)).to_bytes(4) + element


def timed_extension(identifier: int, mid: tuple[int, str] | None) -> tuple[int, bytes]:
    """Return the header extensions of a packet that tells its time of sending (abs-send-time).

    The number, with the time of 24 bits added, ends HEADER_WITH_TIME; the bytes go behind it.
    Raises ValueError for what a one-byte extension cannot hold.
    """
    if not 1 <= identifier <= 14:
        raise ValueError("an extension id of 1 to 14")
    rest = _mid_element(*mid) if mid else b""
    return _extension_head(4 + len(rest)) << 32 | identifier << 28 | 2 << 24, rest


def _mid_element(identifier: int, mid: str) -> bytes:
    value = mid.encode("ascii")
    if not fits_one_byte(identifier, mid):
        raise ValueError("a mid of 1 to 16 ASCII characters and an extension id of 1 to 14")
    element = bytes([identifier << 4 | len(value) - 1]) + value
    return element + bytes(-len(element) % 4)


def _extension_head(size: int) -> int:
    return ONE_BYTE_EXTENSIONS << 16 | size // 4
