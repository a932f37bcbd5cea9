"""Engine.IO over plain requests: the handshake, the long poll, the posts, and CORS for pages.

Nothing here knows what a message means. JSONP, of browsers without CORS, is not served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from quart import Blueprint, Response, request

from api.http.asking import client, headers
from api.owt.socketio import payload, refusals
from api.owt.socketio.connection import caller_of
from api.owt.socketio.engineio import Transport
from api.owt.socketio.payload import BadPacket
from api.owt.socketio.refusals import EngineRefusal

if TYPE_CHECKING:
    from api.owt.socketio.connection import Caller, SocketioConnection
    from api.owt.socketio.table import SocketIo

METHODS = ["GET", "POST", "OPTIONS", "HEAD", "PUT", "PATCH", "DELETE"]
PREFLIGHT_SECONDS = 600
BINARY = "application/octet-stream"


def add_polling(blueprint: Blueprint, table: SocketIo, path: str = "/socket.io/") -> None:
    """Put the polling transport on a blueprint."""
    blueprint.add_url_rule(
        path, "socketio", Polling(table).answer, methods=METHODS, provide_automatic_options=False
    )


class Polling:
    """Answers requests; the clients are in the table."""

    def __init__(self, table: SocketIo) -> None:
        self._table = table

    async def answer(self) -> Response:
        """Answer any request to the path."""
        caller, sent = client(), headers()
        origin = sent.get("origin")
        if not self._table.origin_is_welcome(origin, caller.host or "", caller.secure):
            return _refuse(refusals.FORBIDDEN)
        if request.method == "OPTIONS":
            response = _preflight(sent)
        else:
            answered = await self._answer(caller_of(caller.address, caller.secure, sent))
            response = _refuse(answered) if isinstance(answered, EngineRefusal) else answered
        response.headers["Cache-Control"] = "no-store"
        response.headers.add("Vary", "Origin")
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Credentials"] = "true"
        return response

    async def _answer(self, caller: Caller) -> Response | EngineRefusal:
        query = request.args
        transport = query.get("transport", "")
        if transport not in {each.value for each in Transport}:
            return refusals.UNKNOWN_TRANSPORT
        connection = None
        if "sid" in query:
            connection = self._table.find(query["sid"])
            if connection is None:
                return refusals.UNKNOWN_SID
        if request.method not in ("GET", "POST") or (
            connection is None and request.method == "POST"
        ):
            return refusals.BAD_METHOD
        if transport != Transport.POLLING.value or "j" in query:
            return refusals.BAD_REQUEST
        if connection is None:
            refusal = self._table.handshake_refusal(query.get("EIO", ""), caller.address)
            return refusal or await self._open(caller)
        if connection.link.transport is not Transport.POLLING:
            return refusals.BAD_REQUEST
        return await (self._post if request.method == "POST" else _poll)(connection)

    async def _open(self, caller: Caller) -> Response | EngineRefusal:
        connection = self._table.open(request.args["EIO"], Transport.POLLING, caller)
        connection.open()
        return await _poll(connection)

    async def _post(self, connection: SocketioConnection) -> Response | EngineRefusal:
        """Take what the client sends; the answer waits until all of it was taken."""
        most = self._table.services.settings().limits.message_bytes
        body = None
        if (request.content_length or 0) <= most:
            body = cast("bytes", await request.get_data(as_text=False))
        if body is None or len(body) > most:
            connection.link.end("too_large")
            return refusals.TOO_LARGE
        try:
            if request.mimetype == BINARY:
                raise BadPacket("binary data")
            packets = payload.decode(body, connection.link.version)
        except BadPacket:
            connection.link.end("bad_packet")
            return refusals.BAD_REQUEST
        if not await connection.link.post(packets, self._table.settings.messages_per_second):
            return refusals.BAD_REQUEST
        return Response("ok", content_type="text/html")


async def _poll(connection: SocketioConnection) -> Response | EngineRefusal:
    packets = await connection.link.poll()
    if packets is None:
        return refusals.BAD_REQUEST
    body = payload.encode(packets, connection.link.version)
    return Response(body, content_type="text/plain; charset=UTF-8")


def _preflight(sent: dict[str, str]) -> Response:
    response = Response(b"", 204)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    if asked := sent.get("access-control-request-headers"):
        response.headers["Access-Control-Allow-Headers"] = asked
    response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response


def _refuse(refusal: EngineRefusal) -> Response:
    return Response(refusal.body, refusal.status, content_type="application/json")
