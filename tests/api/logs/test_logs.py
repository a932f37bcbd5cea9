"""Facts in, lines out."""

from __future__ import annotations

import json
import logging
import os
import pty
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from api.logs import configure
from api.settings import LogSettings

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def out(tmp_path: Path) -> Iterator[tuple[int, Lines]]:
    """A descriptor to log to, and what was logged there since the last look."""
    handle = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    seen = 0

    def lines() -> list[dict[str, Any]]:
        nonlocal seen
        text = (tmp_path / "out").read_text()
        fresh, seen = text[seen:], len(text)
        return [json.loads(line) for line in fresh.splitlines()]

    yield handle, lines
    os.close(handle)


def test_a_fact_becomes_one_line_of_json(out: tuple[int, Lines]) -> None:
    configure(LogSettings(), handle=out[0])
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().bind(actor="/rooms/a").warning("room.emptied", room="a", token="x")
    (line,) = out[1]()
    assert list(line)[:3] == ["time", "level", "event"]
    assert line["time"].endswith("Z")
    del line["time"]
    assert line == {
        "level": "warning",
        "event": "room.emptied",
        "actor": "/rooms/a",
        "room": "a",
        "request_id": "r1",
        "token": "[redacted]",
    }


def test_a_new_level_applies_to_loggers_made_before(out: tuple[int, Lines]) -> None:
    configure(LogSettings(level="warning"), handle=out[0])
    log = structlog.get_logger().bind(actor="/hub")
    log.info("hub.started")
    assert out[1]() == []
    configure(LogSettings(level="debug"), handle=out[0])
    log.debug("hub.looked")
    assert [line["event"] for line in out[1]()] == ["hub.looked"]


def test_a_crash_is_told_without_its_message(out: tuple[int, Lines]) -> None:
    configure(LogSettings(), handle=out[0])
    log = structlog.get_logger()
    secret = ValueError("hush")
    try:
        raise secret
    except ValueError as error:
        log.error("actor.crashed", exc_info=error)
        log.exception("actor.crashed")
    lines = out[1]()
    assert len(lines) == 2
    for line in lines:
        assert line["level"] == "error"
        assert line["exception"].endswith("ValueError")
        assert "hush" not in line["exception"]
        assert "exc_info" not in line


def test_libraries_are_heard_from_warning_on(out: tuple[int, Lines]) -> None:
    configure(LogSettings(level="debug"), handle=out[0])
    configure(LogSettings(level="debug"), handle=out[0])
    library = logging.getLogger("hypercorn.error")
    library.info("Running on %s", "x")
    library.warning("slow: %s", "/ws?t=secret")
    (line,) = out[1]()
    assert (line["event"], line["message"]) == ("library.logged", "slow: /ws?[redacted]")
    assert (line["level"], line["logger"]) == ("warning", "hypercorn.error")


def test_a_broken_record_of_a_library_is_logged_as_it_is(out: tuple[int, Lines]) -> None:
    configure(LogSettings(), handle=out[0])
    broken = logging.LogRecord("quart", 45, "x.py", 1, "broken: %d", ("x",), None)
    logging.getLogger().handlers[-1].handle(broken)
    (line,) = out[1]()
    assert (line["level"], line["message"]) == ("error", "broken: %d")


def test_a_file_gets_json_too_and_is_opened_anew_after_rotation(
    out: tuple[int, Lines], tmp_path: Path
) -> None:
    file, old = tmp_path / "quintet.log", tmp_path / "quintet.log.1"
    settings = LogSettings(file=file, format="console")
    log = structlog.get_logger()
    configure(settings, handle=out[0])
    log.info("room.created")
    file.rename(old)
    log.info("room.emptied")
    configure(settings, handle=out[0])
    log.info("room.expired")
    assert [json.loads(line)["event"] for line in old.read_text().splitlines()] == [
        "room.created",
        "room.emptied",
    ]
    assert json.loads(file.read_text())["event"] == "room.expired"
    assert "info     room.created" in (tmp_path / "out").read_text()


def test_a_file_that_cannot_be_opened_is_told_and_left_out(
    out: tuple[int, Lines], tmp_path: Path
) -> None:
    configure(LogSettings(file=tmp_path / "no" / "x.log"), handle=out[0])
    (line,) = out[1]()
    assert line["event"] == "log.file_failed"
    assert line["reason"] == "FileNotFoundError: ENOENT, No such file or directory"


def test_a_terminal_gets_coloured_lines() -> None:
    leader, follower = pty.openpty()
    configure(LogSettings(), handle=follower)
    structlog.get_logger().info("room.created", room="lobby")
    shown = os.read(leader, 1000).decode()
    os.close(leader)
    os.close(follower)
    assert "\x1b[1mroom.created" in shown
    assert "lobby" in shown


def test_lost_lines_are_reported_once_the_reader_is_back() -> None:
    reader, writer = os.pipe()
    configure(LogSettings(), handle=writer)
    log = structlog.get_logger()
    for number in range(3000):
        log.info("room.created", room="x" * 50, number=number)
    before = b""
    while not before.endswith(b"\n") or len(before) < 60_000:
        before += os.read(reader, 1 << 16)
    log.info("room.expired")
    after = [json.loads(line) for line in os.read(reader, 1 << 16).splitlines() if line]
    os.close(reader)
    os.close(writer)
    assert [line["event"] for line in after] == ["room.expired", "log.dropped"]
    assert after[1]["lines"] == 3000 - before.count(b"\n")


def test_a_reader_that_is_gone_stops_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    configure(LogSettings(), handle=writer)
    structlog.get_logger().info("room.created")
    os.close(writer)
    configure(LogSettings(), handle=writer)
    structlog.get_logger().info("room.created")


def test_threads_do_not_mix_their_lines(out: tuple[int, Lines]) -> None:
    configure(LogSettings(), handle=out[0])
    log = structlog.get_logger()

    def work(name: str) -> None:
        for _ in range(50):
            log.info("image.scaled", thread=name, text_length=len(name), pad="x" * 5000)

    threads = [threading.Thread(target=work, args=[f"t{number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(out[1]()) == 200
