"""The last warnings and errors, and whoever reads the log as it happens.

Entries come from any thread, redacted already, and nobody who logs ever waits for a reader: one
that is too slow loses lines and is told how many. Commands load this
file, too: it knows nothing of Trio.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from api.logs.lines import FIRST, LEVELS, json_line

MOST_ENTRIES = 500
MOST_CHARACTERS = 1_048_576  # of all these together
LONGEST = 16_384  # characters of one entry; of a longer one, long texts are cut
TEXT_KEPT = 500  # characters of a text that is cut
TRACEBACK_KEPT = 8_000  # its end: there it says what happened
MOST_READERS = 16

_FILTERED_BY = (*FIRST, "room", "peer", "dialect", "actor")
_SERIOUS = LEVELS["warning"]
_ERROR = LEVELS["error"]


class TooManyReaders(Exception):
    """There are MOST_READERS already."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """An entry as a line of JSON, and those of its values that filters look at."""

    line: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> LogLine:
        """Make one; what is too long is cut."""
        return cls(_line(entry), {key: entry[key] for key in _FILTERED_BY if key in entry})


class LineTaker(Protocol):
    """Somebody who reads on; see `api.logs.reader`."""

    def offer(self, entry: LogLine) -> None:
        """Take an entry if it is wanted, from any thread, without a wait; it never raises."""

    def end(self) -> None:
        """Read no more."""


class RecentLog:
    """Takes every entry that is logged. `warnings` and `errors` count those since the start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serious: deque[LogLine] = deque(maxlen=MOST_ENTRIES)
        self._characters = 0
        self._readers: tuple[LineTaker, ...] = ()
        self.warnings = 0
        self.errors = 0

    def note(self, entry: Mapping[str, Any]) -> None:
        """Take an entry, from any thread."""
        level = LEVELS.get(str(entry.get("level")), 0)
        readers = self._readers
        if level < _SERIOUS and not readers:
            return
        line = LogLine.of(entry)
        if level >= _SERIOUS:
            self._keep(line, error=level >= _ERROR)
        for reader in readers:
            reader.offer(line)

    def entries(self) -> tuple[LogLine, ...]:
        """Return the last warnings and errors, the newest last."""
        with self._lock:
            return tuple(self._serious)

    def join(self, reader: LineTaker) -> None:
        """Offer a reader what is logged from now on. Raises TooManyReaders."""
        with self._lock:
            if len(self._readers) >= MOST_READERS:
                raise TooManyReaders
            self._readers = (*self._readers, reader)

    def end_readers(self) -> None:
        """Have all readers end; in their thread."""
        for reader in self._readers:
            reader.end()

    def leave(self, reader: LineTaker) -> None:
        """Forget a reader."""
        with self._lock:
            self._readers = tuple(each for each in self._readers if each is not reader)

    def _keep(self, line: LogLine, *, error: bool) -> None:
        with self._lock:
            if error:
                self.errors += 1
            else:
                self.warnings += 1
            serious = self._serious
            if len(serious) == MOST_ENTRIES:
                self._characters -= len(serious.popleft().line)
            serious.append(line)
            self._characters += len(line.line)
            while self._characters > MOST_CHARACTERS:
                self._characters -= len(serious.popleft().line)


RECENT = RecentLog()
"""That of the process, which `api.logs` feeds."""


def _line(entry: Mapping[str, Any]) -> str:
    line = json_line(entry)
    if len(line) <= LONGEST:
        return line
    line = json_line({key: _cut(key, value) for key, value in entry.items()})
    if len(line) <= LONGEST:
        return line
    kept = {key: _cut(key, entry[key]) for key in _FILTERED_BY if key in entry}
    return json_line({**kept, "cut": True})


def _cut(key: str, value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = value if isinstance(value, str) else json_line({"": value})
    kept = TRACEBACK_KEPT if key == "exception" else TEXT_KEPT
    if len(text) <= kept:
        return value
    return "…" + text[-kept:] if key == "exception" else text[:kept] + "…"
