"""The frames by which peers signal to each other, as PeerJS has them. Pure.

All are JSON text: `{"type", "src", "dst", "payload"}`, of which a client leaves out `src` (fact
sheet section 5). Whoever is a peer, a browser or a device, gets them as the body of `Signalled`.
What is in a `payload` is between the peers: it is passed on as the text it came as, unread.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

ID_BYTES = 256
NOTHING = Raw(b"")

LEAVE = "LEAVE"
EXPIRE = "EXPIRE"  # what was signalled to `src` is not taken there
CALLING = frozenset({"OFFER", "ANSWER", "CANDIDATE"})
"""What waits for a peer that is absent."""

RELAYED = {kind: kind.encode() for kind in (*CALLING, LEAVE)}
"""What peers may say to each other."""


class PeerFrame(Struct):
    """A frame. `src` is empty in those of a client, `dst` and `payload` where there is none."""

    type: str
    src: str | None = None
    dst: str | None = None
    payload: Raw = NOTHING


_DECODER = msgspec.json.Decoder(PeerFrame)


def decode(frame: bytes) -> PeerFrame | None:
    """Read a frame; None for what is none, however broken or deep."""
    try:
        return _DECODER.decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def relayed(kind: str, src: bytes, dst: str, payload: Raw) -> bytes:
    """Return a frame as the other peer gets it; `src` is JSON already."""
    start = b'{"type":"%b","src":%b,"dst":%b' % (RELAYED[kind], src, text(dst))
    return b'%b,"payload":%b}' % (start, payload) if payload else start + b"}"


def refusal(dst: str) -> bytes:
    """Return the frame by which a client says that it does not take what `dst` has offered."""
    return b'{"type":"%b","dst":%b}' % (EXPIRE.encode(), text(dst))


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
