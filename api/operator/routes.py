"""The paths of the operator: three are open, the others take the bearer token `operator.token`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, ConfigDict, ValidationError
from quart import Blueprint, Response, request

from actors.core import ActorError, PermanentActor, Refused, UnknownActor
from actors.words.keys import RoomKey
from actors.words.site import (
    Person,
    Video,
)
from actors.words.site_orders import (
    GetBans,
    GetPeople,
)
from api.http.app import current
from api.http.asking import client
from api.http.credentials import TooManyAttempts, constant_time_equal
from api.operator.errors import refuse
from api.operator.media_metrics import MediaCollector
from api.operator.openapi import document
from api.operator.settings import OperatorSettings

if TYPE_CHECKING:
    from api.http.app import App
    from api.http.mounts import Services

log = structlog.get_logger(__name__)

ASK_SECONDS = 5.0

View = Callable[[], Awaitable[Response]]


class StopOrder(BaseModel):
    """The body of `POST /-/actors/stop`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    path: str


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

    async def metrics(self) -> Response:
        """Give all metrics as Prometheus text."""
        media = CollectorRegistry()
        media.register(MediaCollector(await self._services.media.stats()))
        text = generate_latest(self._services.metrics) + generate_latest(media)
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    async def actors(self) -> Response:
        """Give the live tree."""
        return _json(self._services.system.tree())

    async def people(self) -> Response:
        """Give who is on a chat site, with their webcams, and who is banned from it."""
        realm, name = request.args.get("realm", ""), request.args.get("name", "")
        room = await self._services.directory.room(RoomKey(realm, name))
        if room is None:
            return refuse(404, "There is no such chat site just now.", "unknown_site")
        try:
            people = await room.ask(GetPeople(), within=ASK_SECONDS)
            bans = await room.ask(GetBans(), within=ASK_SECONDS)
        except Refused:  # another kind of room
            return refuse(404, "There is no such chat site just now.", "unknown_site")
        except ActorError:
            return refuse(503)
        return _json(
            {
                "realm": realm,
                "name": name,
                "people": [_person(person) for person in people],
                "bans": [{"name": name, "until": until} for name, until in bans],
            }
        )

    async def stop_actor(self) -> Response:
        """Have one actor stop."""
        try:
            order = StopOrder.model_validate_json(await request.get_data())
        except ValidationError:
            return refuse(400, 'The body is {"path": "/conferencing/rooms/…"}.')
        try:
            self._services.system.stop_actor(order.path, "stopped by the operator")
        except UnknownActor:
            return refuse(404, "No actor lives at this path.", "unknown_actor")
        except PermanentActor:
            return refuse(409)
        log.info("actor.stop_ordered", path=order.path)
        return _json({"path": order.path}, 202)

    def guarded(self, view: View) -> View:
        """Let only the operator's token through; guessing it is slowed down, then refused."""

        async def checked() -> Response:
            services, address = self._services, client().address
            try:
                await services.guard.admit(address, "operator")
            except TooManyAttempts as error:
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
                return refuse(401, "That is not the operator's token.")
            services.guard.succeeded(address, "operator")
            return await view()

        return checked


def add_routes(blueprint: Blueprint, prefix: str, services: Services) -> None:
    """Put every path of the operator, below `prefix`, on a blueprint."""
    routes = Routes(services)
    table: list[tuple[str, str, View]] = [
        ("/healthz", "GET", routes.healthz),
        ("/readyz", "GET", routes.readyz),
        ("/openapi.json", "GET", routes.openapi),
        ("/metrics", "GET", routes.guarded(routes.metrics)),
        ("/actors", "GET", routes.guarded(routes.actors)),
        ("/people", "GET", routes.guarded(routes.people)),
        ("/actors/stop", "POST", routes.guarded(routes.stop_actor)),
    ]
    for path, method, view in table:
        name = path.strip("/").replace("/", "_").partition(".")[0]
        blueprint.add_url_rule(prefix + path, name, view, methods=[method])


def _person(person: Person) -> dict[str, object]:
    return {
        "name": person.name,
        "status": person.status,
        "guest": not person.proven,
        "operator": person.standing.operator,
        "vip": person.standing.vip,
        "webcam": bool(person.video & Video.ACTIVE),
        "explicit": bool(person.video & Video.NSFW),
        "here_since": person.here_since,
    }


def _json(value: Any, status: int = 200) -> Response:
    return _text(json.dumps(value), status)


def _text(document: str | bytes, status: int = 200) -> Response:
    response = Response(document, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
