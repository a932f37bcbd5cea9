"""The mount of Open WebRTC Toolkit to a listener."""

from __future__ import annotations

from collections.abc import Callable

from quart import Blueprint, Response, has_request_context, request

from api.hls.addresses import PREFIX as HLS
from api.hls.routes import HlsRoutes
from api.hls.routes import refuse as refuse_hls
from api.http.mounts import Mount, Place
from api.owt.management.openapi import PATHS
from api.owt.management.routes import add_routes, refuser
from api.owt.management.service import Management
from api.owt.rooms import DIALECT
from api.owt.socketio.polling import add_polling
from api.owt.socketio.table import PATH, SocketIo

PREFIXES = ("/v1", "/v1.1", "/services", PATH, HLS)


def open_mount(
    management: Management, clients: SocketIo, hls: HlsRoutes | None, _place: Place
) -> Mount:
    """Mount it; without `hls`, nothing is watched."""
    blueprint = Blueprint(DIALECT, __name__)
    add_routes(blueprint, management)
    add_polling(blueprint, clients)
    return Mount(
        dialect=DIALECT,
        blueprint=blueprint,
        websockets=(clients.websocket_route(),),
        prefixes=PREFIXES,
        refuse=_refuser(refuser(management.state)),
        openapi=PATHS,
        others=() if hls is None else (hls.blueprint(),),
    )


def _refuser(otherwise: Callable[[int], Response]) -> Callable[[int], Response]:
    """Return what answers viewers in sentences, and all others as the management API does."""

    def answer(status: int) -> Response:
        watches = has_request_context() and f"{request.path}/".startswith(f"{HLS}/")
        return refuse_hls(status) if watches else otherwise(status)

    return answer
