"""The management REST API: its paths, and one view for each operation.

Every view stands under /v1 and /v1.1 (services under neither), with and without a slash at the end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from quart import Blueprint, Response, request

from api.owt.management.analytics_views import AnalyticsViews
from api.owt.management.auth import Authenticator
from api.owt.management.cross_origin import allow_origin
from api.owt.management.live_views import LiveViews
from api.owt.management.responses import View, answered, refuse
from api.owt.management.room_views import RoomViews
from api.owt.management.service import Management
from api.owt.management.service_views import ServiceViews
from api.owt.management.sip_call_views import SipCallViews
from api.owt.management.streaming_in_views import StreamingInViews
from api.owt.management.streaming_out_views import StreamingOutViews

if TYPE_CHECKING:
    from api.owt.state import OwtState

VERSIONS = ("v1", "v1.1")
PREFIXES = ("/v1", "/v1.1", "/services")
ROOM = "rooms/<room_id>"


def add_routes(blueprint: Blueprint, management: Management) -> None:
    """Put the management API into the mount of a listener."""
    gate = Authenticator(management)
    services, rooms = ServiceViews(gate, management), RoomViews(gate, management)
    live, ins = LiveViews(gate, management), StreamingInViews(gate, management)
    outs, calls = StreamingOutViews(gate, management), SipCallViews(gate, management)
    analytics = AnalyticsViews(gate, management)
    table: list[tuple[str, str, View]] = [
        ("POST", "rooms", rooms.create),
        ("GET", "rooms", rooms.list),
        ("GET", ROOM, rooms.get),
        ("PUT", ROOM, rooms.replace),
        ("PATCH", ROOM, rooms.patch),
        ("DELETE", ROOM, rooms.delete),
        ("POST", f"{ROOM}/tokens", rooms.create_token),
        ("GET", f"{ROOM}/participants", live.participants),
        ("GET", f"{ROOM}/participants/<live_id>", live.participant),
        ("PATCH", f"{ROOM}/participants/<live_id>", live.permit),
        ("DELETE", f"{ROOM}/participants/<live_id>", live.drop),
        ("GET", f"{ROOM}/streams", live.streams),
        ("GET", f"{ROOM}/streams/<live_id>", live.stream),
        ("PATCH", f"{ROOM}/streams/<live_id>", live.change_stream),
        ("DELETE", f"{ROOM}/streams/<live_id>", live.end_stream),
        ("GET", f"{ROOM}/recordings", live.recordings),
        ("POST", f"{ROOM}/recordings", live.record),
        ("PATCH", f"{ROOM}/recordings/<live_id>", live.change_recording),
        ("DELETE", f"{ROOM}/recordings/<live_id>", live.end_recording),
        ("GET", f"{ROOM}/streaming-ins", ins.list),
        ("POST", f"{ROOM}/streaming-ins", ins.start),
        ("PATCH", f"{ROOM}/streaming-ins/<live_id>", live.fail),
        ("DELETE", f"{ROOM}/streaming-ins/<live_id>", ins.end),
    ]
    table += [
        ("GET", f"{ROOM}/streaming-outs", outs.list),
        ("POST", f"{ROOM}/streaming-outs", outs.start),
        ("PATCH", f"{ROOM}/streaming-outs/<live_id>", outs.change),
        ("DELETE", f"{ROOM}/streaming-outs/<live_id>", outs.end),
        ("GET", f"{ROOM}/sipcalls", calls.list),
        ("POST", f"{ROOM}/sipcalls", calls.start),
        ("PATCH", f"{ROOM}/sipcalls/<live_id>", calls.change),
        ("DELETE", f"{ROOM}/sipcalls/<live_id>", calls.end),
    ]
    table += [
        ("GET", f"{ROOM}/analytics", analytics.list),
        ("POST", f"{ROOM}/analytics", analytics.start),
        ("PATCH", f"{ROOM}/analytics/<live_id>", live.fail),
        ("DELETE", f"{ROOM}/analytics/<live_id>", analytics.end),
    ]
    for version in VERSIONS:
        for method, path, view in table:
            _add(blueprint, method, f"/{version}/{path}", view)
    _add(blueprint, "POST", "/services", services.create)
    _add(blueprint, "GET", "/services", services.list)
    _add(blueprint, "GET", "/services/<service_id>", services.get)
    _add(blueprint, "DELETE", "/services/<service_id>", services.delete)
    blueprint.before_request(_preflight)
    blueprint.after_request(_with_origin(management.state))


def _add(blueprint: Blueprint, method: str, path: str, view: View) -> None:
    async def call(**arguments: str) -> Response:
        return await answered(view(**arguments))

    blueprint.add_url_rule(path, f"{method} {path}".replace(".", "_"), call, methods=[method])


async def _preflight() -> Response | None:
    """Answer OPTIONS on paths of ours; the portal's routes answer their own."""
    rule = request.url_rule
    ours = rule is not None and rule.provide_automatic_options
    return Response("", 200) if request.method == "OPTIONS" and ours else None


def _with_origin(state: OwtState) -> Callable[[Response], Awaitable[Response]]:
    async def add(response: Response) -> Response:
        return allow_origin(response, state.settings)

    return add


def refuser(state: OwtState) -> Callable[[int], Response]:
    """Return what answers a status that no view chose, for the mount: OPTIONS suits any path."""

    def answer(status: int) -> Response:
        preflight = status == 404 and request.method == "OPTIONS"
        response = Response("", 200) if preflight else refuse(status)
        return allow_origin(response, state.settings)

    return answer
