"""The seam to Hypercorn: every name of its insides that we use is named here.

`quintet serve` accepts connections itself (`connections.py`) and hands those that are not for
the websocket lane to Hypercorn's `TCPServer`, one per connection, on a `ServedStream`.
`tests/api/http/carriers/test_hypercorn_seam.py` holds Hypercorn to what is assumed here.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import h11
import structlog
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.protocol.events import Body, Data, Response, StreamClosed
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import (
    ASGIWebsocketState,
    Handshake,
    WebsocketBuffer,
    WSStream,
)
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import EventWrapper, WorkerContext
from hypercorn.typing import ConnectionState
from wsproto.connection import ConnectionState as WebsocketState
from wsproto.events import CloseConnection, Event

import api.http.carriers.hypercorn_http2  # noqa: F401  changes Hypercorn's HTTP/2
from api.http.carriers.hypercorn_frames import send_part, take_at_its_pace
from api.http.carriers.served_stream import ServedStream

if TYPE_CHECKING:
    from api.http.carriers.upgrades import WebsocketRoutes
    from api.settings import LimitSettings

log = structlog.get_logger(__name__)


class AlreadyRefused(Exception):
    """Raised into an app that accepts a websocket which is answered with 400 already.

    Its client sent more before it was granted.
    """


SILENCE_SECONDS = 30.0  # beyond the ping interval, and the client is gone
TLS_HANDSHAKE_SECONDS = 10.0
GATE = "quintet.gate"  # in the scope of a websocket: its MessageGate


class HttpServer:
    """Hypercorn for the connections of one listener."""

    def __init__(self, app: Any, limits: LimitSettings, routes: WebsocketRoutes) -> None:
        self._app = ASGIWrapper(app)
        self._routes = routes
        self._config = _config(limits, routes)
        self._context = WorkerContext(None)

    async def serve(self, stream: ServedStream, tls: ssl.SSLContext | None) -> None:
        """Serve one connection to its end, under TLS if a context is given."""
        context = _ConnectionContext(stream, self._context.terminated)
        carrier: Any = stream
        if tls is not None:
            carrier = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
        await TCPServer(self._app, self._config, context, ConnectionState({}), carrier)

    def limits_changed(self, limits: LimitSettings) -> None:
        """Take over new limits, for the connections to come."""
        self._config = _config(limits, self._routes)

    async def stop(self) -> None:
        """Close idle connections; the others close with the answer they are working on."""
        await self._context.terminated.set()

    @property
    def stopping(self) -> bool:
        return self._context.terminated.is_set()


class _ConnectionContext(WorkerContext):
    """Hypercorn's context, but asleep no longer than the connection lives.

    Its websocket pings sleep on, for a whole interval, after the connection has ended.
    """

    def __init__(self, stream: ServedStream, terminated: Any) -> None:
        super().__init__(None)
        self.terminated = terminated
        self._stream = stream

    @property
    def ended(self) -> trio.Event:
        """Is set when nothing more will be read."""
        return self._stream.ended

    async def sleep(self, wait: float) -> None:  # type: ignore[override]  # static in Hypercorn
        with trio.move_on_after(wait):
            await self._stream.ended.wait()


def tls_context(certfile: str, keyfile: str) -> ssl.SSLContext:
    """Return a server context with Hypercorn's ciphers and ALPN (HTTP/2 and 1.1).

    Raises OSError or ssl.SSLError for files that do not hold a certificate and its key.
    """
    config = Config()
    config.certfile, config.keyfile = certfile, keyfile
    context = config.create_ssl_context()
    assert context is not None  # noqa: S101  both files are set
    return context


def _config(limits: LimitSettings, routes: WebsocketRoutes) -> Config:
    """Return Hypercorn's bounds. It keeps no access log: paths and queries may hold secrets."""
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.h11_max_incomplete_size = limits.header_bytes
    config.h2_max_header_list_size = limits.header_bytes
    config.keep_alive_timeout = limits.header_seconds  # idle, or busy with a head that never ends
    config.ssl_handshake_timeout = TLS_HANDSHAKE_SECONDS
    config.websocket_max_message_size = routes.largest_message  # each socket has its own, too
    config.websocket_ping_interval = routes.ping_seconds
    config.read_timeout = int(routes.ping_seconds + SILENCE_SECONDS)
    return config


