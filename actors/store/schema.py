"""The tables of the database as the newest migration leaves them.

A change of these is a new file in `migrations/versions/`, and its revision is the new HEAD; a test
compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

HEAD = "0001"
VERSION_TABLE = "schema_version"

# Bytewise order and equality everywhere: what is "greater" must not depend on a locale.
BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData()

services = Table(
    "services",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    Column("name", BYTEWISE, nullable=False, unique=True),
    Column("key", Text, nullable=False),
    Column("encrypted", Boolean, nullable=False),
)

conferences = Table(
    "conferences",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    Column("service", BYTEWISE, ForeignKey("services.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Index("conferences_by_service", "service", "id"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    Column("conference", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("user_name", Text, nullable=False),  # "user" is a word of SQL
    Column("role", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("tokens_by_expiry", "expires_at"),
)
