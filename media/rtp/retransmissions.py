"""The stream of a leg's retransmissions, where the receiver wants one of their own (RFC 4588)."""

from __future__ import annotations

import random

from media.rtp.rtp_packet import HEADER, MARKER


class Retransmissions:
    """Wraps packets that are sent again, under a payload type and an SSRC of their own."""

    def __init__(self, ssrc: int) -> None:
        self.payload_type = 0  # until it is agreed on
        self._ssrc = ssrc
        self._sequence = random.randrange(1 << 15)

    def wrap(self, packet: bytes, header_bytes: int) -> bytes:
        """Return the packet for that stream; `header_bytes` counts its extensions, too."""
        first, second, _, timestamp, _ = HEADER.unpack_from(packet)
        header = HEADER.pack(
            first, second & MARKER | self.payload_type, self._sequence, timestamp, self._ssrc
        )
        self._sequence = self._sequence + 1 & 0xFFFF
        extensions = packet[len(header) : header_bytes]
        return bytes(header) + extensions + packet[2:4] + packet[header_bytes:]
