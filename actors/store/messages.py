"""What must outlive its owner, as documents by kind: the messages that a store takes.

A kind belongs to the dialect that names it ("owt.room"); nothing else here knows what is in a
document. An id is unique within its kind, whoever the owner is: an id that is not chosen by us
begins with its owner. A document that expired is there until it is forgotten; who reads it compares
`expires_at`. What is a log (messages by time) is no document: it has messages and a table of its
own, beside `documents.py`.

All raise, besides what each names: StoreUnavailable when the database fails or does not answer in
time, Busy when too many wait for it. A write whose answer arrived is on disk; one that was refused
with StoreUnavailable, or timed out, may have been done all the same: each can be repeated. Text
that no database holds is Unstorable in a write, and finds nothing in a read. Ids may be secrets
(tokens are): no repr shows them, nor a body.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from actors.core import Message, Request

STORE = "/storage/store"

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Document(Message):
    """Bytes that are kept: `name`, where there is one, is no other's of this kind.

    `owner` is whose it is, for limits and lists ("" where nobody's); `expires_at` is in Unix
    seconds, None for what stays. Kind and id have at most 32 and 256 bytes, owner and name 2048.
    """

    kind: str
    id: str = field(repr=False)
    owner: str
    body: bytes = field(repr=False)
    expires_at: float | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """Further limits of a kind whose owners are documents: those of the kind `owners`.

    Bytes of all bodies and of one owner's. Where a limit for all is reached, in number or bytes, an
    owner that has less than an equal share of it still gets more: see `actors/store/shares.py`.
    """

    owners: str
    bytes: int
    bytes_of_one_owner: int


@dataclass(frozen=True, slots=True)
class KindLimits:
    """How much of a kind is kept: in all, of one owner, and bytes of one body.

    Where there is no room, those that have expired go. Still none, and a new one is refused; or, of
    a kind that `forgets`, those go that would end first: it has no `shares`. Else an expired one is
    kept for so many seconds, for those who tell it from one that never was.
    """

    most: int
    most_of_one_owner: int
    document_bytes: int
    expired_kept_seconds: float = 0.0
    forgets: bool = False
    shares: Shares | None = None


class StoreRead(Request[R], Generic[R]):
    """Base of what changes nothing: done side by side with others."""

    __slots__ = ()


class StoreWrite(Request[R], Generic[R]):
    """Base of what may change something: done one after the other, in the order they came."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PutDocument(StoreWrite[None]):
    """Insert a document or replace the one of that kind and id.

    `now`, in Unix seconds, says which ones have expired. `owner_kind`, where given, is the kind of
    the document that is its owner, which must be there. Raises UnknownOwner when it is not,
    NameTaken, StoreFull, Unstorable.
    """

    document: Document
    limits: KindLimits
    now: float = 0.0
    owner_kind: str = ""


@dataclass(frozen=True, slots=True)
class ReplaceDocument(StoreWrite[bool]):
    """Replace a document that is its owner's and has the body `before` still, or change nothing.

    `before` None: insert it if there is none of that kind and id. Answered with whether it was
    done: else somebody has put, changed or dropped it since it was read. Raises NameTaken,
    StoreFull, Unstorable.
    """

    document: Document
    before: bytes | None = field(repr=False)
    limits: KindLimits
    now: float = 0.0


@dataclass(frozen=True, slots=True)
class GetDocument(StoreRead["Document | None"]):
    kind: str
    id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListDocuments(StoreRead[tuple[Document, ...]]):
    """Return documents of a kind, of one owner or of all (None), by id ascending.

    `limit` (None: all) of those behind the id `after` (None: from the first) and another `offset`.
    """

    kind: str
    owner: str | None = None
    after: str | None = field(default=None, repr=False)
    offset: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ListDocumentIds(StoreRead[tuple[str, ...]]):
    """Return the ids of those that ListDocuments returns, ascending."""

    kind: str
    owner: str | None = None
    after: str | None = field(default=None, repr=False)
    offset: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class TakeDocument(StoreWrite["Document | None"]):
    """Return a document and forget it: of several that ask, one gets it."""

    kind: str
    id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DropDocument(StoreWrite[bool]):
    """Delete a document, and those of the kinds `owned` whose owner its id is.

    Answered with whether it was there itself.
    """

    kind: str
    id: str = field(repr=False)
    owned: tuple[str, ...] = ()
