"""Have the database count the bytes of each document, for bounds of an owner and of all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Have the database count the bytes of each document, for bounds of an owner and of all."""
    # Generated: servers of the former version may run still, and do not know it. SQLite adds no
    # column that is stored, PostgreSQL before 18 none that is not; an index has it either way.
    stored = op.get_bind().dialect.name == "postgresql" or None
    size = sa.Computed("length(body)", persisted=stored)
    op.add_column("documents", sa.Column("body_bytes", sa.Integer, size))
    op.drop_index("documents_by_owner", "documents")
    op.create_index("documents_by_owner", "documents", ["kind", "owner", "id", "body_bytes"])
