"""Make the table of direct messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of direct messages."""
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "direct_messages",
        sa.Column("site", bytewise, primary_key=True),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("low", bytewise, nullable=False),
        sa.Column("high", bytewise, nullable=False),
        sa.Column("sender", bytewise, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    for name, columns in (
        ("direct_messages_by_pair", ["site", "low", "high", "id"]),
        ("direct_messages_by_other", ["site", "high", "low", "id"]),
        ("direct_messages_by_time", ["site", "at", "id"]),
    ):
        op.create_index(name, "direct_messages", columns)
