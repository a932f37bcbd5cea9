"""Where a keyframe starts, seen in the bytes of a payload."""

from __future__ import annotations

from collections.abc import Callable

from media.rtp import vp8
from media.rtp.rtp_packet import RtpPacket

Marker = Callable[[RtpPacket], None]

H264_IDR = 5
H264_PARAMETERS = 7
H264_AGGREGATE = 24
H264_FRAGMENT = 28


def keyframe_marker(codec_name: str) -> Marker | None:
    """Return what notes `keyframe` in packets of this codec (and `picture` in those of VP8).

    None stands for a codec that can be joined at any packet, such as one for audio.
    """
    match codec_name:
        case "vp8":
            return _Vp8Marker()
        case "h264":
            return _H264Marker()
        case _:
            return None


class _Vp8Marker:
    def __init__(self) -> None:
        self._numbers = vp8.PictureNumbers()

    def __call__(self, packet: RtpPacket) -> None:
        picture = vp8.read_picture(packet.payload)
        if picture is not None:
            self._numbers.widen(picture)
            packet.picture = picture
            packet.keyframe = vp8.starts_keyframe(packet.payload, picture)


class _H264Marker:
    """Takes the parameter sets as the start of a keyframe; they come in front of the picture.

    A keyframe without any is a whole one only where they travel in the session description. So
    after one that had them, the first one without is not trusted: they may have been lost.
    """

    def __init__(self) -> None:
        self._timestamp = -1  # of the keyframe that was seen last
        self._trusts_picture = True

    def __call__(self, packet: RtpPacket) -> None:
        if packet.timestamp == self._timestamp:
            return
        units = _units(packet.payload)
        if H264_PARAMETERS in units:
            self._trusts_picture = False
            packet.keyframe = True
        elif H264_IDR in units:
            packet.keyframe = self._trusts_picture
            self._trusts_picture = True
        else:
            return
        self._timestamp = packet.timestamp


def _units(payload: bytes) -> list[int]:
    """Return the types of the units that start in a payload (RFC 6184, 5.2)."""
    kind = payload[0] & 0x1F
    if kind == H264_AGGREGATE:
        return _aggregated(payload)
    if kind == H264_FRAGMENT:
        starts = len(payload) > 1 and payload[1] & 0x80
        return [payload[1] & 0x1F] if starts else []
    return [kind]


def _aggregated(payload: bytes) -> list[int]:
    """Return the types of the units in an aggregate, as far as it is whole."""
    kinds = []
    at = 1
    while at + 2 < len(payload):
        kinds.append(payload[at + 2] & 0x1F)
        at += 2 + int.from_bytes(payload[at : at + 2])
    return kinds
