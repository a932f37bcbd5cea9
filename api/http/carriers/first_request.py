"""The first request of a connection: how much of it is here, and is it a websocket's?

Pure functions over bytes, and the few answers we give without any HTTP server behind us. The bytes
read so far go on unchanged to whoever speaks next, the lane or Hypercorn.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import unquote

from websockets.exceptions import InvalidMessage
from websockets.http11 import Request
from websockets.server import ServerProtocol

from api.http.carriers.targets import ABSOLUTE, origin_form
from api.http.carriers.upgrades import merge_headers
from api.http.sockets import Rejection

HEAD_END = re.compile(rb"\n\r?\n")
_METHOD_START = re.compile(rb"[A-Z\r\n]")
_GET = re.compile(rb"GET (?:/|" + ABSOLUTE.encode() + rb")")
_UPGRADE = re.compile(rb"^upgrade:[ \t]*websocket[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


def head_length(buffer: bytes, start: int = 0) -> int:
    """Return the length of the request head with its blank line, or -1 while it is not whole.

    `start` is where to go on looking (a few bytes before what was searched already).
    """
    found = HEAD_END.search(buffer, max(0, start))
    return found.end() if found else -1


def is_http(buffer: bytes) -> bool:
    """Tell whether these first bytes can begin an HTTP request at all (TLS and garbage cannot)."""
    return _METHOD_START.match(buffer) is not None


class UpgradeRequest:
    """A GET that asks for a websocket, checked by RFC 6455.

    `target` is the path with the query, as sent; header names are lower case. Where a whole URL was
    asked for, its host is the Host. `invalid` says what is wrong with the handshake, None for a
    good one.
    """

    __slots__ = ("_response", "headers", "invalid", "target")

    def __init__(self, request: Request, protocol: ServerProtocol) -> None:
        host, self.target = origin_form(request.path)
        self.headers = merge_headers(request.headers.raw_items())
        if host:
            self.headers["host"] = host
        self._response = protocol.accept(request)
        self.invalid: Rejection | None = None
        if self._response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            error = type(protocol.handshake_exc).__name__
            self.invalid = Rejection(self._response.status_code, f"handshake: {error}")

    @property
    def path(self) -> str:
        """The path, percent-decoded, without the query."""
        return unquote(self.target.partition("?")[0])

    def granted(self, subprotocol: str | None) -> bytes:
        """Return the answer that makes this connection a websocket."""
        if subprotocol is not None:
            self._response.headers["Sec-WebSocket-Protocol"] = subprotocol
        return self._response.serialize()


MALFORMED = Rejection(400, "handshake: no valid HTTP request", b"400 Bad Request\n")


def read_upgrade_request(head: bytes) -> UpgradeRequest | Rejection | None:
    """Parse a head that asks for a websocket; None for every other request.

    MALFORMED is one that is wrong as HTTP, or has a body: Hypercorn, for one, stumbles over it.
    One that is only longer than this parser takes (a large cookie) is left to Hypercorn.
    """
    if _GET.match(head) is None or _UPGRADE.search(head) is None:
        return None
    protocol = ServerProtocol()
    protocol.receive_data(head)
    events = protocol.events_received()
    if len(events) != 1 or not isinstance(events[0], Request):
        return MALFORMED if isinstance(protocol.handshake_exc, InvalidMessage) else None
    return UpgradeRequest(events[0], protocol)


def answer(
    status: int, body: bytes = b"", content_type: str = "text/plain; charset=utf-8"
) -> bytes:
    """Build a whole HTTP/1.1 answer that closes the connection."""
    phrase = HTTPStatus(status).phrase
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
    ]
    if body:
        lines.append(f"Content-Type: {content_type}")
    if status == HTTPStatus.UPGRADE_REQUIRED:
        lines += ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
