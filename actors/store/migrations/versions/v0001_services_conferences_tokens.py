"""Make the tables of services, conferences and tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of services, conferences and tokens."""
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "services",
        sa.Column("id", bytewise, primary_key=True),
        sa.Column("name", bytewise, nullable=False, unique=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("encrypted", sa.Boolean, nullable=False),
    )
    op.create_table(
        "conferences",
        sa.Column("id", bytewise, primary_key=True),
        sa.Column(
            "service", bytewise, sa.ForeignKey("services.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_index("conferences_by_service", "conferences", ["service", "id"])
    op.create_table(
        "tokens",
        sa.Column("id", bytewise, primary_key=True),
        sa.Column("conference", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_index("tokens_by_expiry", "tokens", ["expires_at"])
