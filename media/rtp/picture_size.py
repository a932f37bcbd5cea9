"""How large a picture is, read from the first packet of a keyframe."""

from __future__ import annotations

from media.rtp import h264
from media.rtp.rtp_packet import RtpPacket

START_CODE = b"\x9d\x01\x2a"  # of a VP8 keyframe, behind its tag of three bytes (RFC 6386, 9.1)
AGGREGATE = 24  # STAP-A of RFC 6184


def picture_size(packet: RtpPacket, codec_name: str) -> tuple[int, int] | None:
    """Return width and height; None where this packet does not tell. Nobody's bytes raise."""
    if codec_name == "vp8":
        return _of_vp8(packet)
    return _of_h264(packet.payload) if codec_name == "h264" else None


def _of_vp8(packet: RtpPacket) -> tuple[int, int] | None:
    if packet.picture is None:
        return None
    frame = packet.payload[packet.picture.header_bytes :][:10]
    if len(frame) < 10 or frame[3:6] != START_CODE:
        return None
    # The two highest bits ask the player to scale.
    sides = (int.from_bytes(frame[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    width, height = sides
    return (width, height) if width and height else None


def _of_h264(payload: bytes) -> tuple[int, int] | None:
    for unit in _units(payload):
        if unit and h264.kind_of(unit) == h264.SPS:
            try:
                return h264.picture_size(unit)
            except (ValueError, IndexError):
                return None
    return None


def _units(payload: bytes) -> list[bytes]:
    """Return the whole units in a payload."""
    if payload[0] & 0x1F != AGGREGATE:
        return [payload]
    units, at = [], 1
    while at + 2 < len(payload):
        size = int.from_bytes(payload[at : at + 2])
        units.append(payload[at + 2 : at + 2 + size])
        at += 2 + size
    return units
