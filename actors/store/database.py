"""A database from the side of a thread: one request, one transaction, one answer."""

from __future__ import annotations

import threading

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from actors.core import Message
from actors.store.backend import Breakable, FileReplaced, backend_of, code_of
from actors.store.documents import SqlDocuments
from actors.store.history import HistoryMessage
from actors.store.place import StorePlace
from actors.store.sql_history import SqlHistory
from actors.store.transaction import Transaction


class DatabaseFailed(Exception):
    """The database did not do it; the text is a type and a code, fit for logs."""


class Database:
    """The connections of one store; nothing is connected before the first transaction."""

    def __init__(self, place: StorePlace) -> None:
        self._backend = backend_of(place)
        self._here = threading.local()
        self.used = False  # whether there may be connections to close
        self._engine = self._backend.open_engine(self._made, place.connections + 1)

    @property
    def name(self) -> str:
        """The kind of database."""
        return self._backend.name

    def run(self, transaction: Transaction) -> object:
        """Do the transaction and return its answer; a write is on disk by then.

        Raises what its message says, GivenUp, or DatabaseFailed; then nothing was written, unless
        the failure came during the commit.
        """
        self.used = True
        self._here.transaction = transaction
        try:
            return self._transact(transaction)
        except (SQLAlchemyError, FileReplaced, OSError) as error:
            transaction.check()  # broken because nobody waits
            raise DatabaseFailed(code_of(error)) from None
        finally:
            transaction.let_go()
            del self._here.transaction

    def close(self) -> None:
        """Close the connections that no transaction has in hand."""
        self._engine.dispose()

    def _transact(self, transaction: Transaction) -> object:
        connection = self._begin(transaction)
        try:
            answer = _do(connection, transaction.message)
            transaction.check()
            connection.commit()
        finally:
            connection.close()
        return answer

    def _begin(self, transaction: Transaction) -> Connection:
        """Begin a transaction, on another connection if the one at hand proves to be dead."""
        try:
            return self._begin_once(transaction)
        except FileReplaced:
            pass
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        transaction.check()
        return self._begin_once(transaction)

    def _begin_once(self, transaction: Transaction) -> Connection:
        connection = self._engine.connect()
        try:
            transaction.take(_below(connection))
            self._backend.begin(connection, transaction.milliseconds, write=transaction.write)
        except BaseException:
            connection.close()
            raise
        return connection

    def _made(self, connection: Breakable) -> int:
        """Let the transaction in this thread break the connection from its beginning."""
        transaction: Transaction = self._here.transaction
        transaction.take(connection)
        return transaction.milliseconds


def _do(connection: Connection, message: Message) -> object:
    if isinstance(message, HistoryMessage):
        return SqlHistory(connection).do(message)
    return SqlDocuments(connection).do(message)


def _below(connection: Connection) -> Breakable:
    """Return the connection below SQLAlchemy's."""
    found: Breakable = connection.connection.driver_connection  # type: ignore[assignment]
    return found
