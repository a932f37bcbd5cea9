"""What two listeners of one server have in common: clients of Socket.IO, tickets, turns, limits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from api.http.mounts import Place
from tests.support.owt import Manager, OwtServer, owt_server, owt_settings
from tests.support.owt_portal import AGENT, connection, guest, token, until_away
from tests.support.raw import talking
from tests.support.serving import CARRIERS, second_listener
from tests.support.socketio import Polling

MANY = 20


@pytest.fixture(params=CARRIERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OwtServer]:
    async with owt_server(tmp_path, request.param) as found:
        yield found


@pytest.fixture
async def other(server: OwtServer) -> AsyncIterator[OwtServer]:
    async with second_listener(
        server.services, server.open(Place(root=False, secure=False))
    ) as served:
        yield OwtServer(served, server.system, server.services, server.open)


async def test_a_session_that_was_opened_at_one_is_known_at_the_other(
    server: OwtServer, other: OwtServer
) -> None:
    """It begins, posts and polls where it likes, and moves to a websocket of the other one."""
    room = str((await server.manager().create_room())["_id"])
    async with (
        httpx.AsyncClient(base_url=server.url) as here,
        httpx.AsyncClient(base_url=other.url) as there,
    ):
        polling = Polling(here, 3)
        first = await polling.receive()
        sid = polling.sid = json.loads(first[0][1:])["sid"]
        elsewhere = Polling(there, 3, sid)
        login = {"token": await token(server, room), "userAgent": AGENT, "protocol": "1.1"}
        await elsewhere.send(f"420{json.dumps(['login', login])}")
        answered = await elsewhere.receive()
        assert answered[0].startswith('430["ok",'), answered
        path = f"/socket.io/?EIO=3&transport=websocket&sid={sid}"
        async with talking(other.serving.websocket(path)) as socket:
            await socket.send_message("2probe")
            assert await socket.get_message() == "3probe"
            await socket.send_message("5")
            await socket.send_message("2")
            assert await socket.get_message() == "3"
            refused = await here.get(f"/socket.io/?EIO=3&transport=polling&sid={sid}")
            assert (refused.status_code, refused.json()["code"]) == (400, 3)  # it has moved


async def test_who_lost_one_comes_back_by_the_other(server: OwtServer, other: OwtServer) -> None:
    room = str((await server.manager().create_room())["_id"])
    async with guest(server, room) as ann:
        await ann.drop()
        await until_away(server, ann.id)
        async with connection(other) as again:
            await again.ok("relogin", ann.ticket)


async def test_changes_of_a_room_by_both_take_turns(server: OwtServer, other: OwtServer) -> None:
    room = (await server.manager().create_room(roles=[]))["_id"]
    answers: list[httpx.Response] = []

    async def add(manager: Manager, number: int) -> None:
        body: list[dict[str, Any]] = [
            {"op": "add", "path": "/roles/-", "value": {"role": f"role{number}"}}
        ]
        answers.append(await manager.ask("PATCH", f"/v1/rooms/{room}", body))

    async with trio.open_nursery() as nursery:
        for number in range(MANY):
            nursery.start_soon(add, (server, other)[number % 2].manager(), number)
    assert [answer.status_code for answer in answers] == [200] * MANY
    left = (await server.manager().ask("GET", f"/v1/rooms/{room}")).json()
    assert {role["role"] for role in left["roles"]} == {f"role{number}" for number in range(MANY)}


async def test_clients_of_an_address_are_counted_over_both(tmp_path: Path) -> None:
    settings = owt_settings(limits={"connections_per_address": 2})
    async with owt_server(tmp_path, settings=settings) as server:
        mount = server.open(Place(root=False, secure=False))
        async with second_listener(server.services, mount) as other:
            answers = []
            for url in (server.url, other.url, server.url):
                async with httpx.AsyncClient(base_url=url) as http:
                    answers.append(await http.get("/socket.io/?EIO=3&transport=polling"))
    assert [answer.status_code for answer in answers] == [200, 200, 429]
