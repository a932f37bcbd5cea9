"""G.711 audio (ITU-T), expanded to what containers take: 16-bit little-endian samples."""

from __future__ import annotations

from collections.abc import Callable


def expand_mu_law(payload: bytes) -> bytes:
    """Return two bytes for each of µ-law."""
    return _expand(payload, _MU_LAW)


def expand_a_law(payload: bytes) -> bytes:
    """Return two bytes for each of A-law."""
    return _expand(payload, _A_LAW)


def _from_mu_law(code: int) -> int:
    code = ~code & 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -size if code & 0x80 else size


def _from_a_law(code: int) -> int:
    code ^= 0x55
    exponent, size = code >> 4 & 7, (code & 0x0F) << 4
    size = size + 8 if exponent == 0 else size + 0x108 << (exponent - 1)
    return size if code & 0x80 else -size


def _tables(law: Callable[[int], int]) -> tuple[bytes, bytes]:
    """Return the low and the high bytes of all codes."""
    values = [law(code) & 0xFFFF for code in range(256)]
    return bytes(value & 0xFF for value in values), bytes(value >> 8 for value in values)


def _expand(payload: bytes, tables: tuple[bytes, bytes]) -> bytes:
    low, high = tables
    samples = bytearray(2 * len(payload))
    samples[::2] = payload.translate(low)
    samples[1::2] = payload.translate(high)
    return bytes(samples)


_MU_LAW, _A_LAW = _tables(_from_mu_law), _tables(_from_a_law)
