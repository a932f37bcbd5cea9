"""A sender of RTP for tests: packs encoded frames as a browser would."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from media.contract.codec import Codec
from media.rtp.aac import aac_fmtp, pack_unit
from media.rtp.rtp_packet import write_packet
from tests.support.encoded import EncodedFrame

VP8 = Codec("vp8", 90_000, 96)
H264 = Codec("h264", 90_000, 102, fmtp="packetization-mode=1;profile-level-id=42e01f")
OPUS = Codec("opus", 48_000, 111, channels=2)
AAC = Codec("aac", 48_000, 96, channels=2, fmtp=aac_fmtp(48_000, 2))
PCMU = Codec("pcmu", 8000, 0)
PCMA = Codec("pcma", 8000, 8)

_MARKER = 0x80


class RtpStream:
    """Numbers the packets of one stream, beginning anywhere."""

    def __init__(
        self,
        codec: Codec,
        ssrc: int = 1,
        *,
        sequence: int = 65_500,
        timestamp: int = 2**32 - 5000,
        room: int = 1100,
    ) -> None:
        self.codec = codec
        self.ssrc = ssrc
        self.sequence = sequence
        self.timestamp = timestamp
        self.room = room  # bytes of payload

    def pack(self, frame: EncodedFrame) -> list[bytes]:
        """Return the packets of a frame."""
        match self.codec.name:
            case "vp8":
                payloads = list(pack_vp8(frame.data, self.sequence, self.room))
            case "h264":
                payloads = list(pack_h264(frame.data, self.room))
            case "aac":
                payloads = [pack_unit(frame.data)]
            case _:
                payloads = [frame.data]
        last = len(payloads) - 1
        return [
            self._packet(payload, frame.time, marker=at == last)
            for at, payload in enumerate(payloads)
        ]

    def pack_all(self, frames: Iterable[EncodedFrame]) -> Iterator[tuple[float, bytes]]:
        """Return packets with the time of their frame."""
        for frame in frames:
            for packet in self.pack(frame):
                yield frame.time, packet

    def rtp_time(self, time: float) -> int:
        """Return the timestamp of a moment."""
        return (self.timestamp + round(time * self.codec.clock_rate)) & 0xFFFFFFFF

    def probe(self, time: float) -> bytes:
        """Return a packet that holds padding only."""
        packet = bytearray(self._packet(b"\0\0\0\4", time, marker=False))
        packet[0] |= 0x20
        return bytes(packet)

    def _packet(self, payload: bytes, time: float, *, marker: bool) -> bytes:
        self.sequence += 1
        return write_packet(
            self.codec.payload_type,
            _MARKER if marker else 0,
            self.sequence,
            self.rtp_time(time),
            self.ssrc,
            payload,
        )


def pack_vp8(frame: bytes, picture: int, room: int) -> Iterator[bytes]:
    """Cut a frame; each part follows a descriptor with a picture id of 15 bits."""
    tail = b"\x80" + (0x8000 | picture & 0x7FFF).to_bytes(2)
    for at in range(0, len(frame), room):
        yield (b"\x80" if at else b"\x90") + tail + frame[at : at + room]


def nals_of(stream: bytes) -> list[bytes]:
    """Return the NAL units of an Annex B byte stream."""
    return [nal for nal in re.split(rb"\0\0\0?\x01", stream) if nal]


def pack_h264(frame: bytes, room: int) -> Iterator[bytes]:
    """Put parameter sets into one STAP-A, long NAL units into FU-A, others by themselves."""
    nals = nals_of(frame)
    sets = [nal for nal in nals if nal[0] & 0x1F in (7, 8)]
    if sets:
        yield b"\x78" + b"".join(len(nal).to_bytes(2) + nal for nal in sets)
    for nal in nals:
        if nal not in sets:
            yield from _fragments(nal, room) if len(nal) > room else [nal]


def _fragments(nal: bytes, room: int) -> Iterator[bytes]:
    body = nal[1:]
    for at in range(0, len(body), room):
        first, last = at == 0, at + room >= len(body)
        head = bytes([nal[0] & 0xE0 | 28, first << 7 | last << 6 | nal[0] & 0x1F])
        yield head + body[at : at + room]
