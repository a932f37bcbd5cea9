"""Make one table of documents by kind, and move services, conferences and tokens into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROWS = 500  # in memory at a time

_bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_documents = sa.table(
    "documents",
    sa.column("kind", sa.Text),
    sa.column("id", sa.Text),
    sa.column("owner", sa.Text),
    sa.column("body", sa.LargeBinary),
    sa.column("expires_at", sa.Double),
    sa.column("name", sa.Text),
)


def upgrade() -> None:
    """Make one table of documents by kind, and move services, conferences and tokens into it."""
    op.create_table(
        "documents",
        sa.Column("kind", _bytewise, primary_key=True),
        sa.Column("id", _bytewise, primary_key=True),
        sa.Column("owner", _bytewise, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("name", _bytewise),
    )
    for row in _rows("services", sa.column("name"), sa.column("key"), _bool("encrypted")):
        _put("owt.service", row.id, "", _json(key=row.key, encrypted=row.encrypted), name=row.name)
    # Its name is in its document as well. It stays in the database: it may be large.
    op.execute(
        "INSERT INTO documents (kind, id, owner, body)"
        " SELECT 'owt.room', id, service, document FROM conferences"
    )
    columns = ("conference", "service", "user_name", "role", "expires_at")
    document = sa.column("document", sa.LargeBinary)
    for row in _rows("tokens", *map(sa.column, columns), document):
        words = _json(room=row.conference, user=row.user_name, role=row.role)
        body = b'%b, "document": %b}' % (words[:-1], row.document)
        _put("owt.token", row.id, row.service, body, expires_at=row.expires_at)
    for table in ("tokens", "conferences", "services"):
        op.drop_table(table)
    op.create_index("documents_by_owner", "documents", ["kind", "owner", "id"])
    _index_what_has("expires_at", "documents_by_expiry", unique=False)
    _index_what_has("name", "documents_by_name", unique=True)


def _json(**fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


def _bool(name: str) -> Any:
    return sa.column(name, sa.Boolean)


def _rows(table: str, *columns: Any) -> Iterator[sa.Row[Any]]:
    """Return rows by id, some at a time, while others are written."""
    id = sa.column("id", sa.Text)
    asked = sa.select(id, *columns).select_from(sa.table(table)).order_by(id).limit(ROWS)
    rows = op.get_bind().execute(asked).all()
    while rows:
        yield from rows
        rows = op.get_bind().execute(asked.where(id > rows[-1].id)).all()


def _put(kind: str, id: str, owner: str, body: bytes, **others: object) -> None:
    values = {"kind": kind, "id": id, "owner": owner, "body": body, **others}
    op.get_bind().execute(sa.insert(_documents).values(values))


def _index_what_has(column: str, name: str, *, unique: bool) -> None:
    there = sa.column(column).is_not(None)
    op.create_index(
        name, "documents", ["kind", column],
        unique=unique, sqlite_where=there, postgresql_where=there,
    )  # fmt: skip
