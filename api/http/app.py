"""The Quart app of one listener: its dialects' blueprints, and what all requests have in common.

A request id, one log line per request, limits of size and time, and answers in the form of the
dialect whose path was asked for: an unknown path below a dialect's prefix is that dialect's 404,
never another dialect's page.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
import trio
from quart import Response, current_app, g, has_request_context, request, websocket
from quart_trio import QuartTrio
from structlog.contextvars import bind_contextvars
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    RequestedRangeNotSatisfiable,
    ServiceUnavailable,
)

from api.http.caller import client
from api.http.carriers.quart_seam import SteadyHttpConnection, SteadyWebsocketConnection
from api.http.carriers.quart_socket import QuartSocket, websocket_view
from api.http.carriers.request_body import CountedRequest
from api.http.carriers.upgrades import WebsocketRoutes
from api.http.loop_meter import at_hand
from api.http.paths import Paths, is_below

if TYPE_CHECKING:
    from werkzeug.routing import MapAdapter

    from api.http.mounts import Mount, Services
    from api.settings import LimitSettings, ListenerSettings

log = structlog.get_logger(__name__)

REFUSALS = {404, 405, 413, 429, 500, 503}  # what every mount has a form for


class App(QuartTrio):
    """The app of one listener; `routes` are its websocket paths, for both carriers."""

    asgi_http_class = SteadyHttpConnection
    request_class = CountedRequest
    asgi_websocket_class = SteadyWebsocketConnection

    def __init__(self, mounts: Sequence[Mount], services: Services, root: Mount | None) -> None:
        super().__init__("quintet", static_folder=None, template_folder=None)
        self.services = services
        self.mounts = {mount.blueprint.name: mount for mount in mounts}
        self.root = root
        self.routes = WebsocketRoutes(route for mount in mounts for route in mount.websockets)
        self.large_bodies = {
            path: most for mount in mounts for path, most in mount.large_bodies.items()
        }
        self.open_sockets: set[QuartSocket] = set()
        self.paths: Paths  # once all routes are known

    def create_url_adapter(self, asked: Any) -> MapAdapter | None:
        """Find routes by path and method alone: no Host is wrong, and no query is decoded for it.

        Quart would put the Host into IDNA, and raise over `a..b`.
        """
        if asked is None:
            return super().create_url_adapter(asked)
        return self.url_map.bind(
            "", asked.root_path, None, asked.scheme, asked.method, asked.path, ""
        )

    async def dispatch_request(self, request_context: Any = None) -> Any:
        """Have a request answered by its route; with 503 once its body is given up."""
        asked: Any = request
        with asked.body.handling:
            return await super().dispatch_request(request_context)
        raise ServiceUnavailable

    def limits_changed(self, limits: LimitSettings) -> None:
        """Take over the limits of requests; Quart reads them for each."""
        self.config["MAX_CONTENT_LENGTH"] = limits.body_bytes
        self.config["BODY_TIMEOUT"] = limits.body_seconds
        self.config["RESPONSE_TIMEOUT"] = limits.answer_seconds

    def body_bytes(self, path: str) -> int:
        """Return how many bytes the body of a request for this path may have."""
        usual: int = self.config["MAX_CONTENT_LENGTH"]
        larger = self.large_bodies.get(path)
        return usual if larger is None else max(usual, larger())

    async def make_default_options_response(self) -> Response:
        """Tell the methods of a path: of its dialect's routes, not of another one's pages."""
        owner = self.paths.owner(request.path)
        prefix = owner[0] if owner else ""
        return Response("", headers={"Allow": _listed(self.paths.allowed(prefix, request.path))})

    def mount(self) -> Mount | None:
        """Return whose request this is: by its route, else by the prefix of its path."""
        if request.blueprint in self.mounts:
            return self.mounts[request.blueprint]
        owner = self.paths.owner(request.path)
        return owner[1] if owner else self.root

    def refusal(self, status: int) -> Response:
        """Build the answer of this status in the form of the mount asked for."""
        asked = request if has_request_context() else websocket
        owner = self.paths.owner(asked.path)
        mount = owner[1] if owner else self.mounts.get(asked.blueprint or "", self.root)
        if mount is not None and status in REFUSALS:
            return mount.refuse(status)
        phrase = HTTPStatus(status).phrase
        return Response(f"{status} {phrase}\n", status, content_type="text/plain; charset=utf-8")


def create_app(listener: ListenerSettings, mounts: Sequence[Mount], services: Services) -> App:
    """Put the mounts of one listener behind one app.

    Raises ValueError when two mounts claim one path.
    """
    root = next((mount for mount in mounts if mount.dialect == listener.root), None)
    app = App(mounts, services, root)
    app.limits_changed(services.settings().limits)
    app.url_map.strict_slashes = False  # SDKs send both forms and follow no redirects
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    for mount in mounts:
        for blueprint in (mount.blueprint, *mount.others):
            app.register_blueprint(blueprint)
    for path in app.routes.paths:
        app.add_websocket(path, f"websocket:{path}", websocket_view(app))
    app.paths = Paths(mounts, app.url_map)
    app.before_request(_begin)
    app.after_request(_end)
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(Exception, _crash)
    return app


def current() -> App:
    """Return the app of the current request."""
    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]


async def _begin() -> Response | None:
    """Give the request its id; refuse what is too large, astray, or no websocket where one is due.

    A route without arguments may share its path with a websocket; a catch-all page may not.
    """
    app = current()
    at_hand.set(request.url_rule.rule if request.url_rule else "")
    g.started = trio.current_time()
    g.request_id = secrets.token_hex(8)
    bind_contextvars(request_id=g.request_id, address=client().address)
    if (request.content_length or 0) > app.body_bytes(request.path):
        return app.refusal(413)
    if request.path in app.routes and (request.url_rule is None or request.url_rule.arguments):
        return Response(
            "This address speaks websocket.\n",
            426,
            {"Upgrade": "websocket"},
            content_type="text/plain; charset=utf-8",
        )
    owner = app.paths.owner(request.path)
    if owner is None:
        return None
    prefix, _ = owner
    if request.url_rule is None or not is_below(prefix, request.url_rule):
        problem = app.paths.problem(prefix, request.path, request.method)
        return _refuse(problem) if problem else None
    return None


async def _end(response: Response) -> Response:
    """Log the request, without anything of it that may be secret, and finish the headers."""
    app = current()
    mount = app.mount()
    dialect = mount.dialect if mount else ""
    seconds = trio.current_time() - g.get("started", trio.current_time())
    app.services.traffic.request(dialect).add(response.status_code, seconds)
    note = log.debug if dialect == "operator" and response.status_code < 400 else log.info
    note(
        "request.answered",
        method=request.method,
        route=request.url_rule.rule if request.url_rule else "",
        status=response.status_code,
        ms=round(seconds * 1000, 2),
        dialect=dialect,
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers["X-Request-Id"] = g.get("request_id", "")
    return response


def _listed(methods: Iterable[str]) -> str:
    return ", ".join(sorted(methods))


def _refuse(error: HTTPException) -> Response:
    """Answer an HTTP error (unknown path, wrong method, body too large or too slow …)."""
    response = current().refusal(error.code or 500)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = _listed(error.valid_methods)
    if isinstance(error, RequestedRangeNotSatisfiable) and error.length:
        response.headers["Content-Range"] = f"{error.units} */{error.length}"
    return response


def _crash(error: Exception) -> Response:
    """Log an unexpected error with its traceback; the client learns nothing but 500."""
    asked = request if has_request_context() else websocket
    route = asked.url_rule.rule if asked.url_rule else ""
    log.error("request.crashed", route=route, exc_info=error)
    return current().refusal(500)
