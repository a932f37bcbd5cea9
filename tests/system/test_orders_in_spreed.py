"""What the operator orders of rooms and people of Spreed, as its clients see it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from actors.words.keys import MemberKey, RoomKey
from api.operator.ids import person_id, room_id
from tests.support.ordering import CONFIG, NETWORK, PATIENCE, Operator, ordering, websocket
from tests.support.server_process import ServerProcess
from tests.support.spreed import SpreedClient, connect

TEA = RoomKey("spreed", "Room:tea")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("ordered"), config=CONFIG) as running:
        yield running


@pytest.fixture
async def operator(server: ServerProcess) -> AsyncIterator[Operator]:
    async with ordering(server) as operator:
        yield operator


@asynccontextmanager
async def session(server: ServerProcess, query: str = "") -> AsyncIterator[SpreedClient]:
    async with connect(websocket(server, f"/ws{query}")) as socket:
        client = SpreedClient(socket)
        client.me = await client.data("Self")
        yield client


async def called(one: SpreedClient, other: SpreedClient) -> None:
    """Have two clients call each other, and take what the other one says."""
    for caller, callee, kind in ((one, other, "Offer"), (other, one, "Answer")):
        await caller.send(kind, {"sdp": "v=0"}, To=callee.id)
        await callee.data(kind)


async def refused_with(client: SpreedClient, room: str) -> dict[str, Any]:
    await client.hello(room)
    return await client.data("Error")


async def test_spreed_a_room_is_closed_for_a_time(
    server: ServerProcess, operator: Operator
) -> None:
    async with session(server) as ann, session(server) as bob, session(server) as cid:
        for client in (ann, bob):
            await client.join("tea")
        await ann.data("Joined")
        await called(ann, bob)
        await cid.join("quiet")
        began = time.time()
        until = await operator.close(TEA)
        assert began + 3600 <= until <= time.time() + 3600
        for client, other in ((ann, bob), (bob, ann)):
            goodbye = await client.data("Closed")
            assert 3000 < goodbye["Closed"].pop("Seconds") <= 3600
            assert goodbye == {"Type": "Closed", "Closed": {"Kind": "room", "Reason": "Repairs"}}
            left = await client.data("Left")  # by which clients of the original hang up
            assert (left["Id"], left["Status"]) == (other.id, "hard")
            assert await client.gone() == 4000
        assert await cid.silent()
        for client in (ann, bob):
            await operator.until_said("peer.ended", peer=client.id, reason="room_closed")
    async with session(server, f"?t={ann.me['Token']}") as again:
        assert again.id == ann.id
        error = await refused_with(again, "TEA")
        assert 3000 < error.pop("Seconds") <= 3600
        assert error == {
            "Type": "Error",
            "Code": "room_closed",
            "Message": "The operator has closed this room",
            "Reason": "Repairs",
        }
        await again.join("quiet")
        closed = (await operator.order("GET", "/closed", 200))["closed"]
        assert closed == [
            {
                "id": room_id(TEA),
                "realm": "spreed",
                "name": "tea",
                "until": until,
                "reason": "Repairs",
                "by": "Ölga",
            }
        ]
        await operator.open(TEA)
        await again.join("tea")
    by = {"by": "Ölga", "address": NETWORK, "room": "Room:tea", "dialect": "spreed"}
    await operator.until_said("room.closed_by_operator", seconds=3600.0, **by)
    await operator.until_said("room.closed", room="Room:tea", reason="closed_by_operator")
    await operator.until_said("room.opened_again", **by)
    assert not operator.said("peer.ended", peer=bob.id, reason="disconnected")


async def test_spreed_a_name_is_closed_and_opens_by_itself(
    server: ServerProcess, operator: Operator
) -> None:
    order = {"realm": "spreed", "name": "Soon"}
    await operator.order("POST", "/closed", 202, order | {"seconds": 600.0})
    async with session(server) as ann:
        error = await refused_with(ann, "soon")
        assert (error["Code"], error["Reason"]) == ("room_closed", "")
        assert 0 < error["Seconds"] <= 600
        await operator.order("POST", "/closed", 202, order | {"seconds": 1.0})
        with trio.fail_after(PATIENCE):
            while True:
                await ann.hello("soon")
                if (await ann.next())["Data"]["Type"] == "Welcome":
                    break
                await trio.sleep(0.05)


async def test_spreed_who_is_put_out_cannot_go_on_as_himself(
    server: ServerProcess, operator: Operator
) -> None:
    async with session(server) as ann, session(server) as bob:
        for client in (ann, bob):
            await client.join("coffee")
        await ann.data("Joined")
        await called(ann, bob)
        await operator.put_out(MemberKey("spreed", bob.id))
        goodbye = {"Kind": "person", "Reason": "Sorry", "Seconds": 0}
        assert (await bob.data("Closed"))["Closed"] == goodbye
        assert (await bob.data("Left"))["Id"] == ann.id
        assert await bob.gone() == 4001
        assert (await ann.data("Left"))["Id"] == bob.id
        async with connect(websocket(server, f"/ws?t={bob.me['Token']}")) as socket:
            back = SpreedClient(socket)
            assert (await back.data("Closed"))["Closed"] == goodbye
            await back.hello("coffee")  # he is no session: nobody answers
            assert await back.gone() == 4001
        async with session(server) as new:
            await new.join("coffee")
            assert (await ann.data("Joined"))["Id"] == new.id != bob.id
        path = f"/people/{person_id(MemberKey('spreed', bob.id))}/put-out"
        await operator.order("DELETE", path, 204)
        assert (await operator.order("DELETE", path, 404))["code"] == "not_put_out"
        async with session(server, f"?t={bob.me['Token']}") as again:
            assert again.id == bob.id
    told = {"peer": bob.id, "room": "Room:coffee", "dialect": "spreed", "by": "Ölga"}
    line = await operator.until_said("peer.put_out", **told)
    assert line["address"] == NETWORK
    await operator.until_said("peer.ended", peer=bob.id, reason="put_out")
    await operator.until_said("peer.let_back", peer=bob.id)


async def test_spreed_media_is_not_carried_and_a_stopped_room_says_who_stopped_it(
    server: ServerProcess, operator: Operator
) -> None:
    async with session(server) as ann:
        await ann.join("stopped")
        id_ = person_id(MemberKey("spreed", ann.id))
        refusal = await operator.order("POST", f"/people/{id_}/mute", 409, {"stream": "x"})
        assert refusal["code"] == "not_carried"
        path = RoomKey("spreed", "Room:stopped").path
        await operator.order("POST", "/actors/stop", 202, {"path": path})
        assert await ann.gone() == 1001
    told = {"room": "Room:stopped", "dialect": "spreed", "actor": path}
    line = await operator.until_said("actor.stop_ordered", **told)
    assert (line["by"], line["address"]) == ("Ölga", NETWORK)
    await operator.until_said("room.closed", room="Room:stopped", reason="stopped by the operator")
    await operator.until_said("peer.ended", peer=ann.id, reason="room_closed")
