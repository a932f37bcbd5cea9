"""How an entry looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.logs.lines import json_line, printable, readable_line

ENTRY = {
    "room": "lobby",
    "time": "2026-11-21T10:52:23.123456Z",
    "event": "peer.joined",
    "level": "info",
    "count": 2,
}


def test_json_has_time_level_and_event_first() -> None:
    assert json_line(ENTRY) == (
        '{"time":"2026-11-21T10:52:23.123456Z","level":"info","event":"peer.joined",'
        '"room":"lobby","count":2}'
    )


def test_an_object_is_shown_by_its_type_only() -> None:
    class Say:
        def __repr__(self) -> str:
            return "Say('my chat text')"

    line = json_line(ENTRY | {"message": Say(), "file": Path("/a"), "some": {"b", "a"}})
    assert json.loads(line)["message"] == "<Say>"
    assert json.loads(line)["file"] == "/a"
    assert json.loads(line)["some"] == ["a", "b"]


def test_a_circular_value_costs_the_values_not_the_line() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert json.loads(json_line(ENTRY | {"x": circle}))["event"] == "peer.joined"


def test_a_readable_line_is_aligned_and_quotes_what_needs_it() -> None:
    line = readable_line(ENTRY | {"who": 'a "b"', "none": None}, colour=False)
    assert line == (
        "2026-11-21 10:52:23.123 info     peer.joined             "
        ' room=lobby count=2 who="a \\"b\\"" none=null'
    )


def test_a_traceback_follows_on_its_own_lines() -> None:
    line = readable_line(ENTRY | {"exception": "File x\nValueError"}, colour=False)
    assert line.endswith("room=lobby count=2\n    File x\n    ValueError")


@given(st.text(), st.text())
def test_no_text_plays_with_the_terminal(key: str, value: str) -> None:
    entry = ENTRY | {"event": value, "level": value, "time": value, key: value, "list": [value]}
    assert readable_line(entry | {"exception": ""}, colour=False).isprintable()


@given(st.text(), st.text())
def test_no_text_plays_with_the_terminal_of_who_looks_at_the_json(key: str, value: str) -> None:
    entry = ENTRY | {"event": value, key: [value, {value: value}], "exception": value}
    line = json_line(entry)
    assert line.isprintable()
    assert json.loads(line) == json.loads(json.dumps(entry))


def test_json_escapes_what_is_not_printable_and_that_alone() -> None:
    odd = "\x9b31m\x7f\u202e\u2028\U000e0001\ud800"
    line = json_line(ENTRY | {"room": f"grün 🎥{odd}", "\x9b": 1})
    assert r"grün 🎥\u009b31m\u007f\u202e\u2028\udb40\udc01\ud800" in line
    assert json.loads(line)["room"] == f"grün 🎥{odd}"
    assert json.loads(line)["\x9b"] == 1


def test_escape_sequences_are_written_out() -> None:
    assert printable("a\x1b[31m\u202eb\nü") == "a\\x1b[31m\\u202eb\\nü"


def test_colour_only_where_asked_for() -> None:
    assert "\x1b[" in readable_line(ENTRY, colour=True)
    assert "\x1b[" not in readable_line(ENTRY, colour=False)
