"""A sink never stops the server: what cannot be written soon is dropped."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.logs.sinks import LineSink


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for handle in (reader, writer):
        try:
            os.close(handle)
        except OSError:  # closed by the test
            continue


def fill(sink: LineSink) -> None:
    while sink.write("x" * 1000):
        pass


def test_lines_come_out_whole(pipe: tuple[int, int]) -> None:
    sink = LineSink(pipe[1])
    assert sink.write("one")
    assert sink.write("zwei ü \ud800")
    assert os.read(pipe[0], 100) == b"one\nzwei \xc3\xbc \\ud800\n"


def test_a_reader_that_falls_behind_costs_lines_and_is_counted(pipe: tuple[int, int]) -> None:
    sink = LineSink(pipe[1])
    fill(sink)
    assert sink.dropped == 1
    assert not sink.write("lost")
    assert sink.dropped == 2
    while len(os.read(pipe[0], 1 << 16)) == 1 << 16:
        pass
    assert sink.write("kept")
    assert os.read(pipe[0], 100).endswith(b"kept\n")


def test_a_line_that_was_cut_short_does_not_swallow_the_next(pipe: tuple[int, int]) -> None:
    sink = LineSink(pipe[1])
    assert not sink.write("y" * 1_000_000)
    os.read(pipe[0], 1 << 20)
    assert sink.write("next")
    assert os.read(pipe[0], 100) == b"\nnext\n"


def test_a_long_line_to_a_patient_reader_is_whole(tmp_path: Path) -> None:
    sink = LineSink.open(tmp_path / "log")
    assert sink.write("y" * 100_000)
    sink.close()
    assert (tmp_path / "log").stat().st_size == 100_001


def test_a_reader_that_is_gone_is_survived(pipe: tuple[int, int]) -> None:
    sink = LineSink(pipe[1])
    os.close(pipe[0])
    assert not sink.write("lost")
    assert not sink.terminal


def test_a_full_disk_is_survived() -> None:
    sink = LineSink.open(Path("/dev/full"))
    assert not sink.write("lost")
    assert sink.dropped == 1
    sink.close()


def test_a_file_is_appended_to_and_private(tmp_path: Path) -> None:
    for text in ("one", "two"):
        sink = LineSink.open(tmp_path / "log")
        sink.write(text)
        sink.close()
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
