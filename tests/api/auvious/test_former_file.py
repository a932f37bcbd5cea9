"""The file of refresh tokens of former versions: handed over, then renamed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors.store.messages import Document
from actors.store.place import StorePlace
from actors.store.troubles import StoreAway, StoreWrong
from actors.store.upgrade import keep, prepare
from api.auvious.former_file import FILE, MOVED, move_refresh_tokens
from tests.support.stores import DATABASES, documents, fresh_place

TABLE = "CREATE TABLE refresh (hash BLOB PRIMARY KEY, client TEXT, user TEXT, end REAL)"
ROWS = [(bytes([n]) * 32, "customer", f"user {n}", 1000.25 + n) for n in range(3)]
KIND = "auvious.refresh"
MOVED_IN = [
    Document(KIND, f"{n:02x}" * 32, f"user {n}", b"customer", 1000.25 + n) for n in range(3)
]


def make(file: Path, *, rows: Iterable[tuple[object, ...]] = ROWS) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(TABLE)
        database.executemany("INSERT INTO refresh VALUES (?, ?, ?, ?)", rows)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_rows_are_handed_over_and_the_file_is_renamed(tmp_path: Path) -> None:
    make(tmp_path / FILE)
    handed: list[Document] = []
    with capture_logs() as lines:
        move_refresh_tokens(tmp_path, handed.extend)
    assert handed == MOVED_IN
    assert names(tmp_path) == [MOVED]
    assert [(line["event"], line["count"]) for line in lines] == [
        ("auvious.refresh_tokens_moved", 3)
    ]
    move_refresh_tokens(tmp_path, handed.extend)  # there is nothing left to move
    assert len(handed) == 3


def test_what_a_kill_left_in_the_log_beside_the_file_comes_along(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    make(before / FILE, rows=ROWS[:1])
    with closing(sqlite3.connect(before / FILE, isolation_level=None)) as open_still:
        open_still.execute("PRAGMA journal_mode = WAL")
        open_still.executemany("INSERT INTO refresh VALUES (?, ?, ?, ?)", ROWS[1:])
        shutil.copytree(before, after)
    assert f"{FILE}-wal" in names(after)
    handed: list[Document] = []
    move_refresh_tokens(after, handed.extend)
    assert sorted(handed, key=lambda each: each.owner) == MOVED_IN
    assert names(after) == [MOVED]


@pytest.mark.parametrize("content", [b"", None], ids=["nothing", "no table"])
def test_a_file_without_a_table_has_no_tokens(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        with closing(sqlite3.connect(tmp_path / FILE)) as database:
            database.execute("CREATE TABLE other (x)")
    else:
        (tmp_path / FILE).write_bytes(content)
    handed: list[Document] = []
    move_refresh_tokens(tmp_path, handed.extend)
    assert handed == []
    assert names(tmp_path) == [MOVED]


def test_a_file_stays_where_the_store_does_not_take_it(tmp_path: Path) -> None:
    make(tmp_path / FILE)

    def refuse(_documents: Iterable[Document]) -> None:
        raise StoreAway("it is away")

    with pytest.raises(StoreAway):
        move_refresh_tokens(tmp_path, refuse)
    assert names(tmp_path) == [FILE]


def test_a_file_that_cannot_be_renamed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To serve nevertheless would make used tokens good again at the next start."""
    make(tmp_path / FILE)

    def fail(_file: Path, _name: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreWrong, match=f"{FILE} cannot be moved into the store: .*denied"):
        move_refresh_tokens(tmp_path, lambda _documents: None)


def test_a_file_that_another_process_writes_to_is_named(tmp_path: Path) -> None:
    make(tmp_path / FILE)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreAway, match="locked"):  # the init system tries again
            move_refresh_tokens(tmp_path, lambda _documents: None)
    assert FILE in names(tmp_path)


def test_rows_that_are_no_tokens_are_left_out(tmp_path: Path) -> None:
    odd = [
        (None, "customer", "user", 1.0),
        ("text", "customer", "user", 1.0),
        (b"1", None, "user", 1.0),
        (b"2", "customer", None, 1.0),
        (b"3", "customer", "user", None),
        (b"4", b"\xff", "user", 1.0),
    ]
    make(tmp_path / FILE, rows=[*odd, *ROWS])
    handed: list[Document] = []
    move_refresh_tokens(tmp_path, handed.extend)
    assert handed == MOVED_IN


@pytest.mark.parametrize("kind", DATABASES)
def test_moving_again_changes_nothing(tmp_path: Path, kind: str) -> None:
    with fresh_place(kind, tmp_path) as place:
        prepare(place)

        def move() -> None:
            move_refresh_tokens(tmp_path, lambda found: keep(place, found))

        make(tmp_path / FILE)
        move()
        changed = Document(KIND, MOVED_IN[0].id, "changed", b"since", 1.0)
        keep(place, [changed])  # what is there stays
        assert documents(place, KIND) == MOVED_IN
        (tmp_path / MOVED).rename(tmp_path / FILE)
        move()
        assert documents(place, KIND) == MOVED_IN


@pytest.mark.parametrize("kind", DATABASES)
def test_many_are_kept_and_what_no_database_holds_is_left_out(tmp_path: Path, kind: str) -> None:
    with fresh_place(kind, tmp_path) as place:
        prepare(place)
        many = [Document("test", f"{n:05}", "", b"") for n in range(2500)]
        odd = [Document("test", "odd", "a\0b", b""), Document("test", "x" * 999, "", b"")]
        keep(place, [*odd, *many])
        keep(place, [])
        assert documents(place, "test") == many


def test_a_store_that_is_away_is_named(tmp_path: Path) -> None:
    place = StorePlace(tmp_path / "x", "postgresql+psycopg://quintet:hush@127.0.0.1:1/quintet")
    with pytest.raises(StoreAway, match=r"127\.0\.0\.1/quintet cannot be used") as caught:
        keep(place, MOVED_IN)
    assert "hush" not in str(caught.value)
