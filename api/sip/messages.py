"""Read and write SIP messages (RFC 3261 section 7): `sipmessage`, and what it leaves open."""

from __future__ import annotations

from sipmessage import Address, CSeq, Request, Response

Message = Request | Response


class BadMessage(Exception):
    """No SIP message that we take. `status` and `words` are for its sender; `answerable` is the
    request as far as it was understood, if a response to it can find its way."""

    def __init__(self, status: int, words: str, answerable: Request | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.answerable = answerable


def parse(data: bytes) -> Message:
    raise NotImplementedError


def encode(message: Message) -> bytes:
    """Return a message's bytes; Content-Length is set here."""
    raise NotImplementedError


def response_to(request: Request, status: int, reason: str = "", to_tag: str = "") -> Response:
    """Copies Via, From, To, Call-ID, CSeq (and Record-Route for 1xx/2xx) as they stand."""
    raise NotImplementedError


# Getters; none raises. Tags and addresses are to be copied as raw text into what we send:
# sipmessage percent-encodes parameters when it writes an Address (a tag "a*b" would change).
def header(message: Message, name: str) -> str: raise NotImplementedError  # "" without
def header_list(message: Message, name: str) -> list[str]: raise NotImplementedError  # per comma
def tokens(message: Message, name: str) -> list[str]: raise NotImplementedError  # lower case
def number(message: Message, name: str) -> int | None: raise NotImplementedError
def address(message: Message, name: str) -> Address | None: raise NotImplementedError  # the first
def address_text(message: Message, name: str) -> str: raise NotImplementedError  # URI as raw text
def tag(message: Message, name: str) -> str: raise NotImplementedError  # of From or To, raw
def with_tag(value: str, new: str) -> str: raise NotImplementedError
def parameter(value: str, name: str) -> str | None: raise NotImplementedError  # ;name=… raw
def cseq(message: Message) -> CSeq: raise NotImplementedError
def call_id(message: Message) -> str: raise NotImplementedError
def content_type(message: Message) -> str: raise NotImplementedError  # "application/sdp"
