"""What a broker of PeerJS elsewhere is asked, and what it means that it says. Pure.

Fact sheet section 5. npm `peer` 1.0.2 says nothing at all to who comes back by the same id and
token while it still has him on its list; who may not come in is told why, and closed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from actors.device.events import Trouble
from actors.device.line import (
    LineDown,
    LineEvent,
    LineFrame,
    LineRefused,
    LineUnreached,
    LineUp,
)
from actors.signalling.frames import RELAYED, PeerFrame, decode, is_id

VERSION = "1.5.5"  # of the npm peerjs whose clients we speak like
FRAME_BYTES = 1_048_576
HEARTBEAT = '{"type":"HEARTBEAT"}'

_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_PORTS = {"ws": 80, "wss": 443}
_FINAL = {"Invalid key provided": Trouble.INVALID_KEY, "Invalid id provided": Trouble.INVALID_ID}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a peer finds its broker. `resource` holds its key and token."""

    host: str
    port: int
    secure: bool
    resource: str = field(repr=False)

    @property
    def named(self) -> str:
        """The header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            host if self.port == _PORTS["wss" if self.secure else "ws"] else f"{host}:{self.port}"
        )


def broker_address(url: str, key: str, id: str, token: str) -> BrokerAddress:
    """Build the address of a peer's websocket below `url`, as published clients do.

    `url` is "wss://host/path" or "ws://…", with or without a slash at its end. Raises ValueError
    for anything else.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("begins with neither ws:// nor wss://")
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError:
        host = ""
    if not url.isprintable() or " " in url:
        raise ValueError("cannot be written as it is")
    if not _HOST.fullmatch(host):
        raise ValueError("names no host")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("holds more than a host and a path")
    port = parts.port or _PORTS[parts.scheme]  # raises ValueError, too
    path = quote(parts.path.rstrip("/"), safe="/%")
    query = "&".join(
        f"{name}={quote(value, safe='')}"
        for name, value in (("key", key), ("id", id), ("token", token), ("version", VERSION))
    )
    return BrokerAddress(host, port, parts.scheme == "wss", f"{path}/peerjs?{query}")


class _Told(Struct):
    msg: str = ""


_TOLD = msgspec.json.Decoder(_Told)


def meaning(message: str | bytes) -> LineEvent | None:
    """Tell what it means to a peer that its broker says this; None for nothing.

    LineUp is what "OPEN" means; a LineDown or LineRefused ends the connection.
    """
    if isinstance(message, bytes):
        return None
    try:
        raw = message.encode()
    except UnicodeEncodeError:
        return None
    frame = decode(raw) if len(raw) <= FRAME_BYTES else None
    if frame is None:
        return None
    if frame.type in RELAYED:
        return LineFrame(raw) if _is_peer(frame.src) else None
    match frame.type:
        case "OPEN":
            return LineUp()
        case "EXPIRE" if frame.src is not None and is_id(frame.src):
            return LineUnreached(frame.src)
        case "ID-TAKEN":
            return LineRefused(Trouble.UNAVAILABLE_ID)
        case "ERROR":
            final = _FINAL.get(_words(frame))
            return LineRefused(final) if final else LineDown(Trouble.SERVER_ERROR)
    return None


def _is_peer(src: str | None) -> bool:
    return src is not None and is_id(src)


def _words(frame: PeerFrame) -> str:
    try:
        return _TOLD.decode(frame.payload).msg if frame.payload else ""
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return ""
