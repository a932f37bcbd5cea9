"""What is told on of a peer's words, and requests that are written again."""

from __future__ import annotations

from sipmessage import URI, Request, Response

LONGEST_WORDS = 200  # characters of what a peer says that are told on


def cleaned(text: str, most: int = LONGEST_WORDS) -> str:
    """Return what of a peer's text is printable ASCII, `most` characters of it."""
    return "".join(sign for sign in text[: 4 * most] if " " <= sign <= "~").strip()[:most]


def without_secrets(named: URI) -> str:
    """Return scheme, user, host and port of a URI: no password, no parameters."""
    return cleaned(str(URI(named.scheme, named.host, named.user, port=named.port)))


def written_again(request: Request, number: int) -> Request:
    """Return a copy without Via and credentials, with that number in its CSeq."""
    again = Request(request.method, request.uri, request.body)
    for name in request.headers.keys():  # noqa: SIM118 - no dict
        if name.lower() not in ("via", "authorization", "proxy-authorization"):
            again.headers.setlist(name, list(request.headers.getlist(name)))
    again.headers.set("CSeq", f"{number} {request.method}")
    return again


def put_description(message: Request | Response, body: bytes) -> None:
    message.body = body
    message.headers.set("Content-Type", "application/sdp")
