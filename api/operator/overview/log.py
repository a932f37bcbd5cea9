"""`/-/log`: the last warnings and errors, and the log as it happens."""

from __future__ import annotations

from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Literal, Self

import trio
from pydantic import AfterValidator, Field
from quart import Response, request
from quart.wrappers.response import ResponseBody

from actors.core import Slices
from api.http.carriers.quart_seam import when_answered
from api.logs.filter import LogFilter, parse_time
from api.logs.reader import LogNews, LogReader
from api.logs.recent import MOST_READERS, RECENT, TooManyReaders
from api.operator.errors import refuse
from api.operator.overview.paging import Query, asked, json_answer

if TYPE_CHECKING:
    from api.http.mounts import Services

KEEP_ALIVE_SECONDS = 15.0
CONTENT_TYPE = "text/event-stream; charset=utf-8"
ALIVE = b": still here\n\n"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx is to pass lines on at once
}


def _time(text: str) -> str:
    if text:
        when(text, datetime.now(UTC))
    return text


class LogQuery(Query):
    """Which entries are wanted: all of these must hold."""

    level: Literal["", "debug", "info", "warning", "error", "critical"] = Field(
        "", description="This level or worse."
    )
    room: str = Field("", max_length=2000, description="A room's name, as logs have it.")
    peer: str = Field("", max_length=1000, description="Somebody's id, as logs have it.")
    dialect: str = Field("", max_length=100, description="What happens in this dialect.")
    actor: str = Field("", max_length=20_000, description="An actor's path, and all below it.")
    event: str = Field("", max_length=200, description="An event, which may have a * in it.")
    since: Annotated[str, AfterValidator(_time)] = Field(
        "", max_length=60, description="Unix seconds, 10m (ago), 14:30, or an ISO date or time."
    )

    def wanted(self) -> LogFilter:
        """Return the filter that this means."""
        since = when(self.since, datetime.now(UTC)) if self.since else None
        return LogFilter(
            self.room, self.peer, self.dialect, self.actor, self.level, self.event, since
        )


class LogLooks:
    """The operations on the log."""

    def __init__(self, services: Services) -> None:
        self._services = services
        services.lifecycle.drain_hooks.append(self._end_readers)

    async def recent(self) -> Response:
        """Show the last warnings and errors, the newest last."""
        wanted, slices, lines = asked(LogQuery).wanted(), Slices(), []
        for entry in RECENT.entries():
            if wanted.passes(entry.values):
                lines.append(entry.line.encode("utf-8", "backslashreplace"))
            await slices.rest()
        return json_answer(b'{"entries":[%s]}' % b",".join(lines))

    async def live(self) -> Response:
        """Show what is logged from now on, for as long as the reader stays."""
        wanted = asked(LogQuery).wanted()
        if not self._services.lifecycle.accepting:
            return refuse(503)
        try:
            found = LiveLog(wanted)
        except TooManyReaders:
            words = f"{MOST_READERS} are reading the log already, which is as many as may."
            return refuse(503, words, "too_many_readers")
        when_answered(request.scope, found.leave)
        body = b"" if request.method == "HEAD" else found
        response = Response(body, 200, HEADERS, content_type=CONTENT_TYPE)
        response.timeout = None
        return response

    async def _end_readers(self) -> None:
        RECENT.end_readers()


class LiveLog(ResponseBody):
    """The body of one answer: server-sent events (WHATWG HTML, 9.2), each one line of the log.

    It ends when the server drains. Its place among the readers is taken at once, before anything is
    answered, and kept until `leave`. Raises TooManyReaders.
    """

    def __init__(self, wanted: LogFilter) -> None:
        self._reader = LogReader(RECENT, wanted)
        self._greets = True

    def leave(self, _sent: bool = True) -> None:
        """Give the place to somebody else; also where the answer was never begun."""
        self._reader.__exit__()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return what comes next: lines, or a comment after a while without any."""
        if self._greets:
            self._greets = False
            return ALIVE
        with trio.move_on_after(KEEP_ALIVE_SECONDS):
            news = await self._reader.news()
            if news is None:
                raise StopAsyncIteration
            return events(news)
        return ALIVE


def events(news: LogNews) -> bytes:
    """Write what has come as events; a line of the log has no line breaks in it."""
    lost = f'event: dropped\ndata: {{"lines": {news.lost}}}\n\n' if news.lost else ""
    lines = "".join(f"data: {line}\n\n" for line in news.lines)
    return (lost + lines).encode("utf-8", "backslashreplace")


def when(text: str, now: datetime) -> datetime:
    """Read Unix seconds, or what `quintet logs` takes as a time. Raises ValueError."""
    try:
        seconds = float(text)
    except ValueError:
        return parse_time(text, now)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError):
        raise ValueError("no such time") from None
