"""The Open WebRTC Toolkit dialect: its door to a listener."""

from __future__ import annotations

from collections.abc import Callable

from quart import Blueprint, Response

from api.doors import Door, Place, Services
from api.owt.house import REALM, House

PREFIXES = ("/v1", "/v1.1", "/services", "/socket.io")


def open_dialect(services: Services) -> Callable[[Place], Door]:
    """Start the dialect; the result opens a door of it for each listener."""
    house = House.open(services)
    return lambda place: open_door(house, place)


def open_door(house: House, _place: Place) -> Door:
    return Door(
        dialect=REALM,
        blueprint=Blueprint(REALM, __name__),
        websockets=(),
        prefixes=PREFIXES,
        refuse=refuse,
    )


def refuse(status: int) -> Response:
    return Response(status=status)
