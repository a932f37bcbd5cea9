"""The mount of BareRTC to a listener."""

from __future__ import annotations

from quart import Blueprint

from api.barertc.answers import refuse
from api.barertc.openapi import paths_below
from api.barertc.pages import add_pages
from api.barertc.polling import add_polling
from api.barertc.routes import add_routes
from api.barertc.socket import route
from api.barertc.state import BareRtcState
from api.http.mounts import Mount, Place


def open_mount(state: BareRtcState, place: Place) -> Mount:
    blueprint = Blueprint("barertc", __name__)
    bases = ("/", "/barertc/") if place.root else ("/barertc/",)
    add_routes(blueprint, state, bases)
    polls = tuple(f"{base}poll" for base in bases)
    add_polling(blueprint, state, polls)
    add_pages(blueprint, state, bases)
    return Mount(
        dialect="barertc",
        blueprint=blueprint,
        websockets=tuple(route(state, f"{base}ws") for base in bases),
        prefixes=("/barertc", *(f"{base}api" for base in bases), *polls),
        refuse=refuse,
        openapi=paths_below(bases),
        pages={bases[0]: "a chat with webcams"},
        large_bodies=dict.fromkeys(polls, lambda: state.settings.message_bytes),
    )
