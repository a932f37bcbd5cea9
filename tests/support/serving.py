"""Serve mounts in the test's own process, over either carrier, on a free port of the loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve
from prometheus_client import CollectorRegistry
from quart import Blueprint, Response

from actors.core import ActorSystem, Counters
from actors.directory.directory import Directory
from api.http.app import App, create_app
from api.http.carriers.address_counts import AddressCounts
from api.http.carriers.connections import Connections
from api.http.credentials import CredentialGuard
from api.http.mounts import Mount, Services
from api.http.sockets import Rejection, Socket, SocketLimits, Upgrade, WebsocketRoute
from api.process.composition import actor_limits
from api.process.lifecycle import Lifecycle
from api.process.secret_store import Secrets
from api.settings import ListenerSettings, Settings, settings_of
from tests.fakes.media import FakeEngine

CARRIERS = ("lane", "quart")


@dataclass
class Serving:
    """A server that runs: where it listens, and its insides."""

    host: str
    port: int
    app: App
    services: Services
    connections: Connections | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def websocket(self, path: str = "/ws") -> str:
        return f"ws://{self.host}:{self.port}{path}"


def settings_with(**sections: Any) -> Settings:
    """Return settings with some sections changed, e.g. limits={"header_seconds": 0.2}."""
    return settings_of(sections)


def services_for(settings: Settings, **changes: Any) -> Services:
    """Return services without an actor system, unless one is among the changes."""
    system = changes.get("system")
    values: dict[str, Any] = {
        "settings": lambda: settings,
        "system": SimpleNamespace(counters=Counters()),
        "directory": None,
        "media": FakeEngine(),
        "secrets": Secrets(Path("/nonexistent")),
        "guard": CredentialGuard(10, 1800.0),
        "lifecycle": Lifecycle(),
        "metrics": CollectorRegistry(),
    }
    if isinstance(system, ActorSystem):
        limits = partial(actor_limits, settings.limits)
        values["directory"] = Directory(system.registry, limits)
    return Services(**{**values, **changes})


def plain_refusal(status: int) -> Response:
    return Response(f"test {status}", status, content_type="text/plain")


def mount(
    serve: Callable[[Socket], Awaitable[None]] | None = None,
    *,
    admit: Callable[[Upgrade], Rejection | None] = lambda upgrade: None,
    limits: SocketLimits | None = None,
    path: str = "/ws",
    subprotocol: str | None = None,
    blueprint: Blueprint | None = None,
    dialect: str = "test",
    prefixes: tuple[str, ...] = (),
) -> Mount:
    """Return a mount with one websocket, or with the routes of a blueprint."""
    chosen = limits or SocketLimits(messages_per_second=0)
    route = serve and WebsocketRoute(path, admit, serve, lambda: chosen, dialect, subprotocol)
    return Mount(
        dialect=dialect,
        blueprint=blueprint or Blueprint(dialect, __name__),
        websockets=(route,) if route else (),
        prefixes=prefixes,
        refuse=plain_refusal,
    )


@asynccontextmanager
async def serving(
    *mounts: Mount,
    carrier: str = "lane",
    settings: Settings | None = None,
    services: Services | None = None,
    tls: ssl.SSLContext | None = None,
    root: str = "",
) -> AsyncIterator[Serving]:
    """Serve mounts while the block runs: by our listener ("lane"), or by plain Hypercorn."""
    settings = settings or settings_of({})
    services = services or services_for(settings)
    app = create_app(ListenerSettings(dialects=("test",), root=root), mounts, services)
    run = _by_us if carrier == "lane" else _by_hypercorn
    async with run(app, services, tls) as found:
        yield found


@asynccontextmanager
async def second_listener(services: Services, *mounts: Mount) -> AsyncIterator[Serving]:
    """Serve on one more listener of a server whose services these are."""
    async with serving(*mounts, settings=services.settings(), services=services) as served:
        yield served


@asynccontextmanager
async def _by_us(
    app: App, services: Services, tls: ssl.SSLContext | None
) -> AsyncIterator[Serving]:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    connections = Connections(listening, app, services, AddressCounts(), tls)
    port = listening.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connections.serve)
        with listening:
            yield Serving("127.0.0.1", port, app, services, connections)
            await connections.stop(0.5)


@asynccontextmanager
async def _by_hypercorn(
    app: App, services: Services, tls: ssl.SSLContext | None
) -> AsyncIterator[Serving]:
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.graceful_timeout = 0.1
    config.errorlog = None
    async with trio.open_nursery() as nursery:
        binds = await nursery.start(hypercorn_serve, app, config)
        host, _, port = binds[0].removeprefix("http://").partition(":")
        yield Serving(host, int(port), app, services)
        nursery.cancel_scope.cancel()
