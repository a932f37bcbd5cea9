"""The lines of several log files, rotated and compressed ones among them, in their order."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from api.logs.files import LogUnreadable, lines_of_files


def line(minute: int, event: str) -> bytes:
    return json.dumps({"time": f"2026-11-21T10:{minute:02}:00.000000Z", "level": "info",
                       "event": event}, separators=(",", ":")).encode() + b"\n"  # fmt: skip


def events(lines: list[bytes]) -> list[str]:
    return [json.loads(each)["event"] if each[:1] == b"{" else each.decode() for each in lines]


def test_rotated_files_are_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    """As a shell lists them: the newest first, and the tenth before the second."""
    names = ("q.jsonl", "q.jsonl.1", "q.jsonl.10.gz", "q.jsonl.2.gz")
    for name, minutes in zip(names, ((8, 9), (6, 7), (0, 1), (4, 5)), strict=True):
        text = b"".join(line(minute, f"at.m{minute}") for minute in minutes)
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    found = events(list(lines_of_files([str(tmp_path / name) for name in names])))
    assert found == [f"at.m{minute}" for minute in (0, 1, 4, 5, 6, 7, 8, 9)]


def test_files_of_one_time_are_merged_and_text_stays_with_its_entry(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(line(1, "a.a") + b"Traceback\n" + line(4, "a.b"))
    two.write_bytes(line(2, "b.a") + line(3, "b.b"))
    found = events(list(lines_of_files([str(two), str(one)])))
    assert found == ["a.a", "Traceback\n", "b.a", "b.b", "a.b"]


def test_compressed_is_what_begins_so_whatever_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(gzip.compress(line(1, "a.a")) + gzip.compress(line(2, "a.b")))
    assert events(list(lines_of_files([str(file)]))) == ["a.a", "a.b"]
    file.write_bytes(b"")
    assert list(lines_of_files([str(file)])) == []


@pytest.mark.parametrize("damage", ["cut", "wrong"])
def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path, damage: str) -> None:
    data = gzip.compress(b"".join(line(1, f"a.{number}") for number in range(20_000)))
    file = tmp_path / "log.gz"
    middle = len(data) // 2
    file.write_bytes(data[:middle] if damage == "cut" else data[:middle] + bytes(len(data)))
    found = []
    with pytest.raises(LogUnreadable, match=r"cannot read all of .*log\.gz: it is damaged"):
        found.extend(lines_of_files([str(file)]))
    assert len(found) > 1000 or damage == "wrong"


def test_what_is_not_there_is_said_before_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(line(1, "a.a"))
    with pytest.raises(LogUnreadable, match=r"cannot read no\.log: No such file or directory"):
        next(lines_of_files([str(tmp_path / "log"), "no.log"]))
    with pytest.raises(LogUnreadable, match="Is a directory"):
        next(lines_of_files([str(tmp_path)]))
