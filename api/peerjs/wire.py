"""The frames of PeerJS as published clients and servers have them. Pure.

All are JSON text: `{"type", "src", "dst", "payload"}`, of which a client leaves out `src` (fact
sheet section 5). What is in a `payload` is between the clients: it is passed on as the text it came
as, unread.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

DIALECT = "peerjs"
ID_BYTES = 256
NOTHING = Raw(b"")

HEARTBEAT = "HEARTBEAT"
LEAVE = "LEAVE"
CALLING = frozenset({"OFFER", "ANSWER", "CANDIDATE"})
"""What waits for a peer that is absent."""

RELAYED = {kind: kind.encode() for kind in (*CALLING, LEAVE)}
"""What clients may say to each other."""

OPEN = b'{"type":"OPEN"}'


class PeerFrame(Struct):
    """A frame of a client. `dst` is empty where there is none, `payload` where there is none."""

    type: str
    dst: str | None = None
    payload: Raw = NOTHING


_DECODER = msgspec.json.Decoder(PeerFrame)


def decode(frame: bytes) -> PeerFrame | None:
    """Read a client's frame; None for what is none, however broken or deep."""
    try:
        return _DECODER.decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def relayed(kind: str, src: bytes, dst: str, payload: Raw) -> bytes:
    """Return a frame as the other client gets it; `src` is JSON already."""
    start = b'{"type":"%b","src":%b,"dst":%b' % (RELAYED[kind], src, text(dst))
    return b'%b,"payload":%b}' % (start, payload) if payload else start + b"}"


def expired(missing: str, sender: str) -> bytes:
    """Return the frame that tells a sender that nobody came."""
    return b'{"type":"EXPIRE","src":%b,"dst":%b}' % (text(missing), text(sender))


def error(message: str, kind: str = "ERROR") -> bytes:
    """Return the frame that comes before the end of a connection that is refused."""
    return msgspec.json.encode({"type": kind, "payload": {"msg": message}})


def text(value: str) -> bytes:
    """Return a text as JSON."""
    return msgspec.json.encode(value)


def is_id(value: str) -> bool:
    """Tell whether somebody may be called that.

    Up to ID_BYTES of UTF-8 that can be printed, no space at either end, and nothing that could not
    be decoded. Published clients make narrower ones: letters, digits, and `-`, `_` or a space
    between.
    """
    return (
        value.isprintable()
        and value.strip() == value
        and "\ufffd" not in value
        and 0 < len(value.encode()) <= ID_BYTES
    )
