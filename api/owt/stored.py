"""What outlives the process: services, rooms as they are configured, and tokens, in the store.

A room goes with its service. A token is leave for one join. How they look as documents is known
here only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from actors.store.messages import (
    Document,
    DropDocument,
    GetDocument,
    KindLimits,
    ListDocumentIds,
    ListDocuments,
    PutDocument,
    ReplaceDocument,
    Shares,
    TakeDocument,
)
from actors.store.stored import check_text
from api.owt.settings import OwtSettings

if TYPE_CHECKING:
    from actors.core import Message, Ref, Request
    from api.owt.room_document import RoomDocument
    from api.settings import Settings

SERVICES, ROOMS, TOKENS = "owt.service", "owt.room", "owt.token"  # kinds of documents
SERVICE_BYTES = 16_448  # a sealed key, and what is around it
NAME_BYTES = 4 * 1024  # of 1,024 characters in any script; only in bodies, which have no index
EXPIRED_KEPT_SECONDS = 600.0  # so long an expired token is told apart from one that never was

MOST_AT_A_TIME = 64  # rooms that are read together
PIECE_BYTES = 2_097_152  # that they shall have, if one room is not larger

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class StoredService:
    """Who may manage rooms, and the key it signs with: `encrypted` says how to read that."""

    id: str
    name: str
    key: str = field(repr=False)
    encrypted: bool


@dataclass(frozen=True, slots=True)
class StoredRoom:
    """A room as its service configured it; `document` is an object in JSON."""

    id: str
    service: str
    document: bytes = field(repr=False)

    @classmethod
    def of(cls, id: str, service: str, room: RoomDocument) -> StoredRoom:
        """Return a room as it is stored. Raises Unstorable for a name that no database holds."""
        check_text(room.name, NAME_BYTES)
        document = json.dumps(room.as_json(), ensure_ascii=False).encode()
        return cls(id, service, document)


@dataclass(frozen=True, slots=True)
class StoredToken:
    """Leave for one join until `expires_at`, in Unix seconds; `document` is an object in JSON."""

    id: str = field(repr=False)
    room: str
    service: str
    user: str
    role: str
    document: bytes = field(repr=False)
    expires_at: float


class _ServiceBody(msgspec.Struct):
    key: str
    encrypted: bool


class _TokenBody(msgspec.Struct):
    room: str
    user: str
    role: str
    document: msgspec.Raw  # byte for byte


class OwtStore:
    """Asks the store; raises what it refuses (see `actors/store/messages.py`).

    `find` returns the store, or raises ActorStopped.
    """

    def __init__(self, find: Callable[[], Ref[Message]], settings: Callable[[], Settings]) -> None:
        self._find = find
        self._settings = settings

    # --- services

    async def put_service(self, service: StoredService) -> None:
        """Insert a service or replace the one of that id. Raises NameTaken."""
        body = msgspec.json.encode(_ServiceBody(service.key, service.encrypted))
        document = Document(SERVICES, service.id, "", body, name=service.name)
        most = self._settings().store.services
        await self._ask(PutDocument(document, KindLimits(most, most, SERVICE_BYTES)))

    async def service(self, id: str) -> StoredService | None:
        found = await self._ask(GetDocument(SERVICES, id))
        return None if found is None else _service(found)

    async def services(self) -> tuple[StoredService, ...]:
        """Return all services, by id."""
        found = await self._ask(ListDocuments(SERVICES))
        return tuple(map(_service, found))

    async def drop_service(self, id: str) -> bool:
        """Delete a service with its rooms, and tell whether it was there."""
        return await self._ask(DropDocument(SERVICES, id, owned=(ROOMS,)))

    # --- rooms

    async def put_room(self, room: StoredRoom) -> None:
        """Insert a room or replace the one of that id. Raises UnknownOwner without its service."""
        document = Document(ROOMS, room.id, room.service, room.document)
        await self._ask(PutDocument(document, self._room_limits(), owner_kind=SERVICES))

    async def replace_room(self, room: StoredRoom, before: bytes) -> bool:
        """Replace a room whose document is `before` still, and tell whether it was."""
        document = Document(ROOMS, room.id, room.service, room.document)
        return await self._ask(ReplaceDocument(document, before, self._room_limits()))

    async def room(self, id: str) -> StoredRoom | None:
        found = await self._ask(GetDocument(ROOMS, id))
        return None if found is None else _room(found)

    async def rooms(self, service: str, offset: int, limit: int | None) -> tuple[StoredRoom, ...]:
        """Return rooms of a service by id: `limit` (None: all) from `offset` on."""
        found = await self._ask(ListDocuments(ROOMS, service, offset=offset, limit=limit))
        return tuple(map(_room, found))

    async def rooms_after(
        self, service: str | None, after: str | None, limit: int
    ) -> tuple[StoredRoom, ...]:
        """Return rooms of a service (None: of all), by id: `limit` of those behind `after`."""
        found = await self._ask(ListDocuments(ROOMS, service, after=after, limit=limit))
        return tuple(map(_room, found))

    async def room_ids(self, service: str) -> tuple[str, ...]:
        return await self._ask(ListDocumentIds(ROOMS, service))

    async def drop_room(self, id: str) -> bool:
        """Delete a room, and tell whether it was there."""
        return await self._ask(DropDocument(ROOMS, id))

    # --- tokens

    async def put_token(self, token: StoredToken, now: float) -> None:
        """Store a token. Raises StoreFull when as many are live as there may be."""
        check_text(token.user, NAME_BYTES)
        check_text(token.role, NAME_BYTES)
        raw = msgspec.Raw(token.document)
        body = msgspec.json.encode(_TokenBody(token.room, token.user, token.role, raw))
        document = Document(TOKENS, token.id, token.service, body, token.expires_at)
        store, owt = self._settings().store, self._settings().section(OwtSettings)
        limits = KindLimits(
            store.tokens,
            owt.tokens_per_service or _most(store.tokens),
            store.document_bytes,
            EXPIRED_KEPT_SECONDS,
            shares=_shares(store.token_bytes, owt.token_bytes_per_service),
        )
        await self._ask(PutDocument(document, limits, now))

    async def take_token(self, id: str) -> StoredToken | None:
        """Return a token and forget it; an expired one, too, as long as it is kept."""
        found = await self._ask(TakeDocument(TOKENS, id))
        return None if found is None else _token(found)

    def _room_limits(self) -> KindLimits:
        store, owt = self._settings().store, self._settings().section(OwtSettings)
        return KindLimits(
            store.conferences,
            owt.rooms_per_service or _most(store.conferences),
            store.document_bytes,
            shares=_shares(store.conference_bytes, owt.room_bytes_per_service),
        )

    async def _ask(self, request: Request[R]) -> R:
        return await self._find().ask(request, within=self._settings().limits.ask_seconds)


def fitting(found: tuple[StoredRoom, ...]) -> int:
    """Return how many rooms like these make one piece of a long list."""
    size = sum(len(room.document) for room in found)
    return max(1, min(MOST_AT_A_TIME, PIECE_BYTES * len(found) // size))


def _most(in_all: int) -> int:
    """Return how much one service may have at most: a tenth is left for the others."""
    return in_all - in_all // 10


def _shares(in_all: int, of_one_service: int) -> Shares:
    return Shares(SERVICES, in_all, of_one_service or _most(in_all))


def _service(document: Document) -> StoredService:
    body = msgspec.json.decode(document.body, type=_ServiceBody)
    return StoredService(document.id, document.name or "", body.key, body.encrypted)


def _room(document: Document) -> StoredRoom:
    return StoredRoom(document.id, document.owner, document.body)


def _token(found: Document) -> StoredToken:
    body: Any = msgspec.json.decode(found.body, type=_TokenBody)
    return StoredToken(
        found.id,
        body.room,
        found.owner,
        body.user,
        body.role,
        bytes(body.document),
        found.expires_at or 0.0,
    )
