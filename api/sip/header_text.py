"""The text of SIP headers: lists, parameters and addresses (RFC 3261 sections 7.3, 20 and 25).

Everything here takes one pass over its text, so that no header costs more than its length, and
keeps values as they stand: what is copied into an answer must not change on its way. Values are
unfolded already, with white space made single.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipmessage import URI

VIA = re.compile(
    r"SIP ?/ ?2\.0 ?/ ?(?P<transport>[\w.!%*+`'~-]+) "
    r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]) ?(?:: ?(?P<port>[0-9]{1,5}) ?)?(?=;|$)",
    re.IGNORECASE | re.ASCII,
)
CSEQ = re.compile(r"([0-9]{1,10}) ([A-Za-z0-9.!%*_+`'~-]+)")
# The patterns of sipmessage for URIs take time by the square of their length.
MOST_URI = 1024
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?=.)")


def pieces(value: str, separator: str) -> list[str]:
    """Return what stands between separators outside quotes and angle brackets.

    Raises ValueError for a quote or bracket that is never closed.
    """
    found = []
    start = 0
    quoted = bracketed = escaped = False
    for at, character in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            if character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character == "<":
            if bracketed:
                raise ValueError("one bracket in another")
            bracketed = True
        elif character == ">":
            if not bracketed:
                raise ValueError("a bracket closed that was not open")
            bracketed = False
        elif character == separator and not bracketed:
            found.append(value[start:at].strip())
            start = at + 1
    if quoted or bracketed:
        raise ValueError("a quote or bracket is not closed")
    return [*found, value[start:].strip()]


def parameters_of(parts: list[str]) -> dict[str, str | None]:
    """Return parameters by their names in lower case; of two with one name the first.

    Quotes are taken off. Raises ValueError for a parameter without a name.
    """
    found: dict[str, str | None] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not name:
            raise ValueError("a parameter has no name")
        found.setdefault(name, unquoted(value.strip()) if equals else None)
    return found


def unquoted(value: str) -> str:
    """Return a value without the quotes around it, and without the backslashes in them."""
    if len(value) >= 2 and value[0] == '"' == value[-1]:
        return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
    return value


@dataclass(frozen=True, slots=True)
class AddressText:
    """What From, To, Contact, Route have: `uri` as it stands, without brackets."""

    uri: str
    name: str
    parameters: dict[str, str | None]


def read_address(value: str) -> AddressText:
    """Read a name-addr or addr-spec with its parameters; ValueError for anything else."""
    first, *rest = pieces(value, ";")
    if "<" in _outside_quotes(first):
        name, uri, after = _split_brackets(first)
        if after or uri != uri.strip() or " " in uri:
            raise ValueError("no address")
        if not (name.startswith('"') and name.endswith('"')) and set(name) & set('",'):
            raise ValueError("the name of an address needs quotes")
    else:
        # Without brackets, a question mark or comma would not be part of the URI (20.10).
        name, uri = "", first
        if set(uri) & set(' ?,"'):
            raise ValueError("an address needs brackets")
    if SCHEME.match(uri) is None:
        raise ValueError("an address has no scheme")
    return AddressText(uri, unquoted(name), parameters_of(rest))


def _outside_quotes(value: str) -> str:
    return re.sub(r'"(?:[^"\\]|\\.)*"', "", value, flags=re.DOTALL)


def _split_brackets(value: str) -> tuple[str, str, str]:
    """Return the name, the URI and what follows, of a value with one pair of brackets."""
    # A "<" in the quoted name is none of the bracket; within brackets there is no quote.
    opening = value.rindex("<")
    closing = value.index(">", opening)
    return value[:opening].strip(), value[opening + 1 : closing], value[closing + 1 :].strip()


@dataclass(frozen=True, slots=True)
class ViaText:
    """One Via: `sent_by` is host and port as they stand, in lower case."""

    transport: str
    host: str
    port: int | None
    parameters: dict[str, str | None]

    @property
    def sent_by(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def read_via(value: str) -> ViaText:
    """Read one Via; raises ValueError."""
    first, *rest = pieces(value, ";")
    match = VIA.fullmatch(first)
    if match is None:
        raise ValueError("no Via")
    port = match["port"]
    if port is not None and int(port) > 65_535:
        raise ValueError("no port")
    return ViaText(
        match["transport"].upper(),
        match["host"].lower(),
        None if port is None else int(port),
        parameters_of(rest),
    )


def with_received(value: str, host: str, port: int) -> str:
    """Return a Via that says from where its request came (RFC 3261 18.2.1, RFC 3581 section 4).

    `received` is added where the sender asks for `rport` or names itself differently. Raises
    ValueError.
    """
    via = read_via(value)
    first, *rest = pieces(value, ";")
    names = [part.partition("=")[0].strip().lower() for part in rest]
    kept = [part for name, part in zip(names, rest, strict=True) if name != "received"]
    asked = "rport" in names
    if asked:
        kept = [
            f"rport={port}" if part.partition("=")[0].strip().lower() == "rport" else part
            for part in kept
        ]
    if asked or via.host.strip("[]") != host.lower():
        kept.append(f"received={host}")
    return ";".join([first, *kept])


def read_uri(text: str) -> URI:
    """Return a SIP, SIPS or TEL URI, without headers ("?…"). Raises ValueError."""
    scheme, _, rest = text.partition(":")
    if len(text) > MOST_URI or "\n" in text or "\r" in text:
        raise ValueError("no URI that we take")
    try:
        uri = URI.parse(f"{scheme.lower()}:{rest}")
    except TypeError:  # a parameter with the name of an argument of sipmessage
        raise ValueError("a parameter of a name that is not taken") from None
    if uri.port is not None and uri.port > 65_535:
        raise ValueError("no port")
    return uri
