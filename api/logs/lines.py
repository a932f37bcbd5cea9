"""How one log entry looks: as a line of JSON, or as a line for people.

An entry is a mapping with `time` (ISO 8601, UTC), `level`, `event` and any further keys. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

FIRST = ("time", "level", "event")
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


def json_line(entry: Mapping[str, Any]) -> str:
    """Return one line of JSON, `time`, `level` and `event` first.

    Objects that JSON does not know are shown by their type only: a repr may hold user data. What is
    not printable is escaped, so that a room's name cannot play with the terminal of who looks at
    the file as it is.
    """
    ordered = {key: entry[key] for key in FIRST if key in entry}
    ordered.update(entry)
    try:
        line = json.dumps(ordered, ensure_ascii=False, default=_plain, separators=(",", ":"))
    except (ValueError, TypeError):  # a circular value, or a key that is no text
        return json.dumps({key: str(entry.get(key, "")) for key in FIRST})
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else _escaped(char) for char in line)


def readable_line(entry: Mapping[str, Any], *, colour: bool, when: str | None = None) -> str:
    """Return a line for people; a traceback follows on lines of its own.

    `when` replaces the time of day. Control characters are written out, so that a room's name
    cannot play with the terminal.
    """
    level = str(entry.get("level", ""))
    moment = _moment(entry.get("time")) if when is None else when
    event = printable(str(entry.get("event", "")))
    values = " ".join(
        _paint(printable(str(key)) + "=", "36", colour) + _shown(value)
        for key, value in entry.items()
        if key not in FIRST and key != "exception"
    )
    line = " ".join(
        (
            _paint(moment, "2", colour),
            _paint(f"{printable(level):<8}", _COLOURS.get(level, "0"), colour),
            _paint(f"{event:<24}", "1", colour),
            values,
        )
    ).rstrip()
    trace = entry.get("exception")
    if trace:
        line += "".join(f"\n    {printable(part)}" for part in str(trace).splitlines())
    return line


def printable(text: str) -> str:
    """Write out what is not printable: escape sequences, line breaks, direction marks."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _escaped(char: str) -> str:
    """Write a character as JSON escapes it (RFC 8259, section 7): one or two units of UTF-16."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _moment(time: object) -> str:
    """Shorten an ISO time to milliseconds."""
    text = printable(str(time or "-"))
    day, mark, rest = text.partition("T")
    return f"{day} {rest.rstrip('Z')[:12]}" if mark else text


def _shown(value: object) -> str:
    if isinstance(value, str):
        bare = value and not any(char in value for char in " \"'=")
        return printable(value if bare else json.dumps(value, ensure_ascii=False))
    return printable(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return f"<{type(value).__name__}>"


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
