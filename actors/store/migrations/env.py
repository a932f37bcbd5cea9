"""Run by Alembic: bring the connection it was handed to the version it was told."""

from __future__ import annotations

from alembic import context

from actors.store.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
