"""Which STUN of a stranger is looked at (RFC 8489, RFC 8445). Pure, and cheap: a few microseconds.

Whoever knows a port can send to it. What is read whole, checked and answered costs twenty times as
much as what is seen here to be nobody's.
"""

from __future__ import annotations

from collections.abc import Container
from struct import Struct

HEADER_BYTES = 20
COOKIE = 0x2112A442
REQUEST, ANSWER, REFUSAL = 0x0001, 0x0101, 0x0111  # of the method Binding
USERNAME = 0x0006
ATTRIBUTES = 16  # among which USERNAME must be; browsers put it first
_HEADER, _ATTRIBUTE = Struct("!HHI"), Struct("!HH")


def may_be_stun(data: bytes) -> bool:
    """Tell whether a datagram is STUN, if it is anything (RFC 7983)."""
    return bool(data) and data[0] <= 3


def is_worth_reading(data: bytes, username: bytes, asked: Container[bytes]) -> bool:
    """Tell whether STUN is a check meant for us, or the answer to one of ours.

    `username` is what a check's USERNAME begins with: our fragment and a colon. `asked` holds the
    transaction ids of our open requests. That a check has the password is for others to see.
    """
    if len(data) < HEADER_BYTES:
        return False
    kind, length, cookie = _HEADER.unpack_from(data)
    if cookie != COOKIE or length != len(data) - HEADER_BYTES or length & 3:
        return False
    if kind == REQUEST:
        return username in data and _username(data).startswith(username)
    return kind in (ANSWER, REFUSAL) and data[8:HEADER_BYTES] in asked


def _username(data: bytes) -> bytes:
    """Return the first USERNAME among the first attributes, empty without one."""
    at, size = HEADER_BYTES, len(data)
    for _ in range(ATTRIBUTES):
        if at + 4 > size:
            break
        kind, length = _ATTRIBUTE.unpack_from(data, at)
        at += 4
        if kind == USERNAME:
            return data[at : at + length] if at + length <= size else b""
        at += length + (-length & 3)
    return b""
