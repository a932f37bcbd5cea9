"""The only place that configures structlog: facts in, JSON or readable lines out.

Modules log with `structlog.get_logger()`, as `log.info("room.created", room=…)`: a fixed
`noun.verb_past` event and keyword values. Log records of libraries (warnings and worse) come out
the same way, as `library.logged`. Of addresses only as much is written as `log.addresses` says,
whoever logs them: see `addresses.py`.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import structlog

from api.logs.addresses import AddressPolicy, with_shown_addresses
from api.logs.lines import LEVELS, json_line, readable_line
from api.logs.recent import RECENT
from api.logs.redaction import redact
from api.logs.sinks import LineSink
from api.logs.tracebacks import crash_text, summary
from api.settings import LogSettings

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class _Output:
    """Where entries end up. One per process, so that loggers made earlier follow a change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._terminal: LineSink | None = None
        self._file: LineSink | None = None
        self._readable = False
        self.level = LEVELS["info"]
        self.addresses: AddressPolicy = "network"

    def use(self, terminal: LineSink | None, file: LineSink | None, settings: LogSettings) -> None:
        seen = terminal is not None and terminal.terminal
        with self._lock:
            before, self._file = self._file, file
            self._terminal = terminal
            self._readable = settings.format == "console" or (settings.format == "auto" and seen)
            self.level = LEVELS[settings.level]
            self.addresses = settings.addresses
        if before is not None:
            before.close()

    def __call__(self, entry: Mapping[str, Any]) -> None:
        RECENT.note(entry)
        with self._lock:
            for sink in (self._terminal, self._file):
                if sink is not None and sink.write(self._line(sink, entry)) and sink.dropped:
                    count, sink.dropped = sink.dropped, 0
                    sink.write(self._line(sink, _entry("warning", "log.dropped", lines=count)))

    def _line(self, sink: LineSink, entry: Mapping[str, Any]) -> str:
        if self._readable and sink is self._terminal:
            return readable_line(entry, colour=sink.terminal)
        return json_line(entry)

    # The names under which structlog hands over an entry.
    debug = info = warning = error = critical = __call__


_OUTPUT = _Output()


def configure(settings: LogSettings, *, handle: int = 1) -> None:
    """Send logs where `settings` says: to standard output, and to a file of JSON lines if named.

    `handle` replaces standard output by another open descriptor.

    Call it again after a change or a rotation: level and format apply to every logger at once, and
    the file is opened anew. A file that cannot be opened is logged and left out.
    """
    terminal = LineSink(handle) if _is_open(handle) else None
    file, trouble = None, None
    if settings.file is not None:
        try:
            file = LineSink.open(settings.file)
        except OSError as error:
            trouble = summary(error)
    _OUTPUT.use(terminal, file, settings)
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=lambda *_: _OUTPUT,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _Libraries)]
    root.addHandler(_Libraries())
    root.setLevel(logging.WARNING)
    if trouble is not None:
        log = structlog.get_logger()
        log.error("log.file_failed", file=str(settings.file), reason=trouble)


def _is_open(handle: int) -> bool:
    try:
        os.fstat(handle)
    except OSError:
        return False
    return True


class _Libraries(logging.Handler):
    """Passes records of libraries on. Never below warning: at debug, some log whole messages."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._log = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # arguments that do not fit their format
            message = str(record.msg)
        level = next(name for name in reversed(LEVELS) if LEVELS[name] <= record.levelno)
        write = getattr(self._log, level)
        write("library.logged", logger=record.name, message=message, exc_info=record.exc_info)


def _entry(level: str, event: str, **values: object) -> dict[str, Any]:
    return {"time": _now(), "level": level, "event": event, **values}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _drop_minor(_logger: Any, method: str, entry: structlog.typing.EventDict) -> Any:
    if LEVELS[method] < _OUTPUT.level:
        raise structlog.DropEvent
    return entry


def _stamp(_logger: Any, method: str, entry: structlog.typing.EventDict) -> Any:
    entry["time"] = _now()
    entry["level"] = method
    return entry


def _tell_crash(_logger: Any, _method: str, entry: structlog.typing.EventDict) -> Any:
    """Turn `exc_info` (an exception, sys.exc_info(), or True for the current one) into text."""
    given: BaseException | _ExcInfo | bool | None = entry.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()[1]
    elif isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        entry["exception"] = crash_text(given)
    return entry


def _redact(_logger: Any, _method: str, entry: structlog.typing.EventDict) -> Any:
    return redact(entry)


def _reduce_addresses(_logger: Any, _method: str, entry: structlog.typing.EventDict) -> Any:
    return with_shown_addresses(entry, _OUTPUT.addresses)


def _hand_over(
    _logger: Any, _method: str, entry: structlog.typing.EventDict
) -> tuple[tuple[Mapping[str, Any]], dict[str, Any]]:
    return (entry,), {}


_PROCESSORS: list[structlog.typing.Processor] = [
    _drop_minor,
    structlog.contextvars.merge_contextvars,
    _stamp,
    _tell_crash,
    _redact,
    _reduce_addresses,
    _hand_over,
]
"""One list for good: loggers keep the one they first met, and tests look into it."""
