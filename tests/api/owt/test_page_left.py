"""A page that is closed, left or reloaded: its browser closes the websocket with 1001, and whoever
was there is gone for the others soon. A lost network (1006) keeps its grace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.support.owt import OwtServer, owt_server, owt_settings
from tests.support.owt_portal import (
    AGENT,
    Guest,
    connection,
    guest,
    token,
    until_away,
    until_peers,
)
from tests.support.socketio import Websocket

SOON = 0.3


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    settings = owt_settings(owt={"messages_per_second": 0, "left_seconds": SOON})
    async with owt_server(tmp_path, settings=settings) as found:
        yield found


@pytest.fixture
async def room(server: OwtServer) -> str:
    return str((await server.manager().create_room())["_id"])


async def leave_page(guest: Guest, code: int = 1001) -> None:
    """Close the websocket as a browser does when its page goes."""
    carrier = guest.client.carrier
    assert isinstance(carrier, Websocket)
    await carrier.socket.aclose(code)


@pytest.mark.parametrize(
    ("version", "way"), [(3, "upgrade"), (3, "websocket"), (4, "upgrade"), (4, "websocket")]
)
async def test_who_leaves_the_page_is_gone_soon(
    server: OwtServer, room: str, version: int, way: str
) -> None:
    async with guest(server, room) as bob, guest(server, room, version=version, way=way) as ann:
        await bob.told("participant", action="join")
        await leave_page(ann)
        assert await bob.told("participant") == {"action": "leave", "data": ann.id}
        async with connection(server) as again:
            assert await again.refused("relogin", ann.ticket) == "Client does NOT exist"


async def test_within_its_grace_it_may_come_back_after_all(tmp_path: Path) -> None:
    """A page that its browser has only put aside."""
    settings = owt_settings(owt={"left_seconds": 5.0})
    async with owt_server(tmp_path, settings=settings) as server:
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room) as bob, guest(server, room) as ann:
            await bob.told("participant", action="join")
            await leave_page(ann)
            await until_away(server, ann.id)
            async with connection(server) as again:
                await again.ok("relogin", ann.ticket)
                await again.ok("text", {"to": bob.id, "message": "back"})
                await bob.told("text", message="back")
                assert await bob.quiet(), "nobody has heard of the absence"


@pytest.mark.parametrize("how", ["lost", 1000, 1005, 1011])
async def test_any_other_end_keeps_its_grace(server: OwtServer, room: str, how: int | str) -> None:
    async with guest(server, room) as ann:
        if isinstance(how, int):
            await leave_page(ann, how)
        else:
            await ann.drop()
        await until_away(server, ann.id)
        await trio.sleep(SOON * 2)
        async with connection(server) as again:
            await again.ok("relogin", ann.ticket)
            await again.ok("text", {"to": "all", "message": "back"})
            await again.told("text", message="back")


@pytest.mark.parametrize("sdk", ["Android", "Objective-C", "C++"])
async def test_an_app_leaves_no_page(server: OwtServer, room: str, sdk: str) -> None:
    """It may say 1001 of being put aside, and its media may go on."""
    async with connection(server) as ann:
        agent = AGENT | {"sdk": {"type": sdk, "version": "4.3"}}
        await ann.login(await token(server, room), userAgent=agent)
        await leave_page(ann)
        await until_away(server, ann.id)
        await trio.sleep(SOON * 2)
        async with connection(server) as again:
            await again.ok("relogin", ann.ticket)


async def test_a_page_that_was_left_before_it_is_let_in_is_gone(
    server: OwtServer, room: str
) -> None:
    async with connection(server) as ann:
        leave = await token(server, room)
        await ann.client.emit("login", {"token": leave, "userAgent": AGENT, "protocol": "1.1"})
        await leave_page(ann)
        await trio.sleep(0.05)
    await until_peers(server, 0)
