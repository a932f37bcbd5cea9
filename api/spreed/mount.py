"""The mount of Spreed WebRTC to a listener."""

from __future__ import annotations

from quart import Blueprint

from api.http.mounts import Mount, Place
from api.spreed.openapi import PATHS
from api.spreed.pages import add_pages
from api.spreed.routes import add_routes, refuse
from api.spreed.socket import route
from api.spreed.state import SpreedState

BELOW_BASE = ("api/v1", "static/img/buddy", ".well-known/spreed-configuration")


def open_mount(state: SpreedState, place: Place) -> Mount:
    base = state.settings.base_path
    bases = list(dict.fromkeys(["/", base])) if place.root else ["/"]
    blueprint = Blueprint("spreed", __name__)
    add_routes(blueprint, state, bases)
    sockets = ["/spreed/ws"]
    if place.root:
        add_pages(blueprint, state)
        sockets.append(f"{base}ws")
    return Mount(
        dialect="spreed",
        blueprint=blueprint,
        websockets=tuple(route(state, path) for path in sockets),
        prefixes=("/spreed", *(f"{each}{path}" for each in bases for path in BELOW_BASE)),
        refuse=refuse,
        openapi=PATHS,
        pages={f"{base}my-first-room": "a meeting; any other name is another"}
        if place.root
        else {},
    )
