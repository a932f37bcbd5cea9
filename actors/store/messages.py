"""What must outlive its owner: the messages a store takes, and what each does to its tables.

Services, conferences and tokens outlive the process where the store is a database (`sql_store.py`).
No dialect's words are known here: what a document holds is its owner's business.

Durable requests raise, besides what each names: StoreUnavailable when the database fails or does
not answer in time, Busy when too many wait for it. A write whose answer arrived is on disk; one
that was refused with StoreUnavailable, or timed out, may have been done all the same: each can be
repeated. Text that no database holds is Unstorable in a write, and finds nothing in a read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core import Message, Request
from actors.store.records import ConferenceRecord, ServiceRecord, TokenRecord
from actors.store.stored import window
from actors.store.tables import Tables

__all__ = [
    "STORE",
    "ConferenceRecord",
    "DropConference",
    "DropService",
    "FindServices",
    "GetConference",
    "GetService",
    "ListConferenceIds",
    "ListConferences",
    "PutConference",
    "PutService",
    "PutToken",
    "ServiceRecord",
    "TakeToken",
    "TokenRecord",
]

STORE = "/storage/store"


# --- services


@dataclass(frozen=True, slots=True)
class PutService(Request[None]):
    """Insert a service or replace the one of that id.

    Raises NameTaken when another service has the name, StoreFull, Unstorable.
    """

    record: ServiceRecord


@dataclass(frozen=True, slots=True)
class GetService(Request["ServiceRecord | None"]):
    id: str


@dataclass(frozen=True, slots=True)
class FindServices(Request[tuple[ServiceRecord, ...]]):
    """Return all services, by id ascending."""


@dataclass(frozen=True, slots=True)
class DropService(Request[bool]):
    """Delete a service with its conferences; answered with whether it was there."""

    id: str


# --- conferences


@dataclass(frozen=True, slots=True)
class PutConference(Request[None]):
    """Insert a conference or replace the one of that id.

    Raises UnknownService when its service is not stored, StoreFull, Unstorable.
    """

    record: ConferenceRecord


@dataclass(frozen=True, slots=True)
class ReplaceConference(Request[bool]):
    """Replace a conference that is there and has the document `before` still, or change nothing.

    Answered with whether it was replaced: else somebody has dropped or changed it since it was
    read. Raises Unstorable.
    """

    record: ConferenceRecord
    before: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class GetConference(Request["ConferenceRecord | None"]):
    id: str


@dataclass(frozen=True, slots=True)
class ListConferences(Request[tuple[ConferenceRecord, ...]]):
    """Return conferences of a service by id ascending: `limit` (None: all) from `offset` on."""

    service: str
    offset: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ListConferenceIds(Request[tuple[str, ...]]):
    """Return the ids of all conferences of a service, ascending."""

    service: str


@dataclass(frozen=True, slots=True)
class DropConference(Request[bool]):
    """Delete a conference; answered with whether it was there."""

    id: str


# --- tokens


@dataclass(frozen=True, slots=True)
class PutToken(Request[None]):
    """Store a token; `now` in Unix seconds says which ones are live.

    Raises StoreFull when as many live tokens are stored as there may be, Unstorable.
    """

    record: TokenRecord
    now: float


@dataclass(frozen=True, slots=True)
class TakeToken(Request["TokenRecord | None"]):
    """Return a token and forget it: of several that ask, one gets it.

    An expired one is returned too, the asker compares `expires_at`; for ten minutes it is sure
    to be there unless room was needed for live ones.
    """

    id: str = field(repr=False)
    now: float


DURABLE_WRITES = (
    PutService, DropService, PutConference, ReplaceConference, DropConference, PutToken, TakeToken,
)  # fmt: skip
DURABLE_READS = (GetService, FindServices, GetConference, ListConferences, ListConferenceIds)


def carry_out(message: Message, tables: Tables) -> object:
    """Do what a durable message says to the tables, and return its answer."""
    match message:
        case PutService(service):
            tables.put_service(service)
        case GetService(id):
            return tables.get_service(id)
        case FindServices():
            return tables.find_services()
        case DropService(id):
            return tables.drop_service(id)
        case PutConference(conference):
            tables.put_conference(conference)
        case ReplaceConference(conference, before):
            return tables.replace_conference(conference, before)
        case GetConference(id):
            return tables.get_conference(id)
        case ListConferences(owner, offset, limit):
            return tables.list_conferences(owner, *window(offset, limit))
        case ListConferenceIds(owner):
            return tables.list_conference_ids(owner)
        case DropConference(id):
            return tables.drop_conference(id)
        case PutToken(token, now):
            tables.put_token(token, now)
        case TakeToken(id, now):
            return tables.take_token(id, now)
    return None
