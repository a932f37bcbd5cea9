"""Values of headers, read without ever raising, and requests that are written again."""

from __future__ import annotations

import re

from sipmessage import URI, Address, Request, Response

Either = Request | Response
LONGEST_WORDS = 200  # characters of what a peer says that are told on
HIGHEST_SEQUENCE = 2**31 - 1  # RFC 3261, section 8.1.1.5
_NUMBER = re.compile(r"[0-9]{1,10}(?![0-9])", re.ASCII)


def cleaned(text: str, most: int = LONGEST_WORDS) -> str:
    """Return what of a peer's text is printable ASCII, `most` characters of it."""
    return "".join(sign for sign in text[: 4 * most] if " " <= sign <= "~").strip()[:most]


def addresses(message: Either, name: str) -> list[Address] | None:
    """Return all addresses of a header, in order; None if one of them is none."""
    found: list[Address] = []
    for value in message.headers.getlist(name):
        try:
            found += Address.parse_many(value)
        except (ValueError, TypeError):  # a parameter called "self" is a TypeError
            return None
    return found


def address(message: Either, name: str) -> Address | None:
    """Return the first address of a header."""
    return next(iter(addresses(message, name) or ()), None)


def tag(message: Either, name: str) -> str:
    """Return the tag of From or To; "" without one."""
    named = address(message, name)
    return (named.parameters.get("tag") or "") if named else ""


def uri(text: str) -> URI | None:
    """Return a URI as it is written; None for one that is none."""
    try:
        return URI.parse(text)
    except (ValueError, TypeError):
        return None


def without_secrets(named: URI) -> str:
    """Return scheme, user, host and port of a URI: no password, no parameters."""
    return cleaned(str(URI(named.scheme, named.host, named.user, port=named.port)))


def tokens(message: Either, name: str) -> list[str]:
    """Return the words of a header that is a list, in lower case."""
    listed = ",".join(message.headers.getlist(name))
    return [word.strip().lower() for word in listed.split(",") if word.strip()]


def number(message: Either, name: str) -> int | None:
    """Return the number a header begins with; None without one, or for an absurd one."""
    found = _NUMBER.match((message.headers.get(name) or "").strip())
    return int(found[0]) if found else None


def parameter(message: Either, name: str, key: str) -> str:
    """Return a parameter of a header's first value in lower case; "" without it."""
    for part in (message.headers.get(name) or "").split(";")[1:]:
        word, _, value = part.partition("=")
        if word.strip().lower() == key:
            return value.strip().strip('"').lower()
    return ""


def sequence(message: Either) -> tuple[int, str]:
    """Return number and method of CSeq; (-1, "") for one that is none."""
    figure, _, method = (message.headers.get("CSeq") or "").strip().partition(" ")
    if not _NUMBER.fullmatch(figure) or int(figure) > HIGHEST_SEQUENCE:
        return -1, ""
    return int(figure), method.strip()


def media_type(message: Either) -> str:
    """Return type and subtype of the body, in lower case; "" without a Content-Type."""
    return (message.headers.get("Content-Type") or "").partition(";")[0].strip().lower()


def call_id(message: Either) -> str:
    return message.headers.get("Call-ID") or ""


def written_again(request: Request, number: int) -> Request:
    """Return a copy without Via and credentials, with that number in its CSeq."""
    again = Request(request.method, request.uri, request.body)
    for name in request.headers.keys():  # noqa: SIM118 - Headers is no dictionary
        if name.lower() not in ("via", "authorization", "proxy-authorization"):
            again.headers.setlist(name, list(request.headers.getlist(name)))
    again.headers.set("CSeq", f"{number} {request.method}")
    return again


def put_body(message: Either, body: bytes, kind: str = "application/sdp") -> None:
    message.body = body
    if body:
        message.headers.set("Content-Type", kind)
    message.headers.set("Content-Length", str(len(body)))
