"""The mount of the broker to a listener."""

from __future__ import annotations

from quart import Blueprint

from api.http.mounts import Mount, Place
from api.peerjs.openapi import PATHS
from api.peerjs.paths import paths_of
from api.peerjs.routes import add_routes, refuse
from api.peerjs.socket import route
from api.peerjs.state import PeerJsState
from api.peerjs.wire import DIALECT


def open_mount(state: PeerJsState, place: Place) -> Mount:
    paths = paths_of(state.settings.path, root=place.root)
    blueprint = Blueprint(DIALECT, __name__)
    add_routes(blueprint, state, paths.infos, paths.keyed)
    return Mount(
        dialect=DIALECT,
        blueprint=blueprint,
        websockets=tuple(route(state, path) for path in paths.websockets),
        prefixes=paths.prefixes,
        refuse=refuse,
        openapi=PATHS,
    )
