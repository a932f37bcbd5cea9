"""Two who manage rooms at a time, and what crashes or hangs meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.core import Message
from actors.directory import rooms
from actors.member.member import Member
from actors.room.conference import RoomConference
from actors.room.room import Room
from actors.store.messages import Document, DropDocument, ReplaceDocument
from actors.words.keys import RoomKey
from actors.words.orders import CloseRoom
from api.owt.portal import login
from tests.api.owt.test_rest_rooms import trouble
from tests.fakes.memory_store import MemoryDocuments
from tests.support.owt import SAMPLE, SUPER, OwtServer, owt_server, owt_settings
from tests.support.owt_portal import connection, guest, token, until_peers


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    async with owt_server(tmp_path) as server:
        yield server


def beside(server: OwtServer, monkeypatch: pytest.MonkeyPatch, *others: Any) -> None:
    """Have the store do something else first whenever a room is about to be replaced."""
    left, real = list(others), MemoryDocuments.do

    def do(documents: MemoryDocuments, message: Message) -> object:
        if isinstance(message, ReplaceDocument) and left:
            left.pop(0)(documents, message.document)
        return real(documents, message)

    monkeypatch.setattr(MemoryDocuments, "do", do)


def change(documents: MemoryDocuments, room: Document, body: Callable[[bytes], bytes]) -> None:
    """Change a room as it is in the store."""
    known = documents.all[room.kind, room.id]
    documents.all[room.kind, room.id] = replace(known, body=body(known.body))


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_change_does_not_bring_a_deleted_room_back(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]
    beside(server, monkeypatch, lambda them, room: them.do(DropDocument(room.kind, room.id)))
    body: Any = {"inputLimit": 5}
    if method == "PATCH":
        body = [{"op": "replace", "path": "/inputLimit", "value": 5}]
    answer = await manager.ask(method, f"/v1/rooms/{room}", body)
    assert trouble(answer)[:2] == (404, 1003)
    assert (await manager.ask("GET", "/v1/rooms")).json() == []


async def test_of_two_changes_at_once_both_are_made(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]

    def renamed(body: bytes) -> bytes:
        return json.dumps(json.loads(body) | {"name": "renamed"}).encode()

    beside(server, monkeypatch, lambda them, room: change(them, room, renamed))
    answer = await manager.ask("PUT", f"/v1/rooms/{room}", {"inputLimit": 5})
    assert (answer.json()["name"], answer.json()["inputLimit"]) == ("renamed", 5)
    assert (await manager.ask("GET", f"/v1/rooms/{room}")).json()["inputLimit"] == 5


async def test_who_is_never_fast_enough_is_told_to_try_again(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]

    def touch(documents: MemoryDocuments, room: Document) -> None:
        change(documents, room, lambda body: body + b" ")

    beside(server, monkeypatch, *[touch] * 20)
    assert (await manager.ask("PUT", f"/v1/rooms/{room}", {"inputLimit": 5})).status_code == 503


# --- rooms that do not end as they are told


@pytest.fixture
async def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OwtServer]:
    """A server that waits half a second for an actor, and as long for its end."""
    monkeypatch.setattr(rooms, "CONFERENCE_GRACE", 0.5)
    async with owt_server(tmp_path, settings=owt_settings(limits={"ask_seconds": 0.5})) as server:
        yield server


def do_not_close(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Have the room "bad" fail at its end."""
    real = Room.handle

    async def handle(self: Room, message: Message) -> object:
        if isinstance(message, CloseRoom) and self._state.spec.title == "bad":
            if how == "crashes":
                raise RuntimeError("while closing")
            await trio.sleep_forever()
        return await real(self, message)

    monkeypatch.setattr(Room, "handle", handle)


@pytest.mark.parametrize("how", ["crashes", "hangs"])
async def test_a_deleted_room_ends_whatever_it_does(
    hasty: OwtServer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    manager = hasty.manager()
    room = (await manager.create_room("bad"))["_id"]
    do_not_close(monkeypatch, how)
    async with guest(hasty, room) as ann:
        assert (await manager.ask("DELETE", f"/v1/rooms/{room}")).status_code == 200
        await ann.client.gone()
    await until_peers(hasty, 0)


@pytest.mark.parametrize("how", ["crashes", "hangs"])
async def test_a_deleted_service_ends_all_its_rooms(
    hasty: OwtServer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    manager = hasty.manager()
    rooms = [(await manager.create_room(name))["_id"] for name in ("bad", "good", "unused")]
    do_not_close(monkeypatch, how)
    async with guest(hasty, rooms[0]) as ann, guest(hasty, rooms[1], "bob") as bob:
        answer = await hasty.manager(SUPER).ask("DELETE", f"/services/{SAMPLE}")
        assert (answer.status_code, answer.text) == (200, "Service deleted")
        await bob.client.gone()
        await ann.client.gone()
    await until_peers(hasty, 0)


async def test_who_enters_while_the_room_is_deleted_is_put_out(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]
    real = login._entry

    async def entry(*args: Any) -> login.Admitted:
        found = await real(*args)
        assert (await manager.ask("DELETE", f"/v1/rooms/{room}")).status_code == 200
        return found

    monkeypatch.setattr(login, "_entry", entry)
    pass_ = await token(server, room)
    async with connection(server) as ann:
        await ann.login(pass_)
        await ann.client.gone()
    await until_peers(server, 0)
    assert server.system.registry.find(RoomKey("owt", room).path) is None


# --- crashes


async def test_a_crash_of_the_room_is_answered_and_over(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]
    async with guest(server, room) as ann:
        with monkeypatch.context() as patch:
            patch.setattr(RoomConference, "streams", property(lambda _: 1 / 0))
            answer = await manager.ask("GET", f"/v1/rooms/{room}/streams/")
            assert trouble(answer)[:2] == (503, 2001)
        streams = (await manager.ask("GET", f"/v1/rooms/{room}/streams/")).json()
        assert [each["id"] for each in streams] == [f"{room}-common"]
        listed = (await manager.ask("GET", f"/v1/rooms/{room}/participants/")).json()
        assert [each["id"] for each in listed] == [ann.id]
        await ann.ok("text", {"to": "all", "message": "still here"})
        await ann.told("text", message="still here")


async def test_a_participant_that_crashes_is_gone_and_its_client_hears_so(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = (await server.manager().create_room())["_id"]
    real = Member.handle

    async def handle(self: Member, message: Message) -> object:
        if self._identity.user == "bob":
            raise RuntimeError("out of order")
        return await real(self, message)

    async with guest(server, room) as ann, guest(server, room, "bob") as bob:
        await ann.told("participant", action="join")
        monkeypatch.setattr(Member, "handle", handle)
        await ann.ok("text", {"to": "all", "message": "anyone?"})
        await ann.told("text", message="anyone?")
        assert await ann.told("participant") == {"action": "leave", "data": bob.id}
        await bob.client.gone()
        await ann.ok("text", {"to": "all", "message": "on we go"})
