"""Before the first actor starts: is the database there, is it ours, has it this version's tables?

Alembic brings older tables up to date. It is imported only for that: most starts find HEAD.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import structlog
from sqlalchemy import Connection, column, inspect, select, table
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from actors.store.backend import Backend, Breakable, backend_of
from actors.store.documents import SqlDocuments
from actors.store.messages import Document, KindLimits
from actors.store.place import StorePlace
from actors.store.schema import HEAD, VERSION_TABLE
from actors.store.stored import check_document
from actors.store.troubles import StoreAway, StoreWrong, may_pass
from actors.words.refusals import Unstorable

MIGRATIONS = Path(__file__).parent / "migrations"
AGAIN_SECONDS = 0.5
STATEMENT_MILLISECONDS = 1000
DOCUMENTS_AT_ONCE = 1000

_VERSIONS = table(VERSION_TABLE)

log = structlog.get_logger(__name__)


def prepare(
    place: StorePlace, patience: float = 0.0, migrations: Path = MIGRATIONS, head: str = HEAD
) -> None:
    """Make the database ready for this version, waiting up to `patience` seconds for it.

    Blocks: call it before the event loop, or in a thread. Raises StoreWrong, StoreAway.
    """
    backend = backend_of(place)
    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            _prepare(backend, migrations, head)
            return
        except StoreAway as error:
            if time.monotonic() + AGAIN_SECONDS > deadline:
                raise
            if not told:
                log.warning("store.awaited", seconds=patience, reason=str(error))
                told = True
            time.sleep(AGAIN_SECONDS)


def keep(place: StorePlace, documents: Iterable[Document]) -> None:
    """Put documents into a database that is ready, all or none; what is there already stays.

    For what a former version kept elsewhere: no limit counts, and what no database holds is left
    out. Blocks. Raises StoreWrong, StoreAway.
    """
    backend, left = backend_of(place), filter(_is_storable, documents)
    with _troubles_named(backend), _connected(backend) as connection:
        backend.begin(connection, STATEMENT_MILLISECONDS, write=True)
        while some := list(islice(left, DOCUMENTS_AT_ONCE)):
            SqlDocuments(connection).keep(some)
        connection.commit()


def _is_storable(document: Document) -> bool:
    try:
        check_document(document, KindLimits(0, 0, len(document.body)), 0.0)
    except Unstorable:
        return False
    return True


def _prepare(backend: Backend, migrations: Path, head: str) -> None:
    with _troubles_named(backend):
        backend.make()
        with _connected(backend) as connection:
            backend.begin(connection, STATEMENT_MILLISECONDS, write=False)
            before = _version(connection)
            if before == head:
                return
            connection.rollback()
            backend.lock(connection)
            if trouble := backend.trouble(connection):
                raise StoreWrong(f"{backend.describe()} cannot be used: {trouble}")
            before = _version(connection)  # another server may just have done it
            if before != head:
                _upgrade(backend, connection, migrations, before)
            connection.commit()
        if before is not None:  # that it made its first tables is no news
            log.info("store.upgraded", database=backend.name, before=before, now=head)


@contextmanager
def _troubles_named(backend: Backend) -> Iterator[None]:
    """Raise what goes wrong with the database as StoreAway or StoreWrong."""
    try:
        yield
    except SQLAlchemyError as error:
        kind = StoreAway if _is_away(error) else StoreWrong
        raise kind(f"{backend.describe()} cannot be used: {_first_line(error)}") from None
    except OSError as error:
        kind = StoreAway if may_pass(error) else StoreWrong
        raise kind(f"{backend.describe()} cannot be used: {error.strerror}") from None


@contextmanager
def _connected(backend: Backend) -> Iterator[Connection]:
    engine = backend.open_engine(_nobody_breaks_it, 1)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _nobody_breaks_it(_connection: Breakable) -> int:
    """Have no means of calling a start off but ending the process."""
    return STATEMENT_MILLISECONDS


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.scalar(select(column("version_num")).select_from(_VERSIONS))
    return version


def _upgrade(backend: Backend, connection: Connection, folder: Path, before: str | None) -> None:
    from alembic import command  # 70 ms
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    if before is not None and before not in known:
        raise StoreWrong(
            f"{backend.describe()} was made by a newer version of Quintet: its tables are of"
            f" version {before}, this one knows up to {max(known)}; run that one, or restore a"
            " backup"
        )
    command.upgrade(config, "head")


def _is_away(error: SQLAlchemyError) -> bool:
    """Say whether waiting may help.

    So it may where PostgreSQL cannot be reached, another process holds SQLite's lock, or the disk
    is full or does not answer: somebody makes room, or mounts it again.
    """
    orig = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(orig, sqlite3.Error):
        return may_pass(orig)
    return isinstance(error, OperationalError)


def _first_line(error: SQLAlchemyError) -> str:
    """Return what the database says; SQLAlchemy would add the statement."""
    orig = error.orig if isinstance(error, DBAPIError) else None
    return str(orig or error).partition("\n")[0]
