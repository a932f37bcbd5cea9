"""Read and write SIP messages (RFC 3261 section 7): `sipmessage`, and what it leaves open.

`parse` takes the bytes of one message, from a datagram or from `framing`, and returns it with its
headers unfolded, under their full names; what does not hold together is refused with the status
for its sender. What is read of headers afterwards is in `headers`.

Values are kept as they stand. Addresses and Vias are to be copied as text into what is sent:
`sipmessage` percent-encodes parameters when it writes them, and a tag "a*b" would come back as
another one.
"""

from __future__ import annotations

import re

from sipmessage import URI, Headers, Request, Response
from sipmessage.message import COMPACT_FORMS

from api.sip.header_text import CSEQ, pieces, read_address, read_uri, read_via, with_received
from api.sip.headers import (
    Message,
    address,
    address_text,
    call_id,
    content_type,
    credentials,
    cseq,
    header,
    header_list,
    number,
    parameter,
    tag,
    tokens,
    top_via,
)
from api.sip.reasons import REASONS

__all__ = [
    "BadMessage", "Message", "address", "address_text", "call_id", "content_type",
    "credentials", "cseq", "encode", "header", "header_list", "mark_received", "number",
    "parameter", "parse", "response_to", "tag", "tokens", "top_via", "with_tag",
]  # fmt: skip

MOST_BYTES = 65_536  # of a message
MOST_HEAD = 16_384  # of its start line and headers
MOST_LINES = 256
MOST_LINE = 8192
MOST_VIAS = 64
MOST_METHOD = 64
MOST_CALL_ID = 1024

TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+", re.IGNORECASE)
STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?", re.IGNORECASE | re.DOTALL)
WHITE = re.compile(r"[ \t]+")
SCHEMES = ("sip", "sips", "tel")
NEEDED = ("Via", "From", "To", "Call-ID", "CSeq")
ONCE = (
    "From", "To", "Call-ID", "CSeq", "Content-Length", "Content-Type", "Max-Forwards", "Expires",
)  # fmt: skip
LISTS = ("Via", "Route", "Record-Route", "Contact")
UNREADABLE = URI("sip", "unreadable.invalid")


