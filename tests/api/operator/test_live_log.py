"""The live log as a body: it begins at once, tells what is lost, and ends with the server."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from api.logs import reader, recent
from api.logs.filter import LogFilter
from api.logs.reader import LogNews
from api.logs.recent import RecentLog, TooManyReaders
from api.operator.overview import log
from api.operator.overview.log import ALIVE, LiveLog, events


@pytest.fixture
def recent_log(monkeypatch: pytest.MonkeyPatch) -> RecentLog:
    found = RecentLog()
    monkeypatch.setattr(log, "RECENT", found)
    return found


def entry(number: int) -> dict[str, Any]:
    return {"time": "2026-11-30T10:00:00Z", "level": "info", "event": "a.b", "number": number}


async def piece(body: LiveLog) -> str:
    with trio.fail_after(20):
        return (await anext(body)).decode()


async def test_it_begins_at_once_and_tells_lines_as_they_come(recent_log: RecentLog) -> None:
    async with LiveLog(LogFilter()) as body:
        assert await piece(body) == ALIVE.decode()
        recent_log.note(entry(1))
        recent_log.note(entry(2))
        found = [json.loads(line[6:]) for line in (await piece(body)).split("\n\n") if line]
        assert [each["number"] for each in found] == [1, 2]


async def test_a_slow_reader_is_told_how_many_lines_it_has_missed(
    recent_log: RecentLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "READER_LINES", 3)
    async with LiveLog(LogFilter()) as body:
        await piece(body)
        for number in range(10):
            recent_log.note(entry(number))
        told = await piece(body)
        assert told.startswith('event: dropped\ndata: {"lines": 7}\n\ndata: {')
        recent_log.note(entry(11))
        assert "dropped" not in await piece(body)


async def test_while_nothing_happens_there_is_a_sign_of_life(
    recent_log: RecentLog, autojump_clock: trio.testing.MockClock
) -> None:
    async with LiveLog(LogFilter(event="none")) as body:
        await piece(body)
        began = trio.current_time()
        recent_log.note(entry(1))
        assert await piece(body) == ALIVE.decode()
        assert trio.current_time() - began == 15.0


async def test_it_ends_when_readers_are_told_to(recent_log: RecentLog) -> None:
    async with LiveLog(LogFilter()) as body:
        await piece(body)
        recent_log.end_readers()
        with pytest.raises(StopAsyncIteration):
            await piece(body)


async def test_a_place_is_taken_before_anything_is_answered(recent_log: RecentLog) -> None:
    bodies = [LiveLog(LogFilter()) for _ in range(recent.MOST_READERS)]
    with pytest.raises(TooManyReaders):
        LiveLog(LogFilter())
    bodies[0].leave()
    async with LiveLog(LogFilter()) as body:
        assert await piece(body) == ALIVE.decode()
        with pytest.raises(TooManyReaders):
            LiveLog(LogFilter())
    LiveLog(LogFilter())


def test_an_event_is_one_line() -> None:
    line = json.dumps({"event": "a.b", "text": "one\ntwo\r\u2028"})
    told = events(LogNews((line, line), 0)).decode()
    assert told == f"data: {line}\n\n" * 2
