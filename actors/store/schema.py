"""The tables of the database as the newest migration leaves them.

A change of these is a new file in `migrations/versions/`, and its revision is the new HEAD; a test
compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

HEAD = "0004"
VERSION_TABLE = "schema_version"

# Bytewise order and equality everywhere: what is "greater" must not depend on a locale.
BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData()

documents = Table(
    "documents",
    metadata,
    Column("kind", BYTEWISE, primary_key=True),
    Column("id", BYTEWISE, primary_key=True),
    Column("owner", BYTEWISE, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("expires_at", Double),
    Column("name", BYTEWISE),
    Column("body_bytes", Integer, Computed("length(body)")),
    # With the bytes, so that their sum is found in the index alone.
    Index("documents_by_owner", "kind", "owner", "id", "body_bytes"),
    Index("documents_by_expiry", "kind", "expires_at"),  # of all: the narrowest to count a kind by
)
_named = documents.c.name.is_not(None)
Index(
    "documents_by_name",
    documents.c.kind,
    documents.c.name,
    unique=True,
    sqlite_where=_named,
    postgresql_where=_named,
)

# The two who exchanged a message are its `low` and `high`, in the order of their names.
direct_messages = Table(
    "direct_messages",
    metadata,
    Column("site", BYTEWISE, primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("low", BYTEWISE, nullable=False),
    Column("high", BYTEWISE, nullable=False),
    Column("sender", BYTEWISE, nullable=False),
    Column("html", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("direct_messages_by_pair", "site", "low", "high", "id"),
    Index("direct_messages_by_other", "site", "high", "low", "id"),
    Index("direct_messages_by_time", "site", "at", "id"),
)