class BadMessage(Exception):
    """No SIP message that we take. `status` and `words` are for its sender; `answerable` is the
    request as far as it was understood, if a response to it can find its way."""

    def __init__(self, status: int, words: str, answerable: Request | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.answerable = answerable


def parse(data: bytes) -> Message:
    """Return the message; of a datagram, what follows its Content-Length is cut off.

    Via, Route, Record-Route and Contact have one value each time, lists are split. Raises
    BadMessage: 400, 416 for a Request-URI of an unknown scheme, 505, and 513 for sizes that are
    not taken.
    """
    if len(data) > MOST_BYTES:
        raise BadMessage(513, "Message Too Large")
    head, blank, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        raise BadMessage(400, "No End of Headers")
    if len(head) > MOST_HEAD:
        raise BadMessage(513, "Message Too Large")
    try:
        text = head.decode()
    except UnicodeDecodeError:
        raise BadMessage(400, "Not UTF-8") from None
    start, *lines = text.split("\r\n")
    headers, trouble = _headers(lines)
    message, wrong = _start(start)
    message.headers = headers
    trouble = wrong or trouble or _headers_trouble(message) or _length_trouble(headers, body)
    if trouble is not None:
        raise BadMessage(*trouble, _answerable(message))
    length = headers.get("Content-Length")
    message.body = body if length is None else body[: int(length)]
    return message


Trouble = tuple[int, str]


def _start(line: str) -> tuple[Message, Trouble | None]:
    """Return a message without headers; of a request that is refused, what can be said of it.

    Raises BadMessage for what is no start line.
    """
    if match := STATUS_LINE.fullmatch(line):
        phrase = match[2] or ""
        trouble = (400, "Bad Start Line") if set(phrase) & set("\r\n") else None
        return Response(int(match[1]), phrase), trouble
    method, _, rest = line.partition(" ")
    uri, _, version = rest.rpartition(" ")
    if not TOKEN.fullmatch(method) or len(method) > MOST_METHOD or not VERSION.fullmatch(version):
        raise BadMessage(400, "Bad Start Line")
    if version.upper() != "SIP/2.0":
        return Request(method, UNREADABLE), (505, REASONS[505])
    try:
        return Request(method, read_uri(uri)), None
    except ValueError:
        scheme, colon, _ = uri.partition(":")
        other = colon and TOKEN.fullmatch(scheme) and scheme.lower() not in SCHEMES
        return Request(method, UNREADABLE), (
            (416, REASONS[416]) if other else (400, "Bad Request-URI")
        )


def _headers(lines: list[str]) -> tuple[Headers, Trouble | None]:
    """Return the headers that can be read, and what is wrong with the others."""
    headers = Headers()
    trouble: Trouble | None = None
    if len(lines) > MOST_LINES:
        raise BadMessage(513, "Too Many Headers")
    unfolded: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and unfolded:
            unfolded[-1] += f" {line.strip()}"
        else:
            unfolded.append(line)
    for line in unfolded:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not TOKEN.fullmatch(name) or "\n" in line or "\r" in line:
            trouble = trouble or (400, "Bad Header Line")
            continue
        if len(line) > MOST_LINE:
            trouble = trouble or (513, "Header Too Long")
            continue
        name = COMPACT_FORMS.get(name.lower(), name)
        value = WHITE.sub(" ", value).strip()
        try:
            values = pieces(value, ",") if _is_list(name) else [value]
        except ValueError:
            values = [value]  # refused below, where it is one of those that matter
        for each in values:
            headers.add(name, each)
    return headers, trouble


def _is_list(name: str) -> bool:
    return name.lower() in {each.lower() for each in LISTS}


def _headers_trouble(message: Message) -> Trouble | None:
    headers = message.headers
    for name in NEEDED:
        if not headers.get(name):
            return 400, f"Missing {name}"
    for name in ONCE:
        if len(headers.getlist(name)) > 1:
            return 400, f"More Than One {name}"
    if len(headers.getlist("Via")) > MOST_VIAS:
        return 400, "Too Many Vias"
    return _values_trouble(message)


def _values_trouble(message: Message) -> Trouble | None:
    headers = message.headers
    for name, read in (
        ("Via", read_via),
        ("From", read_address),
        ("To", read_address),
        ("Contact", read_contact),
        ("Route", read_address),
        ("Record-Route", read_address),
    ):
        try:
            for value in headers.getlist(name):
                read(value)
        except ValueError:
            return 400, f"Bad {name}"
    call_id = headers["Call-ID"]
    if " " in call_id or len(call_id) > MOST_CALL_ID:
        return 400, "Bad Call-ID"
    match = CSEQ.fullmatch(headers["CSeq"])
    # RFC 3261 8.1.1.5: less than 2**31.
    if match is None or int(match[1]) >= 2**31:
        return 400, "Bad CSeq"
    if isinstance(message, Request) and match[2] != message.method:
        return 400, "CSeq Of Another Method"
    forwards = headers.get("Max-Forwards")
    if forwards is not None and not (re.fullmatch("[0-9]{1,10}", forwards) and int(forwards) < 256):
        return 400, "Bad Max-Forwards"
    return None


def read_contact(value: str) -> object:
    """Read a Contact, or the "*" that takes all registrations back. Raises ValueError."""
    return None if value == "*" else read_address(value)


def _length_trouble(headers: Headers, body: bytes) -> Trouble | None:
    length = headers.get("Content-Length")
    if length is not None and not re.fullmatch("[0-9]{1,9}", length):
        return 400, "Bad Content-Length"
    if length is not None and int(length) > len(body):
        return 400, "Content-Length Beyond the End"
    return None


def _answerable(message: Message) -> Request | None:
    """Return a request that can be answered: no ACK, with all that an answer copies."""
    headers = message.headers
    if not isinstance(message, Request) or message.method == "ACK":
        return None
    if not all(headers.get(name) for name in NEEDED) or len(headers.getlist("Via")) > MOST_VIAS:
        return None
    try:
        read_via(headers["Via"])
    except ValueError:
        return None
    return message


def encode(message: Message) -> bytes:
    """Return a message's bytes. Content-Length is set here; a line break in a value is a space."""
    if isinstance(message, Request):
        start = f"{message.method} {message.uri} SIP/2.0"
    else:
        start = f"SIP/2.0 {message.code} {message.phrase}"
    lines = [start]
    for name in message.headers.keys():  # noqa: SIM118 - no dict
        if name.lower() != "content-length":
            lines += (f"{name}: {value}" for value in message.headers.getlist(name))
    lines.append(f"Content-Length: {len(message.body)}")
    clean = (re.sub(r"[\r\n]+", " ", line) for line in lines)
    return "\r\n".join((*clean, "", "")).encode(errors="replace") + message.body


def response_to(request: Request, status: int, reason: str = "", to_tag: str = "") -> Response:
    """Return a response without a body (RFC 3261 8.2.6): Via, From, To, Call-ID, CSeq are copied.

    Record-Route is copied as well below 300 (12.1.1). `to_tag` is added to a To that has none;
    `reason` is by the status where it is empty.
    """
    response = Response(status, reason or REASONS.get(status, "Unknown"))
    response.headers.setlist("Via", list(request.headers.getlist("Via")))
    for name in ("From", "To", "Call-ID", "CSeq"):
        response.headers.set(name, request.headers[name])
    if to_tag:
        response.headers.set("To", with_tag(request.headers["To"], to_tag))
    routes = request.headers.getlist("Record-Route")
    if routes and 100 < status < 300:
        response.headers.setlist("Record-Route", list(routes))
    return response


def with_tag(value: str, new: str) -> str:
    """Return a From or To with a tag, which stays as it is where it has one."""
    try:
        has = "tag" in read_address(value).parameters
    except ValueError:
        has = ";tag=" in value
    return value if has else f"{value};tag={new}"


def mark_received(message: Message, host: str, port: int) -> None:
    """Write into the top Via from where a request came."""
    vias = list(message.headers.getlist("Via"))
    try:
        vias[0] = with_received(vias[0], host, port)
    except (IndexError, ValueError):
        return
    message.headers.setlist("Via", vias)
