"""SQLite in one file, with a write-ahead log: readers and the writer do not wait for each other.

`synchronous = FULL`: what is committed is on disk. The file is opened, never made, and must still
be the one at its path: commits to a file without a name would be lost.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import cast
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine

from actors.store.backend import FileReplaced, Made

OLDEST = (3, 35, 0)  # DELETE … RETURNING
ROOM_BYTES = 65_536  # the log of the first transactions, and their index


class SqliteConnection(sqlite3.Connection):
    """A connection that knows which file it has open, and can be interrupted."""

    identity: tuple[int, int] | None = None

    def break_off(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # closed
            self.interrupt()


class Sqlite:
    """The file of one server; its lock on `data_dir` keeps others out."""

    name = "sqlite"

    def __init__(self, file: Path) -> None:
        self._file = file

    def describe(self) -> str:
        return f"the SQLite file {self._file}"

    def make(self) -> None:
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def open_engine(self, made: Made, connections: int) -> Engine:
        def connect() -> SqliteConnection:
            connection = sqlite3.connect(
                f"file:{quote(str(self._file))}?mode=rw",
                uri=True,
                timeout=0.0,  # each transaction says how long it waits
                isolation_level=None,  # and begins when it says so
                check_same_thread=False,
                factory=SqliteConnection,
            )
            try:
                connection.identity = _identity(self._file)
                # Even these may have to wait, for one who rebuilds the index of the log.
                connection.execute(f"PRAGMA busy_timeout = {made(connection)}")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
            except BaseException:
                connection.close()
                raise
            return connection

        return create_engine(
            "sqlite://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=connections,
            max_overflow=0,
            hide_parameters=True,
        )

    def begin(self, connection: Connection, milliseconds: int, *, write: bool) -> None:
        opened = cast("SqliteConnection", connection.connection.driver_connection)
        if opened.identity is None or opened.identity != _identity(self._file):
            connection.invalidate()
            raise FileReplaced
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    def lock(self, connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # stays so, whoever opens it
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def trouble(self, connection: Connection) -> str:
        if sqlite3.sqlite_version_info < OLDEST:
            return f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or newer is needed"
        if connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal":
            self._find_room()
            return "its disk takes no write-ahead log; data_dir must be on a local disk"
        return ""

    def _find_room(self) -> None:
        """Raise OSError where the disk is full: SQLite then only keeps to the former journal."""
        with TemporaryFile(dir=self._file.parent) as probe:
            probe.write(bytes(ROOM_BYTES))


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
