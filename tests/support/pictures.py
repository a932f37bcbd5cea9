"""Pictures that cost more than they look."""

from __future__ import annotations

import struct

_AT_ONCE = 16_384  # blocks that one end-of-band run skips, and as many again by its extra bits


def progressive_jpeg(side: int, scans: int) -> bytes:
    """Return a grey JPEG of `side` pixels squared: after the first, `scans` passes without content.

    Each pass is 18 bytes for a picture of 4096 pixels a side, and is gone through all the same.
    """
    blocks = (side // 8) ** 2
    frame = struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00"
    tables = [b"\x00" + bytes([1] + [0] * 15) + b"\x00", b"\x10" + bytes([1] + [0] * 15) + b"\xe0"]
    pass_ = _segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + _skipping(blocks)
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xDB, b"\0" + bytes([1] * 64)),
            _segment(0xC2, frame),
            *(_segment(0xC4, table) for table in tables),
            _segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + bytes(blocks // 8),
            pass_ * scans,
            b"\xff\xd9",
        )
    )


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _skipping(blocks: int) -> bytes:
    """Return entropy-coded data that leaves out so many blocks."""
    bits = ""
    while blocks > 0:
        extra = min(max(0, blocks - _AT_ONCE), _AT_ONCE - 1)
        bits += "0" + format(extra, "014b")
        blocks -= _AT_ONCE + extra
    bits += "1" * (-len(bits) % 8)
    data = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return data.replace(b"\xff", b"\xff\0")
