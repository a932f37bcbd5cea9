"""Databases that are locked, gone, silent, full or replaced: refused in time, nothing lost."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from sqlalchemy import make_url

from actors.core import AskTimeout
from actors.store.messages import GetDocument, ListDocuments, TakeDocument
from actors.store.place import StorePlace
from actors.store.upgrade import prepare
from actors.words.refusals import Busy, StoreUnavailable
from tests.actors.core.puppet import logged
from tests.support.stores import (
    Store,
    fresh_place,
    numbered,
    open_store,
    postgresql,
    put_numbered,
    run_sql,
)
from tests.support.tcp_proxy import Proxy, proxy_to

__all__ = ["postgresql"]

ANSWER = 1.0  # seconds a database has in these tests
PROMPT = 15.0  # by then it must be refused, on a busy machine too
RECOVERY = 60.0


ALL = ListDocuments("test")


def get_numbered(number: int) -> GetDocument:
    return GetDocument("test", numbered(number).id)


@asynccontextmanager
async def sqlite_store(folder: Path, **changes: object) -> AsyncIterator[tuple[Store, Path]]:
    with fresh_place("sqlite", folder, **({"answer_seconds": ANSWER} | changes)) as place:
        prepare(place)
        async with open_store(place) as store:
            yield store, place.file


@asynccontextmanager
async def proxied_store(folder: Path, **changes: object) -> AsyncIterator[tuple[Store, Proxy, str]]:
    """Run a store on PostgreSQL behind a proxy; the last of the three is the direct URL."""
    with fresh_place("postgresql", folder, **({"answer_seconds": ANSWER} | changes)) as place:
        prepare(place)
        url = make_url(place.url)
        async with proxy_to(url.host or "127.0.0.1", url.port or 5432) as proxy:
            behind = url.set(host="127.0.0.1", port=proxy.port)
            behind_place = replace(place, url=behind.render_as_string(hide_password=False))
            async with open_store(behind_place) as store:
                yield store, proxy, place.url


async def refused_in_time(store: Store, number: int) -> None:
    began = trio.current_time()
    with pytest.raises(StoreUnavailable):
        await store.ask(put_numbered(number))
    assert trio.current_time() - began < PROMPT


async def until_written(store: Store, number: int) -> None:
    """Put a document again and again, until the database takes it."""
    with trio.fail_after(RECOVERY):
        while True:
            try:
                await store.ask(put_numbered(number))
            except StoreUnavailable:
                await trio.sleep(0.05)
            else:
                return


LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
if sys.argv[2] == "ALONE":  # as who is first after a kill, and rebuilds the index of the log
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    sys.argv[2] = "EXCLUSIVE"
connection.execute("BEGIN " + sys.argv[2])
print("locked", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def locked_by_another(file: Path, how: str) -> AsyncIterator[None]:
    """Have another process hold the lock of a SQLite file."""
    command = [sys.executable, "-c", LOCK, str(file), how]
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    async with process.stdin, process.stdout:
        try:
            with trio.fail_after(RECOVERY):
                assert await process.stdout.receive_some() != b"", "it could not lock the file"
            yield
        finally:
            process.kill()
        await process.wait()


async def test_a_locked_file_refuses_writes_in_time_and_loses_nothing(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as (store, file):
        await store.ask(put_numbered(1))
        with logged() as lines:
            async with locked_by_another(file, "IMMEDIATE"):
                async with trio.open_nursery() as nursery:
                    for number in range(2, 8):
                        nursery.start_soon(refused_in_time, store, number)
                    # Reads go on meanwhile.
                    assert await store.ask(ALL) == (numbered(1),)
                assert store.facts()["failing"] == ["writes"]
            await until_written(store, 9)
            assert store.facts()["failing"] == []
        # What was refused for a lock was not done.
        assert await store.ask(ALL) == (numbered(1), numbered(9))
    assert [line["event"] for line in lines] == ["store.unavailable", "store.available"]
    # SQLite adds up its naps instead of looking at a clock: on a busy machine it is late at times.
    assert lines[0]["error"] in ("OperationalError SQLITE_BUSY", "no answer")


async def test_a_write_that_waits_for_a_short_lock_is_done(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path, answer_seconds=10.0) as (store, file):
        async with trio.open_nursery() as nursery:
            async with locked_by_another(file, "EXCLUSIVE"):
                nursery.start_soon(store.ask, put_numbered(1))
                await trio.sleep(0.2)
        assert await store.ask(get_numbered(1)) == numbered(1)


async def test_a_connection_waits_for_who_has_the_file_alone_when_it_is_made(
    tmp_path: Path,
) -> None:
    async with sqlite_store(tmp_path, answer_seconds=10.0) as (store, file):
        async with trio.open_nursery() as nursery:
            async with locked_by_another(file, "ALONE"):
                nursery.start_soon(store.ask, ALL)
                nursery.start_soon(store.ask, put_numbered(1))
                await trio.sleep(0.2)
        assert await store.ask(get_numbered(1)) == numbered(1)


async def test_an_asker_with_little_time_hears_a_refusal_before_its_time_is_up(
    tmp_path: Path,
) -> None:
    async with sqlite_store(tmp_path, answer_seconds=30.0) as (store, file):
        async with locked_by_another(file, "IMMEDIATE"):
            async with trio.open_nursery() as nursery:
                for number in range(5):  # those that wait in the line hear it too

                    async def write(number: int = number) -> None:
                        with pytest.raises(StoreUnavailable):
                            await store.ask(put_numbered(number), within=3.0)

                    nursery.start_soon(write)


async def test_more_requests_than_may_wait_are_busy(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path, waiting=3, answer_seconds=60.0) as (store, file):
        outcomes: list[str] = []

        async def write(number: int) -> None:
            try:
                await store.ask(put_numbered(number))
            except Busy:
                outcomes.append("busy")
            else:
                outcomes.append("done")

        async with trio.open_nursery() as nursery:
            async with locked_by_another(file, "IMMEDIATE"):
                for number in range(10):
                    nursery.start_soon(write, number)
                with trio.fail_after(PROMPT):
                    while len(outcomes) < 7:
                        await trio.sleep(0.01)
                assert outcomes == ["busy"] * 7
                assert store.facts()["waiting"] == 3
        assert outcomes == ["busy"] * 7 + ["done"] * 3
        assert store.facts()["waiting"] == 0


async def test_a_file_that_vanished_takes_no_writes_until_it_is_back(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as (store, file):
        await store.ask(put_numbered(1))
        aside = file.with_suffix(".aside")
        file.rename(aside)
        await refused_in_time(store, 2)
        with pytest.raises(StoreUnavailable):
            await store.ask(ALL)
        assert not file.exists(), "an empty database must not take its place"
        aside.rename(file)
        await until_written(store, 3)
        assert await store.ask(ALL) == (numbered(1), numbered(3))


def restore(backup: Path, file: Path) -> None:
    """Put a backup in the place of a file, as an operator does."""
    for leftover in file.parent.glob(f"{file.name}-*"):
        leftover.unlink()
    backup.rename(file)


async def test_a_file_that_was_replaced_is_the_one_written_to(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as (store, file):
        await store.ask(put_numbered(1))
        with closing(sqlite3.connect(file)) as backup:
            backup.execute("VACUUM INTO ?", (str(tmp_path / "backup"),))
        await store.ask(put_numbered(2))
        restore(tmp_path / "backup", file)
        await store.ask(put_numbered(3))
        assert await store.ask(ALL) == (numbered(1), numbered(3))
    with closing(sqlite3.connect(file)) as check:
        assert check.execute("SELECT count(*) FROM documents").fetchone() == (2,)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the system refuse this process to write further into any file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_takes_no_more_is_a_refusal_and_the_rest_stays(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path, answer_seconds=10.0) as (store, _):
        await store.ask(put_numbered(1))
        big = put_numbered(2, b"x" * 1_500_000)
        take = TakeDocument("test", numbered(2).id)
        with logged() as lines:
            with files_of_at_most(1_000_000), pytest.raises(StoreUnavailable):
                await store.ask(big)
            assert [line["error"] for line in lines] == ["OperationalError SQLITE_IOERR_WRITE"]
        assert await store.ask(ALL) == (numbered(1),)
        assert await store.ask(take) is None
        await store.ask(big)
        assert await store.ask(take) == big.document


@pytest.mark.usefixtures("postgresql")
async def test_postgresql_may_be_away_for_a_while(tmp_path: Path) -> None:
    async with proxied_store(tmp_path) as (store, proxy, _):
        for number in range(5):
            await store.ask(put_numbered(number))
        with logged() as lines:
            proxy.down()
            await trio.sleep(0.05)
            await refused_in_time(store, 100)
            with pytest.raises(StoreUnavailable):
                await store.ask(ALL)
            await proxy.up()
            await until_written(store, 7)
        found = {each.id for each in await store.ask(ALL)}
        assert found == {numbered(number).id for number in (0, 1, 2, 3, 4, 7)}
    events = [line["event"] for line in lines]
    assert events.count("store.unavailable") == 2  # reads, and writes


@pytest.mark.slow
@pytest.mark.usefixtures("postgresql")
async def test_writers_and_five_seconds_without_postgresql(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    tried = 0
    refused = 0
    async with proxied_store(tmp_path) as (store, proxy, _):

        async def write_on(first: int) -> None:
            nonlocal tried, refused
            for number in range(first, first + 100_000):
                tried += 1
                began = trio.current_time()
                try:
                    await store.ask(put_numbered(number))
                    acknowledged.add(numbered(number).id)
                except StoreUnavailable:
                    refused += 1
                    await trio.sleep(0.05)
                assert trio.current_time() - began < PROMPT

        async with trio.open_nursery() as nursery:
            for writer in range(4):
                nursery.start_soon(write_on, writer * 1_000_000)
            await trio.sleep(1.0)
            proxy.down()
            await trio.sleep(5.0)
            before = len(acknowledged)
            await proxy.up()
            with trio.fail_after(RECOVERY):
                while len(acknowledged) < before + 50:
                    await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
        found = {each.id for each in await store.ask(ALL)}
    assert before > 10
    assert refused > 10
    assert acknowledged - found == set(), "acknowledged writes are lost"


@pytest.mark.usefixtures("postgresql")
async def test_a_silent_postgresql_is_given_up_and_its_connection_broken(tmp_path: Path) -> None:
    async with proxied_store(tmp_path) as (store, proxy, _):
        await store.ask(put_numbered(1))
        accepted = proxy.accepted
        proxy.stall()
        async with trio.open_nursery() as nursery:
            for number in range(10, 16):
                nursery.start_soon(refused_in_time, store, number)
            for _ in range(6):

                async def read() -> None:
                    with pytest.raises(StoreUnavailable):
                        await store.ask(ALL)

                nursery.start_soon(read)
        assert store.facts()["waiting"] == 0
        proxy.resume()
        await until_written(store, 2)
        assert proxy.accepted > accepted
        assert numbered(2) in await store.ask(ALL)


@pytest.mark.usefixtures("postgresql")
async def test_connections_that_died_while_idle_are_replaced_unnoticed(tmp_path: Path) -> None:
    async with proxied_store(tmp_path, answer_seconds=10.0) as (store, _, url):
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(store.ask, put_numbered(number))
                nursery.start_soon(store.ask, ALL)
        name = make_url(url).database
        run_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND application_name = 'quintet'"
        )
        with logged() as lines:
            await store.ask(put_numbered(7))
            assert len(await store.ask(ALL)) == 7
        assert lines == []


@pytest.mark.usefixtures("postgresql")
async def test_postgresql_waits_for_no_lock_longer_than_its_transaction(tmp_path: Path) -> None:
    import psycopg

    # A tenth of the time is for the server's word to arrive, also on a busy machine.
    async with proxied_store(tmp_path, answer_seconds=5.0) as (store, _, url):
        await store.ask(put_numbered(1))
        where = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with logged() as lines, psycopg.connect(where) as other:
            other.execute("LOCK TABLE documents IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreUnavailable):
                await store.ask(put_numbered(2), within=30.0)
            other.rollback()
            await until_written(store, 3)
        assert lines[0]["error"] == "QueryCanceled 57014"
        assert await store.ask(ALL) == (numbered(1), numbered(3))


@pytest.mark.usefixtures("postgresql")
async def test_a_store_that_ends_while_the_database_hangs_does_not_hang(tmp_path: Path) -> None:
    began = trio.current_time()
    async with proxied_store(tmp_path, answer_seconds=60.0) as (store, proxy, _):
        await store.ask(put_numbered(1))
        proxy.stall()
        async with trio.open_nursery() as nursery:

            async def write() -> None:
                with pytest.raises((AskTimeout, StoreUnavailable)):
                    await store.ask(put_numbered(2), within=1.0)

            nursery.start_soon(write)
    assert trio.current_time() - began < 30


def test_a_password_is_in_no_repr() -> None:
    place = StorePlace(Path("x"), "postgresql+psycopg://quintet:hush@db.example.org/quintet")
    assert "hush" not in repr(place)


@pytest.mark.usefixtures("postgresql")
async def test_a_database_without_tables_is_a_refusal(tmp_path: Path) -> None:
    for kind in ("sqlite", "postgresql"):
        with fresh_place(kind, tmp_path) as place:
            if kind == "sqlite":
                os.close(os.open(place.file, os.O_CREAT | os.O_RDWR))
            async with open_store(place) as store:
                with pytest.raises(StoreUnavailable):
                    await store.ask(ALL)
