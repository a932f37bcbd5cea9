"""Listeners as actors: a crash restarts them on the socket that was bound before."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest
import trio
from quart import Blueprint
from structlog.testing import capture_logs

from actors.core import open_system
from api.http.app import create_app
from api.http.carriers.address_counts import AddressCounts
from api.http.carriers.connections import Connections
from api.process.http_actor import http_spec
from api.settings import ListenerSettings, settings_of
from tests.support.serving import mount, services_for


async def test_a_listener_that_crashes_comes_back_on_the_same_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blueprint = Blueprint("test", __name__)

    @blueprint.get("/hello")
    async def hello() -> str:
        return "hello"

    services = services_for(settings_of({}))
    app = create_app(ListenerSettings(), [mount(blueprint=blueprint)], services)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/hello"
    connections = Connections(listening, app, services, AddressCounts())
    taken = 0
    take = Connections._take

    def crash_once(self: Connections, sock: socket.socket, *rest: Any) -> None:
        nonlocal taken
        taken += 1
        if taken == 1:
            sock.close()
            raise ZeroDivisionError("a bug")
        take(self, sock, *rest)

    monkeypatch.setattr(Connections, "_take", crash_once)
    with capture_logs() as logs, listening:
        async with open_system([http_spec([(url, connections)])]) as system:
            async with httpx.AsyncClient() as http:
                with pytest.raises(httpx.TransportError):
                    await http.get(url)
                assert (await http.get(url)).text == "hello"
            assert system.counters.restarts == 1
            [supervisor] = system.tree()["children"]  # type: ignore[attr-defined]
            [listener] = supervisor["children"]
            assert (listener["path"], listener["restarts"]) == ("/http/0", 1)
            assert listener["facts"]["url"] == url
            await connections.stop(1.0)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["actor.crashed"]


async def test_stopping_the_system_ends_a_listener_with_its_connections() -> None:
    services = services_for(settings_of({}))
    app = create_app(ListenerSettings(), [mount()], services)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    with listening:
        connections = Connections(listening, app, services, AddressCounts())
        async with open_system([http_spec([("http://x", connections)])]) as system:
            stream = await trio.open_tcp_stream(*listening.getsockname())
            with trio.fail_after(30):
                while connections.facts()["connections"] != 1:
                    await trio.sleep(0.01)
            await system.shutdown(1.0)
            assert connections.facts()["connections"] == 0
            assert await stream.receive_some() == b""
            await stream.aclose()
