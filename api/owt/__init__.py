"""The Open WebRTC Toolkit dialect: its door to a listener."""

from __future__ import annotations

from collections.abc import Callable

from quart import Blueprint

from api.doors import Door, Place, Services
from api.owt.house import REALM, House
from api.owt.openapi import PATHS
from api.owt.routes import add_routes, refusals

PREFIXES = ("/v1", "/v1.1", "/services", "/socket.io")


def open_dialect(services: Services) -> Callable[[Place], Door]:
    """Start the dialect; the result opens a door of it for each listener."""
    house = House.open(services)
    return lambda place: open_door(house, place)


def open_door(house: House, _place: Place) -> Door:
    blueprint = Blueprint(REALM, __name__)
    add_routes(blueprint, house)
    return Door(
        dialect=REALM,
        blueprint=blueprint,
        websockets=(),
        prefixes=PREFIXES,
        refuse=refusals(house),
        openapi=PATHS,
    )
