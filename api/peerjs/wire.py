"""What the broker itself says and is told, beside the frames of peers. Pure."""

from __future__ import annotations

import msgspec

from actors.signalling.frames import text

DIALECT = "peerjs"
OPEN = b'{"type":"OPEN"}'


def expired(missing: str, sender: str) -> bytes:
    """Return the frame that tells a sender that nobody came."""
    return b'{"type":"EXPIRE","src":%b,"dst":%b}' % (text(missing), text(sender))


def error(message: str, kind: str = "ERROR") -> bytes:
    """Return the frame that comes before the end of a connection that is refused."""
    return msgspec.json.encode({"type": kind, "payload": {"msg": message}})
