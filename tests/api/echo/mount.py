"""The mount of Echo to a listener."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from quart import Blueprint, Response, request

from api.http.credentials import constant_time_equal
from api.http.mounts import Mount, Place
from api.http.sockets import (
    Rejection,
    Socket,
    SocketClosed,
    SocketFull,
    SocketLimits,
    Upgrade,
    WebsocketRoute,
)

if TYPE_CHECKING:
    from api.echo.state import EchoState


def open_mount(state: EchoState, place: Place) -> Mount:
    blueprint = Blueprint("echo", __name__)

    @blueprint.get("/echo/count")
    async def count() -> Response:
        given = request.headers.get("X-Echo-Key", "")
        if not constant_time_equal(given, state.key):
            return refuse(401)
        return Response(str(state.echoes), content_type="text/plain")

    paths = ("/echo/ws", "/ws") if place.root else ("/echo/ws",)
    return Mount(
        dialect="echo",
        blueprint=blueprint,
        websockets=tuple(route(state, path) for path in paths),
        prefixes=("/echo",),
        refuse=refuse,
    )


def refuse(status: int) -> Response:
    return Response(f"echo: {status}", status, content_type="text/plain")


def route(state: EchoState, path: str) -> WebsocketRoute:
    return WebsocketRoute(
        path,
        admit=partial(admit, state),
        serve=partial(serve, state),
        limits=lambda: SocketLimits(message_bytes=state.settings.longest),
        dialect="echo",
    )


def admit(state: EchoState, _upgrade: Upgrade) -> Rejection | None:
    return None if state.services.lifecycle.accepting else Rejection(503, "shutting down")


async def serve(state: EchoState, socket: Socket) -> None:
    socket.push(state.settings.greeting.encode())
    try:
        while True:
            payload, is_text = await socket.receive()
            state.echoes += 1
            socket.push(payload, text=is_text)
    except SocketClosed:
        return
    except SocketFull:  # it does not read
        socket.abort()