class _Ended(Exception):
    """The connection is closed, and what came behind the last request will not be read."""


class _UntilTheEnd(EventWrapper):
    """An event that is waited for no longer than the connection lives.

    A request sent while the last one is being answered waits for its turn, which never comes where
    that answer closes the connection: Hypercorn would keep it, and a server that stops wait for it.
    """

    def __init__(self, ended: trio.Event) -> None:
        super().__init__()
        self._ended = ended

    async def wait(self) -> None:
        async with trio.open_nursery() as nursery:

            async def first(event: trio.Event) -> None:
                await event.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(first, self._event)
            nursery.start_soon(first, self._ended)
        if self._ended.is_set():
            raise _Ended


def _read_until_the_end(self: H11Protocol, *args: Any, **options: Any) -> None:
    _init(self, *args, **options)
    if isinstance(self.context, _ConnectionContext):
        self.can_read = _UntilTheEnd(self.context.ended)


# Changes to Hypercorn itself. Two are for the sake of plain Hypercorn command lines: there, what is
# raised in one connection ends the server and every other connection with it.

_run, _read_data, _idle_timeout = TCPServer.run, TCPServer._read_data, TCPServer._idle_timeout
_init, _stream_send = H11Protocol.__init__, H11Protocol.stream_send
_handle, _send_event = WSStream.handle, WSStream._send_wsproto_event
_app_send = WSStream.app_send
_to_message = WebsocketBuffer.to_message
_CLIENTS_CODE = "quintet_close_code"
_read_handshake = Handshake.__init__
_REFUSED = "quintet_refused"
_HAS_BODY = "quintet_has_body"
_BODY_HEADERS = (b"content-length", b"transfer-encoding")
_FLUSTERED = (trio.BusyResourceError, h11.LocalProtocolError, _Ended)
"""Behind a request, it answers garbage twice, and reads on where nothing is read any more."""


def _without_extensions(
    self: Handshake, headers: list[tuple[bytes, bytes]], http_version: str
) -> None:
    """Read an upgrade; decline every extension (RFC 6455, section 9.1) and what is not ASCII.

    Hypercorn would inflate messages before it looks at their size, and raises over parameters that
    it cannot read, as it does over other bytes than ASCII.
    """
    plain = [
        (name, value)
        for name, value in headers
        if name.lower() != b"sec-websocket-extensions" and value.isascii()
    ]
    _read_handshake(self, plain, http_version)


async def _stay_with_http_1(self: H11Protocol, event: h11.Request) -> None:
    """Speak no HTTP/2 without TLS, but HTTP/1.1, as a server may. Note whether a body follows.

    Hypercorn raises over wrong HTTP2-Settings in an `Upgrade: h2c`, and keeps a connection that
    begins with HTTP/2's preface and then says nothing beyond every idle timeout.
    """
    vars(self)[_HAS_BODY] = any(name in _BODY_HEADERS for name, _ in event.headers)


async def _run_within_boundary(self: TCPServer) -> None:
    """Let an error end its own connection only; log it, unless it is one of _FLUSTERED."""
    try:
        await _run(self)
    except BaseExceptionGroup as group:
        cancelled, rest = group.split(trio.Cancelled)
        unexpected = rest.split(_FLUSTERED)[1] if rest is not None else None
        if unexpected is not None:
            if not isinstance(unexpected, ExceptionGroup):
                raise
            log.error("connection.crashed", at="http", exc_info=unexpected)
        if cancelled is not None:
            raise cancelled from None


async def _read_to_the_end(self: TCPServer) -> None:
    """Read, and have it known when nothing more will be."""
    try:
        await _read_data(self)
    finally:
        if isinstance(self.context, _ConnectionContext):
            self.context.ended.set()


