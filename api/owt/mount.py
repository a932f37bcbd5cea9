"""The mount of Open WebRTC Toolkit to a listener."""

from __future__ import annotations

from quart import Blueprint

from api.http.mounts import Mount, Place
from api.owt.management.openapi import PATHS
from api.owt.management.routes import add_routes, refuser
from api.owt.management.service import Management
from api.owt.rooms import DIALECT
from api.owt.socketio.polling import add_polling
from api.owt.socketio.table import PATH, SocketIo

PREFIXES = ("/v1", "/v1.1", "/services", PATH)


def open_mount(management: Management, clients: SocketIo, _place: Place) -> Mount:
    blueprint = Blueprint(DIALECT, __name__)
    add_routes(blueprint, management)
    add_polling(blueprint, clients)
    return Mount(
        dialect=DIALECT,
        blueprint=blueprint,
        websockets=(clients.websocket_route(),),
        prefixes=PREFIXES,
        refuse=refuser(management.state),
        openapi=PATHS,
    )
