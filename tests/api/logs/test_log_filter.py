"""Choosing log entries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.logs.filter import LogFilter, entry_time, parse_time

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ENTRY = {
    "time": "2026-11-21T10:52:23.123456Z",
    "level": "warning",
    "event": "peer.joined",
    "room": "lobby",
    "peer": "p1",
    "dialect": "spreed",
    "actor": "/rooms/lobby",
}


def at(text: str) -> datetime:
    return parse_time(text, NOW)


@pytest.mark.parametrize(
    ("conditions", "passes"),
    [
        ({}, True),
        ({"room": "lobby"}, True),
        ({"room": "lob"}, False),
        ({"peer": "p1", "dialect": "spreed"}, True),
        ({"peer": "p1", "dialect": "owt"}, False),
        ({"actor": "/rooms"}, True),
        ({"actor": "/rooms/"}, True),
        ({"actor": "/"}, True),
        ({"actor": "/rooms/lobby"}, True),
        ({"actor": "/rooms/lob"}, False),
        ({"actor": "/rooms/lobby/connections"}, False),
        ({"level": "info"}, True),
        ({"level": "warning"}, True),
        ({"level": "error"}, False),
        ({"event": "peer.joined"}, True),
        ({"event": "peer.*"}, True),
        ({"event": "room.*"}, False),
        ({"since": at("10:52")}, True),
        ({"since": at("10:53")}, False),
        ({"until": at("10:53")}, True),
        ({"until": at("10:52")}, False),
    ],
)
def test_every_condition_must_hold(conditions: dict[str, Any], passes: bool) -> None:
    assert LogFilter(**conditions).passes(ENTRY) is passes
    assert LogFilter(**conditions).empty is not bool(conditions)


def test_an_entry_that_does_not_say_is_not_chosen() -> None:
    for conditions in ({"room": "a"}, {"actor": "/a"}, {"level": "debug"}, {"since": NOW}):
        assert not LogFilter(**conditions).passes({"event": "x.happened"})


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90s", "2026-11-21T11:58:30+00:00"),
        ("10m", "2026-11-21T11:50:00+00:00"),
        ("2h", "2026-11-21T10:00:00+00:00"),
        ("1d", "2026-11-20T12:00:00+00:00"),
        ("9:05", "2026-11-21T09:05:00+00:00"),
        ("09:05:30", "2026-11-21T09:05:30+00:00"),
        ("2026-11-20", "2026-11-20T00:00:00+00:00"),
        ("2026-11-20T10:00", "2026-11-20T10:00:00+00:00"),
        ("2026-11-20 10:00:00.5Z", "2026-11-20T10:00:00.500000+00:00"),
        ("2026-11-20T10:00+02:00", "2026-11-20T08:00:00+00:00"),
    ],
)
def test_times_are_read_as_people_write_them(text: str, time: str) -> None:
    assert at(text) == datetime.fromisoformat(time)


@pytest.mark.parametrize("text", ["", "soon", "10", "25:00", "10y", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        at(text)


@given(st.none() | st.integers() | st.text() | st.datetimes().map(datetime.isoformat))
def test_an_entrys_time_is_known_with_its_zone_or_not_at_all(value: object) -> None:
    time = entry_time({"time": value})
    assert time is None or time.tzinfo is not None


@pytest.mark.parametrize(
    ("room", "passes"),
    [("Room:lobby", True), ("lobby", True), ("Room:a:lobby", False), ("Room%3Aa:lobby", True)],
)
def test_a_room_is_chosen_with_or_without_its_type(room: str, passes: bool) -> None:
    assert LogFilter(room="lobby").passes({"room": room}) is passes
    assert LogFilter(room=room).passes({"room": room})
