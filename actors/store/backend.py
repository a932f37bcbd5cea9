"""What the two databases have in common: each makes connections, begins and prepares in its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from actors.store.place import StorePlace


class Breakable(Protocol):
    """A connection that another thread can make fail while this one waits for it."""

    def break_off(self) -> None: ...


Made = Callable[[Breakable], int]


class Backend(Protocol):
    """One kind of database, at one place. Everything here is called from threads."""

    name: str

    def describe(self) -> str:
        """Return where the database is, for people; no password is in it."""

    def make(self) -> None:
        """Make what has to be there before a connection; nothing that is there is changed.

        Raises OSError.
        """

    def open_engine(self, made: Made, connections: int) -> Engine:
        """Return an engine for at most so many connections; nothing is connected yet.

        `made` is shown each new connection, in the thread that made it, before it is asked
        anything, and says how many milliseconds there are; what it raises ends the connection.
        """

    def begin(self, connection: Connection, milliseconds: int, *, write: bool) -> None:
        """Begin a transaction in which one statement may take so long. Raises FileReplaced."""

    def lock(self, connection: Connection) -> None:
        """Begin a transaction that changes the tables; others that want to wait."""

    def trouble(self, connection: Connection) -> str:
        """Return what makes this database unfit, in a sentence; "" if it is fit."""


class FileReplaced(Exception):
    """The file at SQLite's path is gone, or is another than the one that is open."""


def backend_of(place: StorePlace) -> Backend:
    """Return the kind of database that `place` names."""
    if place.url:
        from actors.store.postgresql import PostgreSql  # 60 ms; SQLite does without

        return PostgreSql(place.url, place.answer_seconds)
    from actors.store.sqlite import Sqlite

    return Sqlite(place.file)


def code_of(error: Exception) -> str:
    """Return what may be logged of a failure: its type and the database's code, no text."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return type(error).__name__
    orig = error.orig
    code = getattr(orig, "sqlstate", None) or getattr(orig, "sqlite_errorname", None) or ""
    return f"{type(orig).__name__} {code}".rstrip()
