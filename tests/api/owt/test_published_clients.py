"""The published socket.io-client: 2.x as OWT 4.3 loads it, 3.x as 5.x does, and a current 4.x."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.support.npm import node, npm_packages
from tests.support.serving import CARRIERS
from tests.support.socketio_server import Host, socketio_host
from tests.support.talking import Talking

VERSIONS = ("2.2.0", "2.5.0", "3.1.2", "4.8.1")
SCRIPT = Path(__file__).parents[2] / "support" / "socketio_client.js"
WAYS = ("polling", "polling,websocket", "websocket")
# One unit, two units, joined ones, beyond a separator's neighbours, and what JSON must escape.
TEXT = 'é 😀 👩‍👩‍👧 ￿ \u2028 \x1e \\ "'


class Published:
    """One client."""

    def __init__(self, script: Talking) -> None:
        self._script = script
        self._told: list[list[Any]] = []

    async def do(self, *words: Any) -> None:
        await self._script.say(json.dumps(words))

    async def told(self, what: str) -> list[Any]:
        """Return the next word of this kind; those before it stay."""
        for index, found in enumerate(self._told):
            if found[0] == what:
                return self._told.pop(index)[1:]
        while True:
            line = await self._script.line()
            assert line, f"ended before {what}: {self._told}"
            found = json.loads(line)
            if found[0] == what:
                return list(found[1:])
            self._told.append(found)


@asynccontextmanager
async def published(host: Host, version: str, transports: str) -> AsyncIterator[Published]:
    modules = npm_packages(f"socket.io-client@{version}")
    async with node(SCRIPT, host.url, transports, modules=modules) as script:
        yield Published(script)


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("transports", WAYS)
@pytest.mark.parametrize("version", VERSIONS)
async def test_events_pass_both_ways(carrier: str, version: str, transports: str) -> None:
    async with socketio_host(carrier) as host, published(host, version, transports) as client:
        assert await client.told("open") == [transports.partition(",")[0]]
        assert await client.told("first") == ["ok", "first"]
        if transports == "polling,websocket":
            assert await client.told("upgrade") == ["websocket"]
        for _ in range(3):
            await client.do("call", "echo", TEXT, {"nested": [TEXT]})
            assert await client.told("answer") == ["ok", TEXT, {"nested": [TEXT]}]
        await client.do("emit", "echo", TEXT * 5000)
        assert await client.told("echo") == [TEXT * 5000]
        await client.do("emit", "flood", 200, 1000)
        for _ in range(200):
            assert await client.told("flood") == [1000]
        await client.do("engine")
        [sid, carried] = await client.told("engine")
        assert carried == transports.rpartition(",")[2]
        [connection] = host.seen
        assert sid == connection.sid
        assert sid != connection.id
        assert connection.address == "127.0.0.1"
        assert not connection.secure
        await client.do("close")
        assert await host.until_ended() == ["client_left"]
    assert len(host.table) == 0


@pytest.mark.parametrize("version", ["2.2.0", "4.8.1"])
async def test_newer_clients_are_known_by_the_id_the_portal_shows(version: str) -> None:
    async with socketio_host() as host, published(host, version, "websocket") as client:
        [socket_id] = await client.told("connect")
        await client.told("first")
        [connection] = host.seen
        assert socket_id == (connection.sid if version < "3" else connection.id)


@pytest.mark.parametrize("transports", WAYS)
@pytest.mark.parametrize("version", ["2.2.0", "4.8.1"])
async def test_a_client_that_is_disconnected_stays_away(version: str, transports: str) -> None:
    async with socketio_host() as host, published(host, version, transports) as client:
        await client.told("first")
        if transports == "polling,websocket":
            await client.told("upgrade")
        await client.do("emit", "disconnect me")
        assert await client.told("disconnect") == ["io server disconnect"]
        assert await host.until_ended() == ["disconnected"]
        await trio.sleep(0.3)  # more than its delay before it comes back
        assert len(host.seen) == 1


@pytest.mark.parametrize("order", ["close me", "crash"])
@pytest.mark.parametrize("transports", WAYS)
@pytest.mark.parametrize("version", ["2.2.0", "4.8.1"])
async def test_a_client_whose_connection_is_lost_comes_back(
    version: str, transports: str, order: str
) -> None:
    async with socketio_host() as host, published(host, version, transports) as client:
        [first] = await client.told("connect")
        await client.told("first")
        if transports == "polling,websocket":
            await client.told("upgrade")
        await client.do("emit", order)
        assert await client.told("disconnect") == ["transport close"]
        [second] = await client.told("connect")
        assert second != first
        assert await client.told("first") == ["ok", "first"]
        assert len(host.seen) == 2


@pytest.mark.slow
@pytest.mark.parametrize("transports", WAYS)
@pytest.mark.parametrize("version", ["2.2.0", "4.8.1"])
async def test_clients_live_on_pings(version: str, transports: str) -> None:
    times = {"ping_seconds": 1.0, "ping_timeout_seconds": 4.0}
    async with socketio_host(owt=times) as host, published(host, version, transports) as client:
        await client.told("first")
        await trio.sleep(6.0)
        await client.do("call", "echo", "still here")
        assert await client.told("answer") == ["ok", "still here"]
        assert len(host.seen) == 1


async def test_a_server_that_stops_is_left_for_the_next_one() -> None:
    async with socketio_host() as host, published(host, "2.2.0", "polling") as client:
        await client.told("first")
        await host.services.lifecycle.drain(0.0, 1.0)
        assert await client.told("disconnect") == ["transport close"]
        assert host.ended == ["shutting_down"]
