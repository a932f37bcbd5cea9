"""What is read of a SIP message's headers. Nothing here raises; names are taken in any case."""

from __future__ import annotations

import re

from sipmessage import Address, CSeq, Parameters, Request, Response

from api.sip.header_text import (
    CSEQ,
    ViaText,
    pieces,
    read_address,
    read_uri,
    read_via,
    unquoted,
)

Message = Request | Response


def header(message: Message, name: str) -> str:
    """Return the first value of a header; "" without it."""
    return message.headers.get(name) or ""


def header_list(message: Message, name: str) -> list[str]:
    """Return all values of a header, of lists each of theirs, without empty ones."""
    found = []
    for value in message.headers.getlist(name):
        try:
            found += pieces(value, ",")
        except ValueError:
            found.append(value)
    return [value for value in found if value]


def tokens(message: Message, name: str) -> list[str]:
    """Return the values of a header like Supported, in lower case and without parameters."""
    return [value.partition(";")[0].strip().lower() for value in header_list(message, name)]


def number(message: Message, name: str) -> int | None:
    """Return a header like Expires or Session-Expires, up to 2**32 - 1, without parameters."""
    text = header(message, name).partition(";")[0].strip()
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) >= 2**32:
        return None
    return int(text)


def parameter(value: str, name: str) -> str | None:
    """Return a parameter of a header's value, without quotes; "" for one that has no value.

    Those within the angle brackets of an address belong to its URI and are not seen.
    """
    try:
        parts = pieces(value, ";")[1:]
    except ValueError:
        return None
    for part in parts:
        found, _, text = part.partition("=")
        if found.strip().lower() == name.lower():
            return unquoted(text.strip())
    return None


def address(message: Message, name: str) -> Address | None:
    """Return the first address of From, To, Contact, Refer-To and such; None if it is none that
    sipmessage knows. To be read only: for what is sent, copy `header` or `address_text`.

    Headers of its URI ("?…") are left out.
    """
    values = header_list(message, name)
    try:
        read = read_address(values[0])
        uri = read_uri(read.uri.partition("?")[0])
        return Address(uri, read.name, Parameters().replace(**read.parameters))
    except (IndexError, TypeError, ValueError):
        return None


def address_text(message: Message, name: str) -> str:
    """Return the URI of the first address as it stands, without brackets; "" without one."""
    values = header_list(message, name)
    try:
        return read_address(values[0]).uri
    except (IndexError, ValueError):
        return ""


def tag(message: Message, name: str) -> str:
    """Return the tag of From or To as it stands; "" without one."""
    return parameter(header(message, name), "tag") or ""


def cseq(message: Message) -> CSeq:
    """Return the CSeq; number 0 of no method where there is none."""
    match = CSEQ.fullmatch(header(message, "CSeq"))
    return CSeq(int(match[1]), match[2]) if match else CSeq(0, "")


def call_id(message: Message) -> str:
    """Return the Call-ID; "" without."""
    return header(message, "Call-ID")


def content_type(message: Message) -> str:
    """Return the type of the body in lower case, without parameters; "" without one."""
    kind, _, sub = header(message, "Content-Type").partition(";")[0].partition("/")
    return f"{kind.strip()}/{sub.strip()}".lower() if sub else ""


def top_via(message: Message) -> ViaText | None:
    """Return the first Via; None if it cannot be read."""
    values = message.headers.getlist("Via")
    try:
        return read_via(values[0])
    except (IndexError, ValueError):
        return None


def credentials(value: str) -> tuple[str, dict[str, str]] | None:
    """Return the scheme, in lower case, and the parameters of an Authorization, WWW-Authenticate
    or a header like them; None for what is none.

    Names are in lower case, values without quotes. Instead of what sipmessage has for it: that
    takes time without end for some values, and refuses a comma within quotes (`qop="auth,x"`).
    """
    scheme, _, rest = value.strip().partition(" ")
    try:
        parts = [part.partition("=") for part in pieces(rest, ",")]
    except ValueError:
        return None
    found: dict[str, str] = {}
    for name, equals, text in parts:
        key = name.strip().lower()
        if not equals or not key or key in found:
            return None
        found[key] = unquoted(text.strip())
    return scheme.lower(), found
