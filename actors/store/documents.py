"""The documents of a store in a database, within one transaction of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    exists,
    func,
    null,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
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
from actors.store.stored import check_document, is_key, is_page, window
from actors.words.refusals import StoreFull, UnknownOwner

_INSERTS: dict[str, type[postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.Insert,
    "sqlite": sqlite.Insert,
}
_KEY = ("kind", "id")
_AT = documents.c
_COLUMNS = [each.name for each in _AT]  # as the fields of Document


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
                return tuple(map(_document, self._page(message, *_AT)))
            case ListDocumentIds():
                return tuple(row.id for row in self._page(message, _AT.id))
            case TakeDocument(kind, id):
                return self._take(kind, id)
            case DropDocument(kind, id, owned):
                return self._drop(kind, id, owned)
        return None

    def keep(self, kept: Iterable[Document]) -> None:
        """Insert documents, except those of a kind and id that are there; no limit counts."""
        insert = _INSERTS[self._connection.dialect.name](documents)
        rows = [{name: getattr(each, name) for name in _COLUMNS} for each in kept]
        self._connection.execute(insert.on_conflict_do_nothing(index_elements=_KEY), rows)

    # --- the messages

    def _put(self, document: Document, limits: KindLimits, now: float, owner_kind: str) -> None:
        check_document(document, limits, now)
        if owner_kind:
            self._hold(owner_kind, document.owner)
        self._make_room(document, limits, now)
        insert = self._row(document)
        others = {name: insert.excluded[name] for name in _COLUMNS if name not in _KEY}
        self._run(insert.on_conflict_do_update(index_elements=_KEY, set_=others))

    def _insert(self, document: Document, limits: KindLimits, now: float) -> bool:
        check_document(document, limits, now)
        if self._get(document.kind, document.id) is not None:
            return False
        self._make_room(document, limits, now)
        insert = self._row(document).on_conflict_do_nothing(index_elements=_KEY)
        return self._run(insert.execution_options(preserve_rowcount=True)) > 0

    def _replace(self, document: Document, before: bytes, limits: KindLimits, now: float) -> bool:
        check_document(document, limits, now)
        values = {"body": document.body, "expires_at": document.expires_at, "name": document.name}
        still = and_(_is(document), _AT.owner == document.owner, _AT.body == before)
        return self._run(update(documents).where(still).values(values)) > 0

    def _get(self, kind: str, id: str) -> Document | None:
        if not is_key(kind, id):
            return None
        return _first(self._connection.execute(select(documents).where(_at(kind, id))))

    def _page(
        self, asked: ListDocuments | ListDocumentIds, *columns: ColumnElement[Any]
    ) -> Iterable[Row[Any]]:
        if not is_page(asked):
            return ()
        which = _of(asked.kind) if asked.owner is None else _of(asked.kind, asked.owner)
        rows = select(*columns).where(which).order_by(_AT.id)
        if asked.after is not None:
            rows = rows.where(_AT.id > asked.after)
        offset, limit = window(asked.offset, asked.limit)
        return self._connection.execute(rows.offset(offset).limit(limit))

    def _take(self, kind: str, id: str) -> Document | None:
        if not is_key(kind, id):
            return None
        taken = delete(documents).where(_at(kind, id)).returning(*_AT)
        return _first(self._connection.execute(taken))

    def _drop(self, kind: str, id: str, owned: tuple[str, ...]) -> bool:
        if not is_key(kind, id):
            return False
        # Itself first: who is about to put something of its own is through, or finds it gone.
        found = self._run(delete(documents).where(_at(kind, id))) > 0
        if owned:
            self._run(delete(documents).where(_AT.kind.in_(owned), _AT.owner == id))
        return found

    # --- room for one more

    def _hold(self, kind: str, id: str) -> None:
        """Raise UnknownOwner if there is none; it stays until this transaction is over."""
        there = select(_AT.id).where(_at(kind, id)).with_for_update(read=True, key_share=True)
        if not is_key(kind, id) or self._connection.scalar(there) is None:
            raise UnknownOwner

    def _make_room(self, document: Document, limits: KindLimits, now: float) -> None:
        """Forget what has to go. Raises NameTaken, StoreFull."""
        kept_since = now - limits.expired_kept_seconds
        found = self._look(document, kept_since)
        if found.holder not in (None, document.id):
            raise NameTaken
        if found.expired:
            self._forget(document.kind, kept_since)
            found = self._look(document, kept_since)
        if _fits(found, document, limits):
            return
        self._forget(document.kind, now)
        found = self._look(document, now)
        if limits.forgets:
            mine = _of(document.kind, document.owner)
            self._forget_first(mine, found.of_owner + 1 - limits.most_of_one_owner)
            found = self._look(document, now)
            self._forget_first(_of(document.kind), found.of_kind + 1 - limits.most)
            found = self._look(document, now)
        if not _fits(found, document, limits):
            raise StoreFull(document.kind)

    def _look(self, document: Document, moment: float) -> Row[Any]:
        """Return whose it was, who has its name, how many there are, whether some had expired."""
        kind, name = document.kind, document.name
        holder = select(_AT.id).where(_AT.kind == kind, _AT.name == name)
        columns = {
            "owner": select(_AT.owner).where(_is(document)).scalar_subquery(),
            "holder": null() if name is None else holder.scalar_subquery(),
            "of_kind": _count(_of(kind)),
            "of_owner": _count(_of(kind, document.owner)),
            "expired": exists().where(_AT.kind == kind, _AT.expires_at < moment),
        }
        return self._connection.execute(
            select(*(column.label(label) for label, column in columns.items()))
        ).one()

    def _forget(self, kind: str, before: float) -> None:
        self._run(delete(documents).where(_AT.kind == kind, _AT.expires_at < before))

    def _forget_first(self, which: ColumnElement[bool], number: int) -> None:
        """Forget so many of those that end, by their ends."""
        if number > 0:
            first = select(_AT.id).where(which, _AT.expires_at.is_not(None))
            first = first.order_by(_AT.expires_at, _AT.id).limit(number)
            self._run(delete(documents).where(which, _AT.id.in_(first)))

    # --- statements

    def _row(self, document: Document) -> Any:
        insert = _INSERTS[self._connection.dialect.name]
        return insert(documents).values({name: getattr(document, name) for name in _COLUMNS})

    def _run(self, statement: Any) -> int:
        """Return how many rows were written. Raises NameTaken."""
        try:
            return self._connection.execute(statement).rowcount
        except IntegrityError:  # the key is not in the way: each statement says what to do then
            raise NameTaken from None


def _at(kind: str, id: str) -> ColumnElement[bool]:
    return and_(_AT.kind == kind, _AT.id == id)


def _is(document: Document) -> ColumnElement[bool]:
    return _at(document.kind, document.id)


def _of(kind: str, *owner: str) -> ColumnElement[bool]:
    return and_(_AT.kind == kind, *(_AT.owner == each for each in owner))


def _count(which: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(documents).where(which).scalar_subquery()


def _document(row: Row[Any]) -> Document:
    return Document(row.kind, row.id, row.owner, row.body, row.expires_at, row.name)


def _first(rows: Iterable[Row[Any]]) -> Document | None:
    return next(map(_document, rows), None)


def _fits(found: Row[Any], document: Document, limits: KindLimits) -> bool:
    """Say whether there is room; what is replaced has some already."""
    of_kind: bool = found.owner is not None or found.of_kind < limits.most
    of_owner: bool = found.owner == document.owner or found.of_owner < limits.most_of_one_owner
    return of_kind and of_owner
