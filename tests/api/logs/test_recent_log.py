"""The last warnings and errors, and readers of the log: bounded, from any thread."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from api.logs import reader as reader_module
from api.logs import recent
from api.logs.filter import LogFilter
from api.logs.reader import LogNews, LogReader
from api.logs.recent import LogLine, RecentLog, TooManyReaders

ALL = LogFilter()


def entry(level: str = "warning", **values: Any) -> dict[str, Any]:
    return {"time": "2026-11-30T10:00:00Z", "level": level, "event": "disk.full", **values}


async def heard_by(reader: LogReader) -> LogNews:
    with trio.fail_after(30):
        news = await reader.news()
    assert news is not None
    return news


def numbers(log: RecentLog) -> list[int]:
    return [json.loads(each.line)["number"] for each in log.entries()]


def test_warnings_and_errors_are_kept_and_counted_others_are_not() -> None:
    log = RecentLog()
    for number, level in enumerate(("debug", "info", "warning", "error", "critical")):
        log.note(entry(level, number=number))
    assert numbers(log) == [2, 3, 4]
    assert (log.warnings, log.errors) == (1, 2)


def test_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    log = RecentLog()
    for number in range(recent.MOST_ENTRIES + 10):
        log.note(entry(number=number))
    assert numbers(log) == list(range(10, recent.MOST_ENTRIES + 10))
    assert log.warnings == recent.MOST_ENTRIES + 10


def test_all_together_they_are_bounded() -> None:
    log = RecentLog()
    for number in range(recent.MOST_ENTRIES):
        log.note(entry(number=number, exception="x" * 7_000))
    assert sum(len(each.line) for each in log.entries()) <= recent.MOST_CHARACTERS
    kept = numbers(log)
    assert kept == list(range(recent.MOST_ENTRIES - len(kept), recent.MOST_ENTRIES))
    assert len(kept) > 100


def test_of_a_long_traceback_the_end_is_kept_of_other_texts_the_beginning() -> None:
    long = entry(
        exception="first" + "x" * 40_000 + "last", reason="begin" + "y" * 9_000, lines=7,
        many=["z" * 100] * 1_000,
    )  # fmt: skip
    told = json.loads(LogLine.of(long).line)
    assert told["exception"].endswith("last")
    assert "first" not in told["exception"]
    assert told["reason"].startswith("begin")
    assert (told["lines"], told["event"]) == (7, "disk.full")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=3_000) | st.integers(), max_size=60))
def test_a_line_is_bounded_and_json_whatever_is_in_it(values: dict[str, Any]) -> None:
    line = LogLine.of(entry() | values).line
    assert len(line) <= recent.LONGEST * 2  # what is not printable is written out
    assert isinstance(json.loads(line), dict)


async def test_a_reader_hears_what_it_wants_also_from_threads() -> None:
    log = RecentLog()
    with LogReader(log, LogFilter(room="blue")) as reader:
        await trio.to_thread.run_sync(log.note, entry("info", room="red", number=1))
        await trio.to_thread.run_sync(log.note, entry("info", room="blue", number=2))
        news = await heard_by(reader)
        assert [json.loads(line)["number"] for line in news.lines] == [2]
        assert news.lost == 0


async def test_a_reader_waits_until_something_comes() -> None:
    log = RecentLog()
    heard: list[int] = []

    async def read() -> None:
        with LogReader(log, ALL) as reader:
            while len(heard) < 200:
                news = await heard_by(reader)
                heard.extend(json.loads(line)["number"] for line in news.lines)

    def write() -> None:
        for number in range(200):
            log.note(entry("info", number=number))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(trio.to_thread.run_sync, write)
    assert heard == list(range(200))


async def test_a_slow_reader_loses_lines_and_is_told_how_many() -> None:
    log = RecentLog()
    with LogReader(log, ALL) as reader:
        for number in range(reader_module.READER_LINES + 30):
            log.note(entry("info", number=number))
        news = await heard_by(reader)
        assert (len(news.lines), news.lost) == (reader_module.READER_LINES, 30)
        log.note(entry("info", number=-1))
        again = await heard_by(reader)
        assert (len(again.lines), again.lost) == (1, 0)


async def test_what_waits_for_a_reader_is_bounded_in_characters() -> None:
    log = RecentLog()
    with LogReader(log, ALL) as reader:
        for _ in range(200):
            log.note(entry("info", exception="x" * 8_000))
        news = await heard_by(reader)
    assert sum(map(len, news.lines)) <= reader_module.READER_CHARACTERS
    assert news.lost == 200 - len(news.lines) > 0


async def test_there_are_so_many_readers_and_places_become_free() -> None:
    log = RecentLog()
    readers = [LogReader(log, ALL) for _ in range(recent.MOST_READERS)]
    with pytest.raises(TooManyReaders):
        LogReader(log, ALL)
    with readers[3]:
        pass
    LogReader(log, ALL)


def test_a_reader_whose_loop_is_over_harms_nobody() -> None:
    log = RecentLog()
    left: list[object] = []

    async def leave_one() -> None:
        left.append(LogReader(log, ALL))

    trio.run(leave_one)
    thread = threading.Thread(target=log.note, args=(entry(number=1),))
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert numbers(log) == [1]


async def test_readers_end_when_they_are_told_to() -> None:
    log = RecentLog()
    with LogReader(log, ALL) as reader, trio.fail_after(30):
        async with trio.open_nursery() as nursery:

            async def read_on() -> None:
                assert await reader.news() is None

            nursery.start_soon(read_on)
            await trio.testing.wait_all_tasks_blocked()
            log.end_readers()
        assert await reader.news() is None