async def _idle_until_the_end(self: TCPServer) -> None:
    """Time an idle connection out, but sleep no longer than it lives.

    Behind a head that is no HTTP, Hypercorn would keep what it has closed for the whole timeout.
    """
    async with trio.open_nursery() as nursery:

        async def time_out() -> None:
            await _idle_timeout(self)
            nursery.cancel_scope.cancel()

        nursery.start_soon(time_out)
        if isinstance(self.context, _ConnectionContext):
            await self.context.ended.wait()
            nursery.cancel_scope.cancel()


async def _say_the_last_answer(self: H11Protocol, event: Any) -> None:
    """Say of an answer behind which the connection is closed that it is the last (RFC 9112, 9.6).

    That is one to a request of which not all has come, a body too large to be read, say, and any
    while the server stops. Unsaid, a client sends its next request into the closing connection,
    and loses it.
    """
    if isinstance(event, Response) and event.status_code >= 200:
        unread = vars(self).get(_HAS_BODY) and self.connection.their_state is h11.SEND_BODY
        if unread or self.context.terminated.is_set():
            others = [it for it in event.headers if it[0].lower() != b"connection"]
            event = replace(event, headers=[*others, (b"connection", b"close")])
    await _stream_send(self, event)


async def _note_the_close(self: WSStream, event: Event) -> None:
    """Send a frame; where it answers the client's close frame, keep the code of that one."""
    if (
        isinstance(event, CloseConnection)
        and self.connection.state is WebsocketState.REMOTE_CLOSING
    ):
        vars(self)[_CLIENTS_CODE] = event.code
    await _send_event(self, event)


async def _handle_early_and_last(self: WSStream, event: Any) -> None:
    """Refuse what comes before the grant; tell the app the client's own close code.

    Hypercorn would answer the former beside the app, which then fails, and say 1006.
    """
    if isinstance(event, (Body, Data)) and not self.closed and not self.handshake.accepted:
        vars(self)[_REFUSED] = self.closed = True
        with contextlib.suppress(h11.LocalProtocolError):  # the app's own answer has begun
            if self.state is ASGIWebsocketState.HANDSHAKE:
                await self._send_error_response(400)
        await self.send(StreamClosed(stream_id=self.stream_id))
        return
    code = vars(self).get(_CLIENTS_CODE)
    if not isinstance(event, StreamClosed) or code is None or self.closed or not self.app_put:
        gate = vars(self).get("scope", {}).get(GATE)
        vars(self.buffer)[GATE] = gate
        if gate is not None and isinstance(event, (Body, Data)):
            await take_at_its_pace(self, event, gate, _handle)
        else:
            await _handle(self, event)
        return
    self.closed = True
    await self.app_put({"type": "websocket.disconnect", "code": code})


def _note_the_end(self: WebsocketBuffer) -> dict[str, Any]:
    """Return the message, which is whole now."""
    gate = vars(self).get(GATE)
    if gate is not None:
        gate.complete(self.length)
    return _to_message(self)


async def _send_unless_refused(self: WSStream, message: Any) -> None:
    """Send what the app has to say. Raises AlreadyRefused where it grants what was refused."""
    if message is not None and message["type"] == "websocket.accept" and _REFUSED in vars(self):
        raise AlreadyRefused
    if message is None or message["type"] != "websocket.send" or not await send_part(self, message):
        await _app_send(self, message)


WSStream._send_wsproto_event = _note_the_close  # type: ignore[method-assign]
WSStream.handle = _handle_early_and_last  # type: ignore[method-assign]
WebsocketBuffer.to_message = _note_the_end  # type: ignore[method-assign]
WSStream.app_send = _send_unless_refused  # type: ignore[method-assign]
H11Protocol.__init__ = _read_until_the_end  # type: ignore[method-assign]
H11Protocol.stream_send = _say_the_last_answer  # type: ignore[method-assign]
H11Protocol._check_protocol = _stay_with_http_1  # type: ignore[method-assign]
Handshake.__init__ = _without_extensions  # type: ignore[method-assign]
TCPServer.run = _run_within_boundary  # type: ignore[method-assign]
TCPServer._read_data = _read_to_the_end  # type: ignore[method-assign]
TCPServer._idle_timeout = _idle_until_the_end  # type: ignore[method-assign]
