"""The mount of the gateway to a listener: its paths stand at the root, as programs expect them."""

from __future__ import annotations

from quart import Blueprint, Response, has_request_context, request

from api.http.mounts import Mount
from api.skyway.openapi import PATHS
from api.skyway.routes import add_routes, error
from api.skyway.settings import PREFIXES
from api.skyway.state import SkywayState
from api.skyway.wire import DIALECT, command_of


def open_mount(state: SkywayState) -> Mount:
    blueprint = Blueprint(DIALECT, __name__)
    add_routes(blueprint, state)
    return Mount(
        dialect=DIALECT,
        blueprint=blueprint,
        websockets=(),
        prefixes=PREFIXES,
        refuse=refuse,
        openapi=PATHS,
    )


def refuse(status: int) -> Response:
    """Return the error of a request that has reached no operation."""
    inside = has_request_context()
    return error(command_of(request.method, request.path) if inside else "UNKNOWN", status)
