"""The mount of Auvious RTC to a listener."""

from __future__ import annotations

from quart import Blueprint, Response, has_request_context, request

from api.auvious import cors
from api.auvious.mqtt.socket import mqtt_routes
from api.auvious.oauth import SECURITY, add_oauth_routes, security_refusal
from api.auvious.openapi import PATHS, SECURITY_SCHEMES
from api.auvious.routes import REST, add_routes, empty
from api.auvious.server_events import add_event_stream
from api.auvious.state import DIALECT, AuviousState
from api.http.mounts import Mount

PREFIXES = ("/auvious", REST, *SECURITY)


def open_mount(state: AuviousState) -> Mount:
    blueprint = Blueprint("auvious", __name__)

    async def ask_first() -> Response | None:
        return cors.preflight(state)

    async def allow(response: Response) -> Response:
        return cors.allow(state, response)

    def refuse(status: int) -> Response:
        if not has_request_context():  # a websocket that is not let in
            return empty(status)
        below_security = request.path.lstrip("/").startswith("security/")
        response = security_refusal(status) if below_security else empty(status)
        return cors.allow(state, response)

    blueprint.before_request(ask_first)
    blueprint.after_request(allow)
    add_routes(blueprint, state)
    add_event_stream(blueprint, state)
    add_oauth_routes(blueprint, state)
    return Mount(
        dialect=DIALECT,
        blueprint=blueprint,
        websockets=mqtt_routes(state),
        prefixes=(*PREFIXES, *(f"/{prefix}" for prefix in (REST, *SECURITY))),
        refuse=refuse,
        openapi=PATHS,
        security_schemes=SECURITY_SCHEMES,
    )
