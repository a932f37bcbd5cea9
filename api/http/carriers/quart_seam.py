"""The seam to Quart-Trio: changes to how it runs a request or a websocket, and answers in part.

Each names the behaviour it corrects; `tests/api/http/carriers/test_hypercorn_seam.py` shows them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import trio
from quart import Request, Response
from quart.asgi import ASGIHTTPConnection
from quart_trio.asgi import TrioASGIHTTPConnection, TrioASGIWebsocketConnection
from quart_trio.wrappers.response import TrioFileBody, TrioResponse
from werkzeug.datastructures import ContentRange
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.sansio.http import is_resource_modified

from api.http.carriers.targets import origin_form

_CLOSE_CODE = "quintet.close_code"


def close_code(scope: Any) -> int:
    """Return the code with which the client of a websocket closed it, 1006 if it just went."""
    code: int = scope.get(_CLOSE_CODE, 1006)
    return code


class SteadyHttpConnection(TrioASGIHTTPConnection):
    """A request that is not cancelled by the end of its own answer, and has its path's own limit.

    Hypercorn reports "disconnected" also when an answer is complete. Quart-Trio then cancels the
    task which is just about to tell Hypercorn that the connection is idle, so a kept-alive
    connection would never time out, nor close when the server stops.
    """

    _answered = False

    def __init__(self, app: Any, scope: Any) -> None:
        super().__init__(app, _with_path(scope))

    async def handle_messages(  # type: ignore[override]  # as Quart-Trio has it
        self, nursery: trio.Nursery, request: Any, receive: Any
    ) -> None:
        await ASGIHTTPConnection.handle_messages(self, request, receive)
        if not self._answered:
            nursery.cancel_scope.cancel()

    def _create_request_from_scope(self, send: Any) -> Request:
        request = super()._create_request_from_scope(send)
        app: Any = self.app
        most = app.body_bytes(request.path)
        if most != app.config["MAX_CONTENT_LENGTH"]:
            request.max_content_length = most
            request.body = request.body_class(request.content_length, most)
        return request

    async def _send_response(self, send: Any, response: Any) -> None:
        async def noting_the_end(event: Any) -> None:
            if event["type"] == "http.response.body" and not event.get("more_body"):
                self._answered = True
            await send(event)

        await super()._send_response(noting_the_end, response)


class SteadyWebsocketConnection(TrioASGIWebsocketConnection):
    """A websocket whose handler learns of the end instead of being cancelled by it.

    `receive` raises `trio.EndOfChannel` once the client is gone, so that the handler ends the same
    way over both carriers; `close_code` then knows what it said.
    """

    def __init__(self, app: Any, scope: Any) -> None:
        super().__init__(app, _with_path(scope))

    async def handle_messages(  # type: ignore[override]  # as Quart-Trio has it
        self, nursery: trio.Nursery, receive: Any
    ) -> None:
        with self.send_channel:
            while True:
                event = await receive()
                if event["type"] == "websocket.disconnect":
                    self.scope[_CLOSE_CODE] = event.get("code", 1006)  # type: ignore[literal-required]
                    return
                if event["type"] == "websocket.receive":
                    text = event.get("text")
                    await self.send_channel.send(event["bytes"] if text is None else text)


class SteadyFileBody(TrioFileBody):
    """A file that is closed, too, where its opening is cut short.

    A client that has the whole answer (of an empty file, or of HEAD) leaves while it is opened.
    """

    async def __aenter__(self) -> SteadyFileBody:
        try:
            await super().__aenter__()
        except BaseException:
            if self.file is not None:
                self.file.wrapped.close()
            raise
        return self


async def _answer_in_part(
    self: Response,
    request: Request,
    complete_length: int | None = None,
    accept_ranges: str | None = None,
) -> bool:
    """Make this the part that a Range asks for, by the length there is (RFC 9110, 14.1.2).

    Quart fails on the last bytes ("bytes=-5"), and Quart-Trio promises bytes beyond the end of a
    file. Other units, several ranges, and what does not ask with GET for the file as it is now are
    passed over. Raises RequestedRangeNotSatisfiable.
    """
    if not accept_ranges or not complete_length or not _asks_for_a_part(self, request):
        return False
    asked = request.range
    if asked is not None and (asked.units != "bytes" or len(asked.ranges) != 1):
        return False
    begin, end = asked.ranges[0] if asked is not None else (complete_length, None)
    begin = max(0, begin + complete_length) if begin < 0 else begin
    end = complete_length if end is None else min(end, complete_length)
    if not begin < end:
        raise RequestedRangeNotSatisfiable(complete_length)
    if not hasattr(self.response, "make_conditional"):
        await self.make_sequence()
    body: Any = self.response
    await body.make_conditional(begin, end)
    self.content_length = end - begin
    self.headers["Accept-Ranges"] = accept_ranges
    self.content_range = ContentRange("bytes", begin, end, complete_length)
    self.status_code = 206
    return True


def _asks_for_a_part(response: Response, request: Request) -> bool:
    """Tell whether a Range counts: the other conditions come first (RFC 9110, 13.2.2 and 14.2)."""
    asked = request.headers
    if request.method != "GET" or asked.get("If-Range", "").startswith("W/"):
        return False
    return response._is_range_request_processable(request) and is_resource_modified(
        http_if_modified_since=asked.get("If-Modified-Since"),
        http_if_none_match=asked.get("If-None-Match"),
        http_if_match=asked.get("If-Match"),
        etag=response.headers.get("etag"),
        last_modified=response.headers.get("last-modified"),
    )


TrioResponse.file_body_class = SteadyFileBody
Response._process_range_request = _answer_in_part  # type: ignore[method-assign]


def _with_path(scope: Any) -> Any:
    """Give a scope a path that begins with a slash, and the host that a whole URL names.

    Quart would raise over any other request target.
    """
    if scope["path"].startswith("/"):
        return scope
    host, target = origin_form(scope["raw_path"].decode("latin-1"))
    headers = [pair for pair in scope["headers"] if not host or pair[0].lower() != b"host"]
    if host:
        headers.append((b"host", host.encode("latin-1")))
    return {
        **scope,
        "path": unquote(target),
        "raw_path": target.encode("latin-1"),
        "headers": headers,
    }
