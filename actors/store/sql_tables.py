"""The tables of a store in a database, within one transaction of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from actors.core import NameTaken
from actors.store.place import StoreLimits
from actors.store.records import ConferenceRecord, ServiceRecord, TokenRecord
from actors.store.schema import conferences, services, tokens
from actors.store.stored import ID_BYTES, is_storable
from actors.store.tables import EXPIRED_KEPT_SECONDS, check_conference, check_service, check_token
from actors.words.refusals import StoreFull, UnknownService

_INSERTS: dict[str, type[postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.Insert,
    "sqlite": sqlite.Insert,
}


class SqlTables:
    """Services, conferences and tokens as rows.

    What is asked beforehand names the refusal. Another server on the same database may come in
    between: the constraints then say the same.
    """

    def __init__(self, connection: Connection, limits: StoreLimits) -> None:
        self._connection = connection
        self._limits = limits

    # --- services

    def put_service(self, record: ServiceRecord) -> None:
        check_service(record)
        with_name = select(services.c.id).where(services.c.name == record.name)
        if self._connection.scalar(with_name) not in (None, record.id):
            raise NameTaken
        self._check_room(services, record.id, self._limits.services)
        try:
            self._put(
                services,
                id=record.id,
                name=record.name,
                key=record.key,
                encrypted=record.encrypted,
            )
        except IntegrityError:
            raise NameTaken from None

    def get_service(self, id: str) -> ServiceRecord | None:
        row = self._get(services, id)
        return None if row is None else _service(row)

    def find_services(self) -> tuple[ServiceRecord, ...]:
        rows = self._connection.execute(select(services).order_by(services.c.id))
        return tuple(map(_service, rows))

    def drop_service(self, id: str) -> bool:
        return self._drop(services, id)  # its conferences cascade

    # --- conferences

    def put_conference(self, record: ConferenceRecord) -> None:
        check_conference(record, self._limits)
        if not self._is_there(services, record.service):
            raise UnknownService
        self._check_room(conferences, record.id, self._limits.conferences)
        try:
            self._put(
                conferences,
                id=record.id,
                service=record.service,
                name=record.name,
                document=record.document,
            )
        except IntegrityError:
            raise UnknownService from None

    def replace_conference(self, record: ConferenceRecord, before: bytes) -> bool:
        check_conference(record, self._limits)
        this = (conferences.c.id == record.id) & (conferences.c.service == record.service)
        replaced = update(conferences).where(this & (conferences.c.document == before))
        values = {"name": record.name, "document": record.document}
        return self._connection.execute(replaced.values(values)).rowcount > 0

    def get_conference(self, id: str) -> ConferenceRecord | None:
        row = self._get(conferences, id)
        return None if row is None else _conference(row)

    def list_conferences(
        self, service: str, offset: int, limit: int
    ) -> tuple[ConferenceRecord, ...]:
        if not is_storable(service, ID_BYTES):
            return ()
        rows = self._connection.execute(
            select(conferences)
            .where(conferences.c.service == service)
            .order_by(conferences.c.id)
            .offset(offset)
            .limit(limit)
        )
        return tuple(map(_conference, rows))

    def list_conference_ids(self, service: str) -> tuple[str, ...]:
        if not is_storable(service, ID_BYTES):
            return ()
        ids = select(conferences.c.id).where(conferences.c.service == service)
        return tuple(self._connection.scalars(ids.order_by(conferences.c.id)))

    def drop_conference(self, id: str) -> bool:
        return self._drop(conferences, id)

    # --- tokens

    def put_token(self, record: TokenRecord, now: float) -> None:
        check_token(record, now, self._limits)
        try:
            self._check_room(tokens, record.id, self._limits.tokens)
        except StoreFull:
            self._forget_expired(now)
            self._check_room(tokens, record.id, self._limits.tokens)
        self._put(
            tokens,
            id=record.id,
            conference=record.conference,
            service=record.service,
            user_name=record.user,
            role=record.role,
            document=record.document,
            expires_at=record.expires_at,
        )

    def take_token(self, id: str, now: float) -> TokenRecord | None:
        row = None
        if is_storable(id, ID_BYTES):
            taken = delete(tokens).where(tokens.c.id == id).returning(*tokens.c)
            row = self._connection.execute(taken).one_or_none()
        self._forget_expired(now - EXPIRED_KEPT_SECONDS)
        return None if row is None else _token(row)

    def _forget_expired(self, before: float) -> None:
        self._connection.execute(delete(tokens).where(tokens.c.expires_at < before))

    # --- any table

    def _get(self, table: Table, id: str) -> Row[Any] | None:
        if not is_storable(id, ID_BYTES):
            return None
        return self._connection.execute(select(table).where(table.c.id == id)).one_or_none()

    def _is_there(self, table: Table, id: str) -> bool:
        return self._connection.scalar(select(table.c.id).where(table.c.id == id)) is not None

    def _check_room(self, table: Table, id: str, most: int) -> None:
        """Raise StoreFull when the table takes no further row, and this would be one."""
        count = select(func.count()).select_from(table)
        if (self._connection.scalar(count) or 0) >= most and not self._is_there(table, id):
            raise StoreFull

    def _put(self, table: Table, **values: object) -> None:
        """Insert a row, or replace the one of that id."""
        kind = _INSERTS[self._connection.dialect.name]
        insert = kind(table).values(values)
        others = {name: insert.excluded[name] for name in values if name != "id"}
        self._connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=others))

    def _drop(self, table: Table, id: str) -> bool:
        if not is_storable(id, ID_BYTES):
            return False
        return self._connection.execute(delete(table).where(table.c.id == id)).rowcount > 0


def _service(row: Row[Any]) -> ServiceRecord:
    return ServiceRecord(row.id, row.name, row.key, row.encrypted)


def _conference(row: Row[Any]) -> ConferenceRecord:
    return ConferenceRecord(row.id, row.service, row.name, row.document)


def _token(row: Row[Any]) -> TokenRecord:
    return TokenRecord(
        id=row.id,
        conference=row.conference,
        service=row.service,
        user=row.user_name,
        role=row.role,
        document=row.document,
        expires_at=row.expires_at,
    )
