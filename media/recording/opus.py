"""What containers need to know of opus (RFC 6716, RFC 7845)."""

from __future__ import annotations

PRE_SKIP = 312  # samples of 48 kHz that libopus puts in front, in its usual mode
SEEK_PRE_ROLL = 0.08  # seconds to decode ahead of a jump's target

_FRAME_MS = [
    *(10, 20, 40, 60) * 3,  # SILK
    *(10, 20) * 2,  # hybrid
    *(2.5, 5, 10, 20) * 4,  # CELT
]


def identification(channels: int) -> bytes:
    """Return the identification header (RFC 7845, 5.1)."""
    return (
        b"OpusHead\x01"
        + bytes((channels,))
        + PRE_SKIP.to_bytes(2, "little")
        + (48000).to_bytes(4, "little")
        + bytes(3)  # no gain, mapping family 0
    )


def duration(packet: bytes) -> float:
    """Return how many seconds a packet lasts; 0.0 for one that tells nothing."""
    if not packet:
        return 0.0
    count = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[packet[0] & 3]
    return _FRAME_MS[packet[0] >> 3] * count / 1000
