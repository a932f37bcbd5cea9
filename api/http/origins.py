"""Which web pages may talk to us: the Origin check of browsers' websockets and requests.

A program that is no browser sends no Origin, or whichever it likes; this check protects the users
of browsers from foreign pages, and nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_OF_A_PAGE = {"ws": "http", "wss": "https"}  # some apps name the websocket that they open


def origin_refusal(
    origin: str | None, host: str, secure: bool, public_url: str, allowed: Sequence[str]
) -> str | None:
    """Return None where `origin` is welcome, else the reason for the log.

    Welcome are: no Origin at all; the origin of `public_url`, or without one the request's own
    (`host` is its Host header); those in `allowed`, where "*" welcomes any. "null" (a sandboxed
    frame, a local file) is refused unless any is welcome.
    """
    if origin is None or "*" in allowed:
        return None
    if origin.strip().lower() == "null":
        return "origin is null"
    given = _normal(origin)
    if given is None:
        return "origin is malformed"
    own = public_url or f"{'https' if secure else 'http'}://{host}"
    if given == _normal(own, path=True) or given in map(_normal, allowed):
        return None
    return f"origin {_text(given)} is not welcome here"


def host_of(origin: str) -> str | None:
    """Return the host of an Origin in lower case, without port and brackets; None if it has none.

    That is so for "null" (a sandboxed frame, a local file) and for what is malformed.
    """
    given = _normal(origin)
    return given[1] if given else None


def _normal(origin: str, *, path: bool = False) -> tuple[str, str, int | None] | None:
    """Return (scheme, host, port) in lower case with the port always given; None if malformed."""
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        return None
    extra = parts.query or parts.fragment or "@" in parts.netloc or (parts.path and not path)
    if not parts.scheme or not parts.hostname or extra:
        return None
    scheme = _OF_A_PAGE.get(parts.scheme, parts.scheme)
    if port is None:
        port = _DEFAULT_PORTS.get(scheme)
    return scheme, parts.hostname, port


def _text(origin: tuple[str, str, int | None]) -> str:
    scheme, host, port = origin
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS.get(scheme) else f":{port}")
