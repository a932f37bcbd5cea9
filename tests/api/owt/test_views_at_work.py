"""Views that a back office changes while people are in the room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from actors.core import Actor, Message
from actors.words.orders import ChangeViews
from actors.words.refusals import Busy
from api.owt.live_rooms import LiveRooms
from api.owt.portal import login
from tests.support.owt import OwtServer, owt_server
from tests.support.owt_portal import guest


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    async with owt_server(tmp_path) as found:
        yield found


async def views_of(server: OwtServer, room: str) -> list[dict[str, Any]]:
    answer = await server.manager().ask("GET", f"/v1/rooms/{room}")
    views: list[dict[str, Any]] = answer.json()["views"]
    return views


async def ids(server: OwtServer, room: str) -> list[str]:
    answer = await server.manager().ask("GET", f"/v1.1/rooms/{room}/streams")
    return [stream["id"] for stream in answer.json()]


async def test_views_are_put_and_patched_while_somebody_is_in(server: OwtServer) -> None:
    room = (await server.manager().create_room())["_id"]
    async with guest(server, room) as ann:
        assert ann.welcome["room"]["views"] == ["common"]
        (common,) = await views_of(server, room)
        both = {"views": [common, {**common, "label": "stage"}]}
        answer = await server.manager().ask("PUT", f"/v1/rooms/{room}", both)
        assert answer.status_code == 200
        added = await ann.told("stream", id=f"{room}-stage", status="add")
        assert added["data"]["info"]["label"] == "stage"
        assert await ids(server, room) == [f"{room}-common", f"{room}-stage"]

        size = {"width": 320, "height": 240}
        path = "/views/1/video/parameters/resolution"
        change = [{"op": "replace", "path": path, "value": size}]
        answer = await server.manager().ask("PATCH", f"/v1/rooms/{room}", change)
        assert answer.status_code == 200
        told = await ann.told("stream", id=f"{room}-stage", status="update")
        assert told["data"]["field"] == "."
        video = told["data"]["value"]["media"]["video"]
        assert video["original"][0]["parameters"]["resolution"] == size

        wrong = await server.manager().ask("PUT", f"/v1/rooms/{room}", {"views": 5})
        assert wrong.status_code == 400
        await server.manager().ask("PUT", f"/v1/rooms/{room}", {"views": []})
        for label in ("common", "stage"):
            await ann.told("stream", id=f"{room}-{label}", status="remove")
        assert await ids(server, room) == []
        await server.manager().ask("PUT", f"/v1/rooms/{room}", {"name": "other"})
        assert await ann.quiet()


async def test_a_room_that_opens_while_its_views_change_has_the_new_ones(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = (await server.manager().create_room())["_id"]
    lives = LiveRooms.follow

    async def too_early(self: LiveRooms, room_id: str) -> None:
        """Be asked before the room is there, as by a change that comes while somebody logs in."""

    async def change_first(state: Any, token: str, address: str) -> Any:
        record = await taken(state, token, address)
        stored, read = state.store.room, iter([True])

        async def read_and_change(room_id: str) -> Any:
            found = await stored(room_id)
            if next(read, False):
                monkeypatch.setattr(LiveRooms, "follow", too_early)
                answer = await server.manager().ask("PUT", f"/v1/rooms/{room}", {"views": []})
                assert answer.status_code == 200
                monkeypatch.setattr(LiveRooms, "follow", lives)
            return found

        monkeypatch.setattr(state.store, "room", read_and_change)
        return record

    taken = login.taken
    monkeypatch.setattr(login, "taken", change_first)
    async with guest(server, room) as ann:
        assert [it["id"] for it in ann.welcome["room"]["streams"]] == [f"{room}-common"]
        await ann.told("stream", id=f"{room}-common", status="remove")
        assert await ids(server, room) == []


class Refusing(Actor[Message]):
    """Stands in for a room that has too much to do."""

    kind = "room"
    accepts = (ChangeViews,)

    async def handle(self, message: Message) -> None:
        raise Busy


async def test_a_change_is_stored_and_answered_also_where_the_room_cannot_follow(
    server: OwtServer,
) -> None:
    room = (await server.manager().create_room())["_id"]
    await server.live(room, Refusing())
    with structlog.testing.capture_logs() as logs:
        answer = await server.manager().ask("PUT", f"/v1/rooms/{room}", {"views": []})
    assert (answer.status_code, answer.json()["views"]) == (200, [])
    assert [it["reason"] for it in logs if it["event"] == "room.views_not_changed"] == ["Busy"]
