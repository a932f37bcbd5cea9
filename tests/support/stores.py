"""Stores on every kind of database: a fresh one for each test that asks."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from actors.core import (
    Actor,
    ChildSpec,
    Message,
    Ref,
    Request,
    Restart,
    Supervisor,
    open_system,
)
from actors.store.database import Database
from actors.store.messages import STORE, Document, KindLimits, ListDocuments, PutDocument
from actors.store.place import StorePlace
from actors.store.sql_store import SqlStore
from actors.store.transaction import Transaction
from actors.store.upgrade import prepare
from tests.fakes.memory_store import MemoryStore
from tests.support.actors import House

POSTGRESQL = os.environ.get("QUINTET_TEST_POSTGRES") or "postgresql+psycopg://postgres@127.0.0.1/"
KINDS = ("memory", "sqlite", "postgresql")
DATABASES = ("sqlite", "postgresql")
AMPLE = KindLimits(100_000, 100_000, 2_097_152)


def numbered(number: int, body: bytes = b"") -> Document:
    """Return a document of the kind "test", whose ids are in the order of the numbers."""
    return Document("test", f"{number:024x}", "", body)


def put_numbered(number: int, body: bytes = b"") -> PutDocument:
    return PutDocument(numbered(number, body), AMPLE)


def run_sql(statement: str, url: str = POSTGRESQL) -> list[tuple[Any, ...]]:
    """Run one statement of the test's own on a PostgreSQL server, without a transaction."""
    where = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(where, autocommit=True, connect_timeout=30) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def need_postgresql() -> None:
    """Skip the test where there is no PostgreSQL, or fail it under CI=true."""
    try:
        run_sql("SELECT 1")
    except psycopg.OperationalError as error:
        first_line = str(error).partition("\n")[0]
        reason = f"no PostgreSQL ({first_line}); CONTRIBUTING.md says how to point to one"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def postgresql() -> None:
    """Need PostgreSQL; asked in a fixture, because an async test loses the reason of a skip."""
    need_postgresql()


@contextmanager
def fresh_postgresql() -> Iterator[str]:
    """Make an empty database while the block runs, and return its URL."""
    need_postgresql()
    name = f"quintet_test_{secrets.token_hex(6)}"
    run_sql(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    try:
        yield make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
    finally:
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def fresh_place(kind: str, folder: Path, **changes: Any) -> Iterator[StorePlace]:
    """Return a place of this kind that holds nothing yet; memory's is never used."""
    patient = StorePlace(folder / "quintet.sqlite", answer_seconds=20.0)  # of a busy disk
    place = replace(patient, **changes)
    if kind == "postgresql":
        with fresh_postgresql() as url:
            yield replace(place, url=url)
    else:
        yield place


def documents(place: StorePlace, kind: str) -> list[Document]:
    """Return all documents of a kind in a database, by id."""
    with closing(Database(place)) as database:
        found = database.run(Transaction(ListDocuments(kind), 20.0, write=False))
    assert isinstance(found, tuple)
    return list(found)


class Store:
    """A store that runs, and how to ask it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ref: Ref[Any] = house.find(STORE)

    async def ask(self, request: Request[Any], within: float = 20.0) -> Any:
        return await self.ref.ask(request, within=within)

    def facts(self) -> dict[str, Any]:
        return dict(self.house.facts(STORE))


def storage(store: Callable[[], Actor[Message]]) -> ChildSpec:
    """Return the subtree that a store lives in."""
    child = ChildSpec("store", store, Restart.PERMANENT)
    return ChildSpec("storage", lambda: Supervisor([child]), Restart.PERMANENT)


@asynccontextmanager
async def open_store(place: StorePlace) -> AsyncIterator[Store]:
    """Run the store on a database that is ready."""
    async with open_system([storage(lambda: SqlStore(place))]) as system:
        yield Store(House(system))


@asynccontextmanager
async def fresh_store(kind: str, folder: Path, **changes: Any) -> AsyncIterator[Store]:
    """Run an empty store of this kind."""
    if kind == "memory":
        async with open_system([storage(MemoryStore)]) as system:
            yield Store(House(system))
        return
    with fresh_place(kind, folder, **changes) as place:
        prepare(place)
        async with open_store(place) as store:
            yield store
