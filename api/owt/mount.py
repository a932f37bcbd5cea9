"""The mount of Open WebRTC Toolkit to a listener."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from quart import Blueprint

from api.http.mounts import Mount, Place, Services
from api.owt.management.openapi import PATHS
from api.owt.management.routes import add_routes, refuser
from api.owt.management.service import Management
from api.owt.portal.conversation import serve
from api.owt.rooms import DIALECT
from api.owt.socketio.polling import add_polling
from api.owt.socketio.table import PATH, SocketIo
from api.owt.state import OwtState

PREFIXES = ("/v1", "/v1.1", "/services", PATH)


def open_dialect(services: Services) -> Callable[[Place], Mount]:
    """Start the dialect; the result opens a mount of it for each listener."""
    state = OwtState.open(services)
    clients = SocketIo(services, DIALECT, partial(serve, state))
    clients.start()
    management = Management(state)
    return lambda place: open_mount(management, clients, place)


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
