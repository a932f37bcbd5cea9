"""The seam to Quart-Trio: changes to how it runs a request or a websocket, and answers in part.

Each names the behaviour it corrects; `tests/api/http/carriers/test_hypercorn_seam.py` shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import trio
from quart import Request, Response
from quart.asgi import ASGIHTTPConnection
from quart_trio.asgi import TrioASGIHTTPConnection, TrioASGIWebsocketConnection
from quart_trio.wrappers.response import TrioFileBody, TrioResponse
from werkzeug.datastructures import ContentRange
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.sansio.http import is_resource_modified

from api.http.carriers.request_body import RequestBody
from api.http.carriers.targets import origin_form
from api.http.carriers.upgrades import merge_headers
from api.http.credentials import address_key
from api.http.proxies import client_of

if TYPE_CHECKING:
    from api.http.byte_budget import Account

PART = 32_768  # bytes of an answer that Hypercorn keeps for a stream of HTTP/2, and as many again
_CLOSE_CODE = "quintet.close_code"
_ANSWERED = "quintet.answered"


class AnswerCut(Exception):
    """Raised by what yields the pieces of an answer when there is no going on."""


class AnswerInPieces(TrioResponse):
    """An answer whose pieces come one by one; `when_over` is called once it was sent, or was not.

    The iterator raises AnswerCut to end the connection in the middle.
    """

    when_over: Callable[[], None]


def _parts(event: Any) -> Iterator[Any]:
    """Cut a body: of what it is given at once Hypercorn keeps a copy for each stream.

    A client that takes nothing may have a hundred streams on each connection.
    """
    body: bytes = event.get("body", b"")
    start = 0
    while len(body) - start > PART:
        yield {**event, "body": bytes(body[start : start + PART]), "more_body": True}
        start += PART
    yield {**event, "body": body[start:]} if start else event


def close_code(scope: Any) -> int:
    """Return the code with which the client of a websocket closed it, 1006 if it just went."""
    code: int = scope.get(_CLOSE_CODE, 1006)
    return code


def when_answered(scope: Any, told: Callable[[bool], None]) -> None:
    """Have `told` called once when a request is over: whether its answer's body was sent.

    False where the client had left, or the answer has become an error.
    """
    scope[_ANSWERED] = told


class SteadyHttpConnection(TrioASGIHTTPConnection):
    """A request that is not cancelled by the end of its own answer, and has its path's own limit.

    Its body is counted, and let go of when the answer begins.

    Hypercorn reports "disconnected" also when an answer is complete. Quart-Trio then cancels the
    task which is just about to tell Hypercorn that the connection is idle, so a kept-alive
    connection would never time out, nor close when the server stops.
    """

    _answered = False
    _body_sent = False

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
        self._body: RequestBody = request.body  # type: ignore[assignment]  # as the app has it
        self._body.count_by(self._account)
        return request

    def _account(self, shed: Callable[[], None]) -> Account:
        """Return an account of who sends this, behind trusted proxies or not."""
        scope, services = self.scope, self.app.services  # type: ignore[attr-defined]  # our app
        pairs = (
            (name.decode("latin-1"), text.decode("latin-1")) for name, text in scope["headers"]
        )
        peer = scope.get("client")
        trusted = services.settings().limits.trusted_proxies
        caller = client_of(
            peer[0] if peer else "", merge_headers(pairs), scope["scheme"] == "https", trusted
        )
        account: Account = services.unsent.account(address_key(caller.address), shed)
        return account

    async def handle_request(  # type: ignore[override]  # as Quart-Trio has it
        self, nursery: trio.Nursery, request: Any, send: Any
    ) -> None:
        try:
            await super().handle_request(nursery, request, send)
        finally:
            self._body.finish()
            told: Any = self.scope.get(_ANSWERED)
            if told is not None:
                told(self._body_sent)

    async def _send_response(self, send: Any, response: Any) -> None:
        self._body.finish()

        async def noting_the_end(event: Any) -> None:
            for part in _parts(event) if self.scope["http_version"] == "2" else (event,):
                if part["type"] == "http.response.body" and not part.get("more_body"):
                    self._answered = True
                await send(part)
            if event.get("body") and response.status_code < 400:
                self._body_sent = True

        try:
            await super()._send_response(noting_the_end, response)
        except AnswerCut:
            pass  # without its end, so that the client sees that it is not whole
        finally:
            when_over = getattr(response, "when_over", None)
            if when_over is not None:
                when_over()


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
