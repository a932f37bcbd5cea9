"""G.711 audio (ITU-T), expanded to what containers take: 16-bit little-endian samples."""

from __future__ import annotations


def expand_mu_law(payload: bytes) -> bytes:
    """Return two bytes for each of µ-law."""
    return b"".join(map(_MU_LAW.__getitem__, payload))


def expand_a_law(payload: bytes) -> bytes:
    """Return two bytes for each of A-law."""
    return b"".join(map(_A_LAW.__getitem__, payload))


def _from_mu_law(code: int) -> int:
    code = ~code & 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -size if code & 0x80 else size


def _from_a_law(code: int) -> int:
    code ^= 0x55
    exponent, size = code >> 4 & 7, (code & 0x0F) << 4
    size = size + 8 if exponent == 0 else size + 0x108 << (exponent - 1)
    return size if code & 0x80 else -size


_MU_LAW = [_from_mu_law(code).to_bytes(2, "little", signed=True) for code in range(256)]
_A_LAW = [_from_a_law(code).to_bytes(2, "little", signed=True) for code in range(256)]
