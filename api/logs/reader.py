"""A reader of the log as it happens: a task of Trio, which lines reach from any thread."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

import trio

from api.logs.filter import LogFilter
from api.logs.recent import LogLine, RecentLog

READER_LINES = 1_000  # that wait for one reader
READER_CHARACTERS = 1_048_576


@dataclass(frozen=True, slots=True)
class LogNews:
    """What has come for a reader: lines of JSON, and how many it has lost since it looked."""

    lines: tuple[str, ...]
    lost: int


class LogReader:
    """Somebody who reads on from now, as `with LogReader(RECENT, wanted) as reader`.

    Raises TooManyReaders.
    """

    def __init__(self, log: RecentLog, wanted: LogFilter) -> None:
        self._log = log
        self._wanted = wanted
        self._lock = threading.Lock()
        self._lines: deque[str] = deque()
        self._characters = 0
        self._lost = 0
        self._ended = False
        self._called = False  # the reader will look, and need not be woken
        self._news = trio.Event()
        self._trio = trio.lowlevel.current_trio_token()
        log.join(self)

    def __enter__(self) -> LogReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.leave(self)

    def offer(self, entry: LogLine) -> None:
        """Queue an entry that is wanted, or lose it; from any thread."""
        if not self._wanted.passes(entry.values):
            return
        with self._lock:
            size = len(entry.line)
            if len(self._lines) >= READER_LINES or self._characters + size > READER_CHARACTERS:
                self._lost += 1
            else:
                self._lines.append(entry.line)
                self._characters += size
            called, self._called = self._called, True
        if not called:
            with suppress(trio.RunFinishedError):
                self._trio.run_sync_soon(self._wake)

    async def news(self) -> LogNews | None:
        """Wait for something to come, and return all of it; None when it was told to end."""
        while True:
            with self._lock:
                if self._ended:
                    return None
                if self._lines or self._lost:
                    found = LogNews(tuple(self._lines), self._lost)
                    self._lines.clear()
                    self._characters = self._lost = 0
                    return found
                self._news = trio.Event()
                self._called = False
            await self._news.wait()

    def end(self) -> None:
        """Have the reader end; in its own thread."""
        self._ended = True
        self._news.set()

    def _wake(self) -> None:
        self._news.set()
