"""Make one table of documents by kind, and move services, conferences and tokens into it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
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
    if op.get_bind().dialect.name == "postgresql":
        # Servers of the former version may run still: what they write goes before this, or fails.
        op.execute("LOCK TABLE services, conferences, tokens IN ACCESS EXCLUSIVE MODE")
    op.create_table(
        "documents",
        sa.Column("kind", _bytewise, primary_key=True),
        sa.Column("id", _bytewise, primary_key=True),
        sa.Column("owner", _bytewise, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("name", _bytewise),
    )
    for rows in _rows("services", sa.column("name"), sa.column("key"), _bool("encrypted")):
        _put(map(_service, rows))
    # Its name is in its document as well. It stays in the database: it may be large.
    op.execute(
        "INSERT INTO documents (kind, id, owner, body)"
        " SELECT 'owt.room', id, service, document FROM conferences"
    )
    columns = ("conference", "service", "user_name", "role", "expires_at")
    document = sa.column("document", sa.LargeBinary)
    for rows in _rows("tokens", *map(sa.column, columns), document):
        _put(map(_token, rows))
    for table in ("tokens", "conferences", "services"):
        op.drop_table(table)
    op.create_index("documents_by_owner", "documents", ["kind", "owner", "id"])
    op.create_index("documents_by_expiry", "documents", ["kind", "expires_at"])
    named = sa.column("name").is_not(None)
    op.create_index(
        "documents_by_name", "documents", ["kind", "name"],
        unique=True, sqlite_where=named, postgresql_where=named,
    )  # fmt: skip


def _json(**fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


def _bool(name: str) -> Any:
    return sa.column(name, sa.Boolean)


def _rows(table: str, *columns: Any) -> Iterator[Sequence[sa.Row[Any]]]:
    """Return rows by id, some at a time, while others are written."""
    id = sa.column("id", sa.Text)
    asked = sa.select(id, *columns).select_from(sa.table(table)).order_by(id).limit(ROWS)
    rows = op.get_bind().execute(asked).all()
    while rows:
        yield rows
        rows = op.get_bind().execute(asked.where(id > rows[-1].id)).all()


def _service(row: sa.Row[Any]) -> dict[str, object]:
    body = _json(key=row.key, encrypted=row.encrypted)
    return {"kind": "owt.service", "id": row.id, "owner": "", "body": body, "name": row.name}


def _token(row: sa.Row[Any]) -> dict[str, object]:
    words = _json(room=row.conference, user=row.user_name, role=row.role)
    return {
        "kind": "owt.token",
        "id": row.id,
        "owner": row.service,
        "body": b'%b, "document": %b}' % (words[:-1], row.document),
        "expires_at": row.expires_at,
    }


def _put(documents: Iterable[dict[str, object]]) -> None:
    op.get_bind().execute(sa.insert(_documents), list(documents))
