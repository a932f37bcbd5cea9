"""PostgreSQL by psycopg: for more than one machine, or where there is one already.

A commit is on the server's disk: `synchronous_commit` is asked for where it is off. A statement is
told how long it may take, so that the server ends those whose client is gone.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from math import ceil
from typing import Any

import psycopg
from psycopg.pq.abc import PGconn
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from actors.store.backend import Made

_BEGIN = text(
    "SELECT set_config('statement_timeout', :milliseconds, true),"
    " set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
    " WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)"
)
_LOCK = text("SELECT pg_advisory_xact_lock(8112504531)")  # any number: ours
_LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '60s'")
_ENCODING = text("SELECT current_setting('server_encoding')")


class PluggedConnection(psycopg.Connection[Any]):
    """A connection whose socket can be shut from outside, by a handle of its own.

    The number of libpq's own socket may be another's by the time it is used.
    """

    def __init__(self, pgconn: PGconn, *arguments: Any) -> None:
        super().__init__(pgconn, *arguments)
        self._plug = socket.socket(fileno=os.dup(pgconn.socket))

    def break_off(self) -> None:
        with suppress(OSError):  # closed
            self._plug.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._plug.close()
        super().close()


class PostgreSql:
    """One database of a PostgreSQL server, which other servers may use as well."""

    name = "postgresql"

    def __init__(self, url: str, answer_seconds: float) -> None:
        self._url = make_url(url)
        self._connect_seconds = max(2, ceil(answer_seconds))  # libpq's least is 2

    def describe(self) -> str:
        where = self._url.set(username=None, password=None, query={})
        return f"the PostgreSQL database {where.host or 'localhost'}/{where.database}"

    def make(self) -> None:
        """Do nothing: a database is made by its administrator."""

    def open_engine(self, made: Made, connections: int) -> Engine:
        def connect() -> PluggedConnection:
            connection = PluggedConnection.connect(**arguments)
            try:
                made(connection)
            except BaseException:
                connection.close()
                raise
            return connection

        engine = create_engine(
            self._url,
            creator=connect,
            pool_size=connections,
            max_overflow=0,
            hide_parameters=True,
            use_native_hstore=False,  # it would be asked for on each connection
        )
        arguments: dict[str, Any] = {
            "connect_timeout": self._connect_seconds,
            "application_name": "quintet",
            "prepare_threshold": None,  # a pooler of connections may stand in between
            **engine.dialect.create_connect_args(self._url)[1],
        }
        return engine

    def begin(self, connection: Connection, milliseconds: int, *, write: bool) -> None:
        connection.execute(_BEGIN, {"milliseconds": str(milliseconds)})

    def lock(self, connection: Connection) -> None:
        connection.execute(_LOCK_TIMEOUT)
        connection.execute(_LOCK)

    def trouble(self, connection: Connection) -> str:
        encoding = connection.execute(_ENCODING).scalar()
        return "" if encoding == "UTF8" else f"its encoding is {encoding}; UTF8 is needed"
