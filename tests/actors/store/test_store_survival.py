"""What was acknowledged is there after a kill -9 of the process, and after a crash of the actor."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.core import ActorCrashed, ActorError, Refused, Request
from actors.store.backend import backend_of
from actors.store.messages import STORE, DropDocument, GetDocument, ListDocuments, PutDocument
from actors.store.place import StorePlace
from actors.store.sql_store import SqlStore
from actors.store.upgrade import prepare
from tests.actors.core.puppet import logged
from tests.support.process import REPOSITORY
from tests.support.saboteur import Saboteur
from tests.support.store_writer import OWNER, put_written, written
from tests.support.stores import AMPLE, DATABASES, Store, fresh_place, open_store, run_sql


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorePlace]:
    with fresh_place(request.param, tmp_path) as place:
        yield place


def kill_while_it_writes(place: StorePlace, first: int, after: int) -> set[int]:
    """Run a writer, kill it after so many acknowledged writes, return what it acknowledged."""
    arguments = [str(place.file), str(first), place.url]
    command = [sys.executable, "-m", "tests.support.store_writer", *arguments]
    acknowledged: set[int] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith(b" ok\n"):
                acknowledged.add(int(line.split()[0]))
            if len(acknowledged) == after:
                process.kill()
    assert len(acknowledged) >= after
    return acknowledged


@pytest.mark.slow
async def test_every_acknowledged_write_outlives_a_kill(place: StorePlace) -> None:
    acknowledged: set[int] = set()
    for round in range(3):
        acknowledged |= await trio.to_thread.run_sync(
            kill_while_it_writes, place, round * 100_000, 60 + 20 * round
        )
    prepare(place)
    async with open_store(place) as store:
        found = await store.ask(ListDocuments("written"))
    assert {written(number) for number in acknowledged} <= set(found)
    assert all(each == written(int(each.id)) for each in found), "half a write"


async def test_a_crash_of_the_actor_loses_nothing_acknowledged(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(place)
    saboteur = Saboteur(monkeypatch, SqlStore, STORE)
    acknowledged: list[int] = []
    untold: list[ActorError] = []
    with logged() as lines:
        async with open_store(place) as store:
            await store.ask(PutDocument(OWNER, AMPLE))

            async def write(number: int) -> None:
                try:
                    await store.ask(put_written(number))
                    acknowledged.append(number)
                except ActorError as error:
                    untold.append(error)

            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(write, number)
                await trio.sleep(0.01)
                saboteur.crash("handle")
                with pytest.raises(ActorCrashed):
                    await store.ask(ListDocuments("owner"))
            assert len(acknowledged) + len(untold) == 20
            await store.ask(put_written(99))
            found = await store.ask(ListDocuments("written"))
    assert {written(number) for number in (*acknowledged, 99)} <= set(found)
    assert [line["event"] for line in lines] == ["actor.crashed"]


async def test_it_is_there_when_the_store_is_opened_again(place: StorePlace) -> None:
    prepare(place)
    async with open_store(place) as store:
        await store.ask(PutDocument(OWNER, AMPLE))
        await store.ask(put_written(1))
    prepare(place)
    async with open_store(place) as store:
        assert await store.ask(GetDocument("owner", OWNER.id)) == OWNER
        assert await store.ask(ListDocuments("written")) == (written(1),)


async def test_two_servers_on_one_database_leave_no_orphan_and_no_second_name(
    place: StorePlace,
) -> None:
    prepare(place)
    outcomes: list[str] = []
    patient = replace(place, answer_seconds=20.0)  # on a busy machine
    async with open_store(patient) as one, open_store(patient) as other:

        async def ask(store: Store, request: Request[Any]) -> None:
            try:
                await store.ask(request)
                outcomes.append("done")
            except Refused as refusal:
                outcomes.append(refusal.code)

        for round_ in range(10):
            await one.ask(PutDocument(OWNER, AMPLE))
            outcomes.clear()
            async with trio.open_nursery() as nursery:
                for number in range(round_ * 10, round_ * 10 + 10):
                    nursery.start_soon(ask, one, put_written(number))
                await trio.sleep(0.003 * round_)
                nursery.start_soon(ask, other, DropDocument("owner", OWNER.id, ("written",)))
            assert set(outcomes) <= {"done", "unknown_owner"}
            assert await one.ask(ListDocuments("written")) == ()
        outcomes.clear()
        async with trio.open_nursery() as nursery:
            for number in range(10):
                named = replace(OWNER, id=str(number), name="the only one")
                store = (one, other)[number % 2]
                nursery.start_soon(ask, store, PutDocument(named, AMPLE))
        assert sorted(outcomes) == ["done", *["name_taken"] * 9]


def ask_while_writing(place: StorePlace, question: str) -> object:
    backend = backend_of(place)
    engine = backend.open_engine(lambda connection: 1_000, 1)
    try:
        with engine.connect() as connection:
            backend.begin(connection, 1000, write=True)
            return connection.exec_driver_sql(question).scalar()
    finally:
        engine.dispose()


def test_sqlite_puts_each_commit_on_disk(tmp_path: Path) -> None:
    place = StorePlace(tmp_path / "quintet.sqlite")
    prepare(place)
    assert ask_while_writing(place, "PRAGMA journal_mode") == "wal"
    full = 2
    assert ask_while_writing(place, "PRAGMA synchronous") == full
    assert place.file.stat().st_mode & 0o777 == 0o600
    writing = {each.stat().st_mode & 0o777 for each in tmp_path.glob("quintet.sqlite*")}
    assert writing == {0o600}


def test_postgresql_puts_each_commit_on_disk_even_where_that_is_switched_off(
    tmp_path: Path,
) -> None:
    with fresh_place("postgresql", tmp_path) as place:
        name = place.url.rpartition("/")[2]
        question = "SELECT current_setting('synchronous_commit')"
        run_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        assert ask_while_writing(place, question) == "on"
        run_sql(f"ALTER DATABASE {name} SET synchronous_commit = remote_write")
        assert ask_while_writing(replace(place, connections=1), question) == "remote_write"
