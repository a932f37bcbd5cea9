"""The start: tables are made and brought up to date; what is unfit is named and left alone."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import IO

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import DatabaseError
from structlog.testing import capture_logs

from actors.store.backend import backend_of
from actors.store.database import Database
from actors.store.place import StorePlace
from actors.store.schema import HEAD, VERSION_TABLE, metadata
from actors.store.sqlite import Sqlite
from actors.store.transaction import Transaction
from actors.store.troubles import StoreAway, StoreWrong
from actors.store.upgrade import MIGRATIONS, _is_away, prepare
from tests.support.process import REPOSITORY
from tests.support.stores import DATABASES, documents, fresh_place, numbered, put_numbered, run_sql

NEXT = '''
"""Give documents a colour."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("documents", sa.Column("colour", sa.Text, server_default="blue"))
    {more}
'''


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorePlace]:
    with fresh_place(request.param, tmp_path) as place:
        yield place


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A folder of migrations that goes one version further."""
    folder = tmp_path / "migrations of 100% more"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v9999_colour.py").write_text(NEXT.format(more="", head=HEAD))
    return folder


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """The migrations of the version before documents."""
    folder = tmp_path / "former"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("v000[2-9]*", "__pycache__"))
    return folder


def query(place: StorePlace, question: str) -> list[tuple[object, ...]]:
    if place.url:
        return run_sql(question, place.url)
    with closing(sqlite3.connect(place.file)) as connection:
        return connection.execute(question).fetchall()


def version(place: StorePlace) -> object:
    return query(place, f"SELECT version_num FROM {VERSION_TABLE}")[0][0]


def put_sample(place: StorePlace) -> None:
    with closing(Database(place)) as database:
        database.run(Transaction(put_numbered(5), 20.0, write=True))


def test_the_newest_migration_makes_the_tables_of_the_schema(place: StorePlace) -> None:
    prepare(place)
    assert version(place) == HEAD
    engine = create_engine(place.url) if place.url else create_engine(f"sqlite:///{place.file}")
    try:
        with engine.connect() as connection:
            options = {"version_table": VERSION_TABLE, "compare_type": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []
    finally:
        engine.dispose()


def test_head_is_the_last_of_one_row_of_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert script.get_bases() == ["0001"]


def test_preparing_again_changes_nothing_and_does_without_alembic(tmp_path: Path) -> None:
    place = StorePlace(tmp_path / "quintet.sqlite")
    prepare(place)
    put_sample(place)
    code = (
        "import sys; from pathlib import Path; from actors.store.place import StorePlace;"
        "from actors.store.upgrade import prepare; prepare(StorePlace(Path(sys.argv[1])));"
        "assert not {'alembic', 'psycopg'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(place.file)], check=True, cwd=REPOSITORY)
    assert documents(place, "test") == [numbered(5)]


def test_an_older_database_is_brought_up_to_date_with_what_is_in_it(
    place: StorePlace, newer: Path
) -> None:
    prepare(place)
    put_sample(place)
    with capture_logs() as lines:
        prepare(place, migrations=newer, head="9999")
    assert version(place) == "9999"
    assert query(place, "SELECT id, colour FROM documents") == [(numbered(5).id, "blue")]
    assert lines == [
        {
            "event": "store.upgraded",
            "log_level": "info",
            "database": "postgresql" if place.url else "sqlite",
            "before": HEAD,
            "now": "9999",
        }
    ]


def test_a_new_database_takes_all_steps_at_once(place: StorePlace, newer: Path) -> None:
    prepare(place, migrations=newer, head="9999")
    assert version(place) == "9999"
    assert query(place, "SELECT colour FROM documents") == []


def test_a_migration_that_fails_leaves_everything_as_it_was(place: StorePlace, newer: Path) -> None:
    prepare(place)
    put_sample(place)
    broken = NEXT.format(more='op.execute("SELECT * FROM nowhere")', head=HEAD)
    (newer / "versions" / "v9999_colour.py").write_text(broken)
    with pytest.raises(StoreWrong, match="nowhere"):
        prepare(place, migrations=newer, head="9999")
    assert version(place) == HEAD
    prepare(place)
    assert documents(place, "test") == [numbered(5)]


def test_a_newer_database_is_refused_and_left_alone(place: StorePlace, newer: Path) -> None:
    prepare(place, migrations=newer, head="9999")
    with pytest.raises(StoreWrong, match=rf"newer version of Quintet.*9999.*knows up to {HEAD}"):
        prepare(place)
    assert version(place) == "9999"


def test_servers_that_start_together_make_the_tables_once(place: StorePlace) -> None:
    troubles: list[Exception] = []

    def start() -> None:
        try:
            prepare(place, patience=20.0)
        except (StoreWrong, StoreAway) as error:
            troubles.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert version(place) == HEAD


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    place = StorePlace(tmp_path / "quintet.sqlite")
    place.file.write_bytes(b"a diary, not a database\n" * 100)
    with pytest.raises(StoreWrong, match=f"{place.file} cannot be used: file is not a database"):
        prepare(place, patience=20.0)
    assert place.file.read_bytes() == b"a diary, not a database\n" * 100


def test_tables_of_somebody_else_are_refused(place: StorePlace) -> None:
    if place.url:
        run_sql("CREATE TABLE services (mine integer)", place.url)
    else:
        with closing(sqlite3.connect(place.file)) as connection:
            connection.execute("CREATE TABLE services (mine integer)")
    with pytest.raises(StoreWrong, match=r"services.* already exists"):
        prepare(place, patience=20.0)
    query(place, "SELECT mine FROM services")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreWrong, match="No such file or directory"):
        prepare(StorePlace(tmp_path / "nowhere" / "quintet.sqlite"))


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
def test_a_disk_that_may_come_round_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    place = StorePlace(tmp_path / "quintet.sqlite")
    trouble = [OSError(reason, os.strerror(reason))]
    opened = os.open

    def open_later(path: object, *args: int) -> int:
        if trouble and path == place.file:
            raise trouble.pop()
        return opened(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr("actors.store.sqlite.os.open", open_later)
    with pytest.raises(StoreAway, match=os.strerror(reason)):
        prepare(place)
    trouble.append(OSError(reason, os.strerror(reason)))
    with capture_logs() as lines:
        prepare(place, patience=10.0)
    assert [line["event"] for line in lines] == ["store.awaited"]


FULL = "CREATE TABLE more (x); INSERT INTO more VALUES (zeroblob(100000))"


def test_a_disk_that_is_full_within_a_statement_is_waited_for(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "small")) as small:
        small.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.Error) as full:
            small.executescript(FULL)
    for found in (full.value, sqlite_error("SQLITE_IOERR_WRITE"), sqlite_error("SQLITE_CANTOPEN")):
        assert _is_away(DatabaseError("", None, found))
    for wrong in ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR"):
        assert not _is_away(DatabaseError("", None, sqlite_error(wrong)))


def test_a_disk_too_full_for_the_log_is_no_wrong_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite does not say why it keeps to the former journal."""

    def lock(_self: Sqlite, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def full(**_: object) -> IO[bytes]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Sqlite, "lock", lock)
    with pytest.raises(StoreWrong, match="must be on a local disk"):
        prepare(StorePlace(tmp_path / "quintet.sqlite"))
    monkeypatch.setattr("actors.store.sqlite.TemporaryFile", full)
    with pytest.raises(StoreAway, match="No space left"):
        prepare(StorePlace(tmp_path / "quintet.sqlite"))


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(name)
    error.sqlite_errorname = name
    return error


def test_a_locked_file_is_waited_for(tmp_path: Path) -> None:
    place = StorePlace(tmp_path / "quintet.sqlite")
    prepare(place)
    with closing(sqlite3.connect(place.file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with capture_logs() as lines, pytest.raises(StoreAway, match="locked"):
            prepare(place, patience=3.0)
    assert [line["event"] for line in lines] == ["store.awaited"]
    prepare(place)


@pytest.mark.parametrize("patience", [0.0, 1.0])
def test_a_postgresql_that_is_away_is_named_without_its_password(patience: float) -> None:
    url = "postgresql+psycopg://quintet:hush@127.0.0.1:1/quintet"
    place = StorePlace(Path("unused"), url)
    with capture_logs() as lines, pytest.raises(StoreAway, match="refused") as caught:
        prepare(place, patience)
    told = str(caught.value)
    assert told.startswith("the PostgreSQL database 127.0.0.1/quintet cannot be used: ")
    assert "hush" not in told + str(lines)
    assert [line["event"] for line in lines] == (["store.awaited"] if patience else [])


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    with fresh_place("postgresql", tmp_path) as place:
        url = make_url(place.url).set(database="quintet_nowhere")
        other = replace(place, url=url.render_as_string(hide_password=False))
        with pytest.raises(StoreAway, match='"quintet_nowhere" does not exist'):
            prepare(other)


def test_a_postgresql_of_another_encoding_is_refused(tmp_path: Path) -> None:
    with fresh_place("postgresql", tmp_path) as place:
        name = f"{make_url(place.url).database}_latin"
        run_sql(
            f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
            " TEMPLATE template0"
        )
        try:
            url = make_url(place.url).set(database=name)
            other = replace(place, url=url.render_as_string(hide_password=False))
            with pytest.raises(StoreWrong, match="its encoding is LATIN1; UTF8 is needed"):
                prepare(other)
        finally:
            run_sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_description_shows_no_password() -> None:
    url = "postgresql+psycopg://quintet:hush@db.example.org:5433/quintet?password=hush"
    described = backend_of(StorePlace(Path("unused"), url)).describe()
    assert described == "the PostgreSQL database db.example.org/quintet"


SERVICE = "INSERT INTO services VALUES ('1', 'a portal', 'key', true)"
ROOM = "INSERT INTO conferences VALUES ('2', '1', 'a room', 'document')"


def test_what_a_server_of_the_former_version_is_writing_is_not_lost(former: Path) -> None:
    """It answers its client once its transaction is over, which may be while tables are moved."""
    with fresh_place("postgresql", former) as place:
        prepare(place, migrations=former, head="0001")
        run_sql(SERVICE, place.url)
        where = make_url(place.url).set(drivername="postgresql")
        start = threading.Thread(target=prepare, args=(place,))
        with psycopg.connect(where.render_as_string(hide_password=False)) as writer:
            writer.execute(ROOM)
            start.start()
            until_somebody_waits_for_a_lock(place)
        start.join()
        found = query(place, "SELECT kind, id, owner, body FROM documents WHERE kind = 'owt.room'")
        assert found == [("owt.room", "2", "1", b"document")]


def until_somebody_waits_for_a_lock(place: StorePlace) -> None:
    waiting = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 30.0
    while not query(place, waiting):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_full_kind_is_counted_by_the_narrowest_index(tmp_path: Path) -> None:
    """Each put counts: by the owners' index, which has ids in it, it takes half as long again."""
    place = StorePlace(tmp_path / "quintet.sqlite")
    prepare(place)
    count = "SELECT count(*) FROM documents WHERE kind = 'x'"
    [(*_, plan)] = query(place, f"EXPLAIN QUERY PLAN {count}")
    assert "USING COVERING INDEX documents_by_expiry" in str(plan)
