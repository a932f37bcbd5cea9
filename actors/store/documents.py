"""The documents of a store in a database, within one transaction of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, TextClause, select, text
from sqlalchemy.exc import IntegrityError

from actors.core import Message, NameTaken
from actors.store.messages import (
    Document,
    DropDocument,
    GetDocument,
    KindLimits,
    ListDocumentIds,
    ListDocuments,
    PutDocument,
    ReplaceDocument,
    TakeDocument,
)
from actors.store.schema import documents
from actors.store.shares import SpaceTaken, has_room
from actors.store.stored import check_document, is_key, is_page, window
from actors.words.refusals import StoreFull, UnknownOwner

# As text, which both databases take: to put them together would cost more than to carry them out.
_GET = text(
    "SELECT kind, id, owner, body, expires_at, name FROM documents WHERE kind = :kind AND id = :id"
)
_TAKE = text(
    "DELETE FROM documents WHERE kind = :kind AND id = :id"
    " RETURNING kind, id, owner, body, expires_at, name"
)
_PUT = text(
    "INSERT INTO documents (kind, id, owner, body, expires_at, name)"
    " VALUES (:kind, :id, :owner, :body, :expires_at, :name)"
    " ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, body = excluded.body,"
    " expires_at = excluded.expires_at, name = excluded.name"
)
_INSERT = text(
    "INSERT INTO documents (kind, id, owner, body, expires_at, name)"
    " VALUES (:kind, :id, :owner, :body, :expires_at, :name) ON CONFLICT (kind, id) DO NOTHING"
)
_REPLACE = text(
    "UPDATE documents SET body = :body, expires_at = :expires_at, name = :name"
    " WHERE kind = :kind AND id = :id AND owner = :owner AND body = :before"
)
_DROP = text("DELETE FROM documents WHERE kind = :kind AND id = :id")
_DROP_OWNED = text("DELETE FROM documents WHERE kind = :kind AND owner = :owner")
_HOLD = {
    # In SQLite no other writes meanwhile.
    "sqlite": text("SELECT id FROM documents WHERE kind = :kind AND id = :id"),
    "postgresql": text("SELECT id FROM documents WHERE kind = :kind AND id = :id FOR KEY SHARE"),
}
_LOOK = text(
    "SELECT (SELECT owner FROM documents WHERE kind = :kind AND id = :id) AS owner,"
    " (SELECT id FROM documents WHERE kind = :kind AND name = :name) AS holder,"
    " (SELECT count(*) FROM documents WHERE kind = :kind) AS of_kind,"
    " (SELECT count(*) FROM documents WHERE kind = :kind AND owner = :owner) AS of_owner,"
    " EXISTS (SELECT 1 FROM documents WHERE kind = :kind AND expires_at < :moment) AS expired"
)
_WEIGH = text(
    "SELECT (SELECT body_bytes FROM documents WHERE kind = :kind AND id = :id) AS replaced,"
    " (SELECT sum(body_bytes) FROM documents WHERE kind = :kind) AS of_kind,"
    " (SELECT sum(body_bytes) FROM documents WHERE kind = :kind AND owner = :owner) AS of_owner,"
    " (SELECT count(*) FROM documents WHERE kind = :owners) AS owners"
)
_FORGET = text("DELETE FROM documents WHERE kind = :kind AND expires_at < :moment")
_FORGET_FIRST = text(
    "DELETE FROM documents WHERE kind = :kind AND id IN (SELECT id FROM documents"
    " WHERE kind = :kind AND expires_at IS NOT NULL ORDER BY expires_at, id LIMIT :number)"
)
_FORGET_FIRST_OF_OWNER = text(
    "DELETE FROM documents WHERE kind = :kind AND id IN (SELECT id FROM documents"
    " WHERE kind = :kind AND owner = :owner AND expires_at IS NOT NULL"
    " ORDER BY expires_at, id LIMIT :number)"
)
_AT = documents.c
_WHOLE = (_AT.kind, _AT.id, _AT.owner, _AT.body, _AT.expires_at, _AT.name)


class SqlDocuments:
    """Documents as rows.

    What is asked beforehand names the refusal. Another server on the same database may come in
    between: of a name its constraint then says the same, a lock keeps an owner in its place, and a
    limit may be exceeded by as many as write at once.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def do(self, message: Message) -> object:
        """Do what a message says, and return its answer."""
        match message:
            case PutDocument(document, limits, now, owner_kind):
                self._put(document, limits, now, owner_kind)
            case ReplaceDocument(document, None, limits, now):
                return self._insert(document, limits, now)
            case ReplaceDocument(document, bytes(before), limits, now):
                return self._replace(document, before, limits, now)
            case GetDocument(kind, id):
                return self._get(kind, id)
            case ListDocuments():
                return tuple(map(_document, self._page(message, *_WHOLE)))
            case ListDocumentIds():
                return tuple(row.id for row in self._page(message, _AT.id))
            case TakeDocument(kind, id):
                return self._take(kind, id)
            case DropDocument(kind, id, owned):
                return self._drop(kind, id, owned)
        return None

    def keep(self, kept: Iterable[Document]) -> None:
        """Insert documents, except those of a kind and id that are there; no limit counts."""
        self._connection.execute(_INSERT, list(map(_fields, kept)))

    # --- the messages

    def _put(self, document: Document, limits: KindLimits, now: float, owner_kind: str) -> None:
        check_document(document, limits, now)
        if owner_kind:
            self._hold(owner_kind, document.owner)
        self._make_room(document, limits, now)
        self._run(_PUT, **_fields(document))

    def _insert(self, document: Document, limits: KindLimits, now: float) -> bool:
        check_document(document, limits, now)
        if self._get(document.kind, document.id) is not None:
            return False
        self._make_room(document, limits, now)
        return self._run(_INSERT, **_fields(document)) > 0

    def _replace(self, document: Document, before: bytes, limits: KindLimits, now: float) -> bool:
        check_document(document, limits, now)
        if limits.shares is not None and len(document.body) > len(before):
            found = self._get(document.kind, document.id)
            if found is not None and (found.owner, found.body) == (document.owner, before):
                self._make_room(document, limits, now)
        return self._run(_REPLACE, **_fields(document), before=before) > 0

    def _get(self, kind: str, id: str) -> Document | None:
        return self._one(_GET, kind, id)

    def _take(self, kind: str, id: str) -> Document | None:
        return self._one(_TAKE, kind, id)

    def _one(self, statement: TextClause, kind: str, id: str) -> Document | None:
        if not is_key(kind, id):
            return None
        row = self._connection.execute(statement, {"kind": kind, "id": id}).one_or_none()
        return None if row is None else _document(row)

    def _page(
        self, asked: ListDocuments | ListDocumentIds, *columns: ColumnElement[Any]
    ) -> Iterable[Row[Any]]:
        if not is_page(asked):
            return ()
        rows = select(*columns).where(_AT.kind == asked.kind).order_by(_AT.id)
        if asked.owner is not None:
            rows = rows.where(_AT.owner == asked.owner)
        if asked.after is not None:
            rows = rows.where(_AT.id > asked.after)
        offset, limit = window(asked.offset, asked.limit)
        return self._connection.execute(rows.offset(offset).limit(limit))

    def _drop(self, kind: str, id: str, owned: tuple[str, ...]) -> bool:
        if not is_key(kind, id):
            return False
        # Itself first: who is about to put something of its own is through, or finds it gone.
        found = self._run(_DROP, kind=kind, id=id) > 0
        for each in owned:
            self._run(_DROP_OWNED, kind=each, owner=id)
        return found

    # --- room for one more

    def _hold(self, kind: str, id: str) -> None:
        """Raise UnknownOwner if there is none; it stays until this transaction is over."""
        there = _HOLD[self._connection.dialect.name]
        asked = {"kind": kind, "id": id}
        if not is_key(kind, id) or self._connection.scalar(there, asked) is None:
            raise UnknownOwner

    def _make_room(self, document: Document, limits: KindLimits, now: float) -> None:
        """Forget what has to go. Raises NameTaken, StoreFull."""
        kind, kept_since = document.kind, now - limits.expired_kept_seconds
        found = self._look(document, kept_since)
        if found.holder not in (None, document.id):
            raise NameTaken
        if found.expired:
            self._run(_FORGET, kind=kind, moment=kept_since)
            found = self._look(document, kept_since)
        if not self._fits(found, document, limits) and self._run(_FORGET, kind=kind, moment=now):
            found = self._look(document, now)
        if self._fits(found, document, limits):
            return
        if not limits.forgets or not self._forget_first(document, found, limits):
            raise StoreFull(kind)

    def _forget_first(self, document: Document, found: Row[Any], limits: KindLimits) -> bool:
        """Forget those that would end first, and say whether there is room then."""
        kind, owner = document.kind, document.owner
        over: int = found.of_owner + 1 - limits.most_of_one_owner
        gone = 0
        if over > 0:
            gone = self._run(_FORGET_FIRST_OF_OWNER, kind=kind, owner=owner, number=over)
            over -= gone
        over_all: int = found.of_kind - gone + (found.owner is None) - limits.most
        if over_all > 0:
            over_all -= self._run(_FORGET_FIRST, kind=kind, number=over_all)
        return max(over, over_all) <= 0

    def _fits(self, found: Row[Any], document: Document, limits: KindLimits) -> bool:
        """Say whether there is room, in number and in bytes."""
        own, owners, shares = found.owner == document.owner, 0, limits.shares
        if shares is not None:
            asked = {**_key(document), "owner": document.owner, "owners": shares.owners}
            weighed = self._connection.execute(_WEIGH, asked).one()
            owners, size = weighed.owners, len(document.body)
            of_kind, of_owner = int(weighed.of_kind or 0), int(weighed.of_owner or 0)
            kept = SpaceTaken.counted(of_kind, of_owner, weighed.replaced, own=own)
            if not has_room(size, kept, shares.bytes, shares.bytes_of_one_owner, owners):
                return False
        replaced = None if found.owner is None else 1
        kept = SpaceTaken.counted(found.of_kind, found.of_owner, replaced, own=own)
        return has_room(1, kept, limits.most, limits.most_of_one_owner, owners)

    def _look(self, document: Document, moment: float) -> Row[Any]:
        """Return whose it was, who has its name, how many there are, whether some had expired."""
        asked = {
            **_key(document),
            "owner": document.owner,
            "name": document.name,
            "moment": moment,
        }
        return self._connection.execute(_LOOK, asked).one()

    def _run(self, statement: TextClause, **values: object) -> int:
        """Return how many rows were written. Raises NameTaken."""
        try:
            return self._connection.execute(statement, values).rowcount
        except IntegrityError:  # the key is not in the way: each statement says what to do then
            raise NameTaken from None


def _key(document: Document) -> dict[str, str]:
    return {"kind": document.kind, "id": document.id}


def _fields(document: Document) -> dict[str, object]:
    return {
        **_key(document),
        "owner": document.owner,
        "body": document.body,
        "expires_at": document.expires_at,
        "name": document.name,
    }


def _document(row: Row[Any]) -> Document:
    return Document(row.kind, row.id, row.owner, row.body, row.expires_at, row.name)
