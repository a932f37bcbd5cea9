"""The paths of the operator: three are open, the others take the bearer token `operator.token`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from quart import Blueprint, Response, request

from actors.core import ActorError
from api.http.app import current
from api.http.asking import client
from api.http.credentials import TooManyAttempts, constant_time_equal
from api.operator.errors import refuse
from api.operator.metrics.scrape import MetricsLook
from api.operator.openapi import document
from api.operator.orders.asking import OperatorRefusal
from api.operator.orders.people import PeopleOrders
from api.operator.orders.rooms import RoomOrders
from api.operator.orders.stopping import StopOrders
from api.operator.overview.actors import ActorLooks
from api.operator.overview.endpoints import EndpointLooks
from api.operator.overview.log import LogLooks
from api.operator.overview.overview import Overview
from api.operator.overview.paging import BadParameter
from api.operator.overview.people import PeopleLooks
from api.operator.overview.recordings import RecordingLooks
from api.operator.overview.rooms import RoomLooks
from api.operator.overview.summary import SummaryLooks
from api.operator.settings import OperatorSettings

if TYPE_CHECKING:
    from api.http.app import App
    from api.http.mounts import Services
    from api.logs.addresses import AddressPolicy

View = Callable[..., Awaitable[Response]]
Route = tuple[str, str, View]


class Routes:
    """The handlers, over the services of the process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._documents: WeakKeyDictionary[App, bytes] = WeakKeyDictionary()  # 19 ms each to make

    async def healthz(self) -> Response:
        """Answer 200 while the process lives."""
        return _json({"status": "ok"})

    async def readyz(self) -> Response:
        """Answer 200 when clients may be sent here, else 503."""
        lifecycle = self._services.lifecycle
        return _json({"status": lifecycle.state.value}, 200 if lifecycle.ready else 503)

    async def openapi(self) -> Response:
        """Describe every REST path of this listener."""
        app = current()
        if app not in self._documents:
            self._documents[app] = json.dumps(document(app.mounts.values())).encode()
        return _text(self._documents[app])

    def guarded(self, view: View) -> View:
        """Let only the operator's token through; guessing it is slowed down, then refused."""

        async def checked(**of_path: str) -> Response:
            services, address = self._services, client().address
            try:
                await services.guard.admit(address, "operator")
            except TooManyAttempts as error:
                services.login_refused("operator", "too_many_attempts", address)
                response = refuse(429)
                response.headers["Retry-After"] = str(int(error.retry_after) + 1)
                return response
            scheme, _, given = request.headers.get("Authorization", "").partition(" ")
            configured = services.settings().section(OperatorSettings).token
            token = services.secrets.text("operator.token", configured)
            if scheme.lower() != "bearer":
                services.guard.undecided(address, "operator")
                return refuse(401)
            if not constant_time_equal(given.strip(), token):
                services.guard.failed(address, "operator")
                services.login_refused("operator", "wrong_token", address)
                return refuse(401, "That is not the operator's token.")
            services.guard.succeeded(address, "operator")
            try:
                return await view(**of_path)
            except BadParameter as error:
                return refuse(400, str(error), "bad_parameter")
            except OperatorRefusal as refused:
                return refused.response
            except ActorError:
                return refuse(503)

        return checked


def add_routes(
    blueprint: Blueprint, prefix: str, services: Services, looking: Sequence[Route]
) -> None:
    """Put every path of the operator, below `prefix`, on a blueprint."""
    routes = Routes(services)
    open_paths: list[Route] = [
        ("GET", "/healthz", routes.healthz),
        ("GET", "/readyz", routes.readyz),
        ("GET", "/openapi.json", routes.openapi),
    ]
    guarded_paths: list[Route] = [
        *looking,
        *_orders(services),
    ]
    for method, path, view in open_paths:
        _add(blueprint, method, prefix + path, view)
    for method, path, view in guarded_paths:
        _add(blueprint, method, prefix + path, routes.guarded(view))


def looks_of(services: Services) -> list[Route]:
    """Return the operations that look, for all listeners; and the one that deletes a recording."""
    directory = services.directory

    def addresses() -> AddressPolicy:
        return services.settings().log.addresses

    overview = Overview(directory, addresses)
    rooms = RoomLooks(directory, overview)
    people = PeopleLooks(directory, overview, rooms)
    recordings = RecordingLooks(services, overview)
    log_looks = LogLooks(services)
    return [
        ("GET", "/metrics", MetricsLook(services, overview).metrics),
        ("GET", "/summary", SummaryLooks(services, overview).summary),
        ("GET", "/rooms", rooms.rooms),
        ("GET", "/rooms/<id_>", rooms.room),
        ("GET", "/people", people.people),
        ("GET", "/people/<id_>", people.person),
        ("GET", "/endpoints", EndpointLooks(directory).endpoints),
        ("GET", "/recordings", recordings.recordings),
        ("GET", "/recordings/<id_>", recordings.recording),
        ("GET", "/recordings/<id_>/file", recordings.file),
        ("DELETE", "/recordings/<id_>", recordings.delete),
        ("GET", "/log", log_looks.recent),
        ("GET", "/log/live", log_looks.live),
        ("GET", "/actors", ActorLooks(services.system, addresses).actors),
    ]


def _orders(services: Services) -> list[Route]:
    rooms, people = RoomOrders(services), PeopleOrders(services)
    return [
        ("POST", "/rooms/<id_>/close", rooms.close),
        ("POST", "/rooms/<id_>/mute", people.mute_in_room),
        ("GET", "/closed", rooms.closed),
        ("POST", "/closed", rooms.close_name),
        ("DELETE", "/closed/<id_>", rooms.open_again),
        ("POST", "/people/<id_>/put-out", people.put_out),
        ("DELETE", "/people/<id_>/put-out", people.let_back),
        ("POST", "/people/<id_>/mute", people.mute),
        ("POST", "/actors/stop", StopOrders(services).stop),
    ]


def _add(blueprint: Blueprint, method: str, path: str, view: View) -> None:
    blueprint.add_url_rule(path, f"{method} {path}".replace(".", "_"), view, methods=[method])


def _json(value: Any, status: int = 200) -> Response:
    return _text(json.dumps(value), status)


def _text(document: str | bytes, status: int = 200) -> Response:
    response = Response(document, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
