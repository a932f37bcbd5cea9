"""`quintet logs` on lines, on files that grow, and on files that are rotated."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.logs.filter import LogFilter
from api.logs.viewer import follow, lines_of, view, view_timeline


def line(event: str, second: float = 0.0, **values: Any) -> bytes:
    time = f"2026-11-21T10:00:{second:09.6f}Z"
    return json.dumps({"time": time, "level": "info", "event": event, **values}).encode() + b"\n"


def seen(lines: list[bytes], wanted: LogFilter, show: Callable[..., None] = view) -> list[str]:
    out: list[str] = []
    show(lines, wanted, out.append, colour=False)
    return "".join(out).splitlines()


def test_entries_become_readable_and_other_lines_pass() -> None:
    lines = [line("room.created", room="a"), b"Traceback \x1b[31m\n", b"\n", b'{"no": "event"}\n']
    assert seen(lines, LogFilter()) == [
        "2026-11-21 10:00:00.000 info     room.created             room=a",
        "Traceback \\x1b[31m",
        '{"no": "event"}',
    ]


def test_with_a_filter_only_entries_that_match_remain() -> None:
    lines = [line("a.b", room="x"), b"text\n", line("a.b", room="y"), b"{broken\n"]
    (only,) = seen(lines, LogFilter(room="y"))
    assert only.endswith("room=y")


@given(st.lists(st.binary()))
def test_any_bytes_are_survived(lines: list[bytes]) -> None:
    seen(lines, LogFilter())
    seen([*lines, b'{"event":1,"time":2,"level":[]}', b"[" * 100_000], LogFilter(level="info"))


def test_a_timeline_counts_seconds_from_the_first_entry_of_the_room() -> None:
    lines = [
        line("room.created", 1, room="other"),
        line("room.created", 2, room="a"),
        b"text\n",
        line("peer.joined", 3.5, room="a", peer="p"),
        line("room.expired", 59, room="a"),
    ]
    shown = seen(lines, LogFilter(room="a"), view_timeline)
    assert shown == [
        "a from 2026-11-21 10:00:02+00:00",
        "10:00:02.000       +0.000 info     room.created",
        "10:00:03.500       +1.500 info     peer.joined              peer=p",
        "10:00:59.000      +57.000 info     room.expired",
    ]


def test_lines_longer_than_a_megabyte_come_in_pieces() -> None:
    pieces = list(lines_of(io.BytesIO(b"x" * 3_000_000 + b"\nend\n")))
    assert b"".join(pieces) == b"x" * 3_000_000 + b"\nend\n"
    assert max(map(len, pieces)) == 1 << 20


def follow_through(path: Path, *steps: Callable[[], object]) -> list[bytes]:
    """Follow `path`; each time there is nothing new, the next step happens."""
    todo = iter(steps)

    def pause() -> None:
        for step in todo:
            step()
            return
        raise EOFError

    found: list[bytes] = []
    with pytest.raises(EOFError):
        found.extend(follow(path, pause))  # keeps what came before the error
    return found


def append(path: Path, data: bytes) -> Callable[[], None]:
    def step() -> None:
        with path.open("ab") as file:
            file.write(data)

    return step


def test_following_waits_for_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")
    found = follow_through(path, append(path, b"o"), append(path, b"\nthree\n"))
    assert found == [b"one\n", b"two\n", b"three\n"]


def test_following_survives_rotation(tmp_path: Path) -> None:
    path, old = tmp_path / "log", tmp_path / "log.1"
    path.write_bytes(b"one\n")
    found = follow_through(
        path,
        lambda: path.rename(old),
        append(old, b"two\n"),  # the server has not noticed yet
        append(path, b""),  # logrotate creates the next file, empty
        append(old, b"three\nrest"),
        append(path, b"four\n"),
        append(path, b"five\n"),
    )
    assert found == [b"one\n", b"two\n", b"three\n", b"rest", b"four\n", b"five\n"]


def test_following_survives_truncation(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    found = follow_through(
        path, lambda: os.truncate(path, 0), append(path, b"new\n"), append(path, b"newer\n")
    )
    assert found == [b"one\n", b"two\n", b"new\n", b"newer\n"]
