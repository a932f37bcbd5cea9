"""Rooms as telephones have them: found for calls in, asked to take them, and registered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
import trio.testing

from actors.core import Actor, ActorError, Message
from actors.store.messages import GetDocument, ListDocuments
from actors.words.calls import CallDescription, CallEnd, CallRefused, TakeCall
from actors.words.conference_refusals import AudioForbidden, NotAllowed, TooManyStreams
from actors.words.facts import Presence
from actors.words.keys import RoomKey
from actors.words.media_refusals import NoCapacity
from actors.words.permission import Abilities, Permission
from actors.words.refusals import Busy, RoomFull, RoomLocked, StoreUnavailable
from api.owt import telephone_rooms
from api.owt.rooms import read_room
from api.owt.state import OwtState
from api.owt.stored import StoredRoom
from api.owt.telephone_rooms import IN_HAND, PACE, OwtTelephoneRooms, open_telephone_rooms
from api.sip.rooms import RoomAccount
from tests.api.owt.test_rest_live import ScriptedRoom
from tests.fakes.memory_store import MemoryDocuments
from tests.fakes.rooms_line import FakeInvitation, FakeLine
from tests.fakes.telephone import FakeLeg
from tests.support.owt import SAMPLE, SUPER, Manager, OwtServer, owt_server, owt_settings

ACCOUNT = {"sipServer": "sip.example.org", "username": "desk", "password": "sesame"}
KEPT = RoomAccount("desk", "sesame", "sip.example.org")


@dataclass
class Exchange:
    """A server with a telephone."""

    server: OwtServer
    manager: Manager
    line: FakeLine

    async def room(self, username: str = "", **options: Any) -> str:
        if username:
            options["sip"] = {"username": username}
        id: str = (await self.manager.create_room(**options))["_id"]
        return id

    async def scripted(self, username: str = "", **options: Any) -> tuple[str, ScriptedRoom]:
        """Add a room that takes every call."""
        id, room = await self.room(username, **options), ScriptedRoom()
        await self.server.live(id, room)
        return id, room

    async def put(self, room: str, **keys: Any) -> None:
        answer = await self.manager.ask("PUT", f"/v1/rooms/{room}", keys)
        assert answer.status_code == 200, answer.text

    async def delete(self, room: str) -> None:
        assert (await self.manager.ask("DELETE", f"/v1/rooms/{room}")).status_code == 200

    def elsewhere(self) -> OwtState:
        """Return the state of another process with the same database."""
        return OwtState.open(self.server.services)


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    line = FakeLine()
    settings = owt_settings(limits={"ask_seconds": 5})
    async with owt_server(tmp_path, settings=settings, line=line) as server:
        yield Exchange(server, server.manager(), line)


def calls(room: ScriptedRoom) -> list[TakeCall]:
    return [each for each in room.asked if isinstance(each, TakeCall)]


def refused(leg: FakeLeg) -> CallEnd:
    (why,) = leg.refused
    return why


async def until(so: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not so():
            await trio.sleep(0.01)


# --- calls in


async def test_the_room_of_a_username_is_asked_to_take_a_call(exchange: Exchange) -> None:
    _, room = await exchange.scripted("desk")
    _, other = await exchange.scripted("door")
    assert exchange.line.rooms is not None
    invited = FakeInvitation("desk", offer=CallDescription(()))
    await exchange.line.rooms.take(invited)
    assert invited.leg.said == []
    (order,) = calls(room)
    both = Abilities(audio=True, video=True)
    id = order.presence.peer
    assert id.startswith("SipIn")
    assert order == TakeCall(
        invited.leg,
        Presence(id, "+49301234", role="sip", permission=Permission(both, both)),
        invited.peer,
        invited.offer,
    )
    assert calls(other) == []


async def test_a_room_is_called_by_its_id(exchange: Exchange) -> None:
    id, room = await exchange.scripted()
    for user in (id, id.upper()):
        assert (await exchange.line.call(user)).refused == []
    assert len(calls(room)) == 2


async def test_a_username_that_is_the_id_of_another_room_counts_first(exchange: Exchange) -> None:
    id, other = await exchange.scripted()
    _, room = await exchange.scripted(id)
    await exchange.line.call(id)
    assert (len(calls(room)), len(calls(other))) == (1, 0)


async def test_no_other_service_takes_away_the_calls_of_a_rooms_id(exchange: Exchange) -> None:
    id, room = await exchange.scripted()
    boss = exchange.server.manager(SUPER)
    answer = await boss.ask("POST", "/services", {"name": "other", "key": "k"})
    other = exchange.server.manager(answer.json()["_id"], key="k")
    await other.create_room(sip={"username": id})
    assert (await exchange.line.call(id)).refused == []
    assert len(calls(room)) == 1


@pytest.mark.parametrize("user", ["", "nobody", "0" * 24, "Desk", "desk ", "d" * 5000, "\x00", "'"])
async def test_nobody_has_that_number(exchange: Exchange, user: str) -> None:
    await exchange.room("desk")
    assert refused(await exchange.line.call(user)) is CallEnd.NOT_FOUND


async def test_a_deleted_room_has_no_number(exchange: Exchange) -> None:
    id = await exchange.room("desk")
    await exchange.delete(id)
    for user in ("desk", id):
        assert refused(await exchange.line.call(user)) is CallEnd.NOT_FOUND


async def test_a_room_that_nobody_is_in_is_started(exchange: Exchange) -> None:
    id = await exchange.room("desk")
    directory = exchange.server.services.directory
    assert await directory.room(RoomKey("owt", id)) is None
    await exchange.line.call("desk")
    assert await directory.room(RoomKey("owt", id)) is not None


async def test_a_room_without_a_role_for_telephones_takes_none(exchange: Exchange) -> None:
    _, room = await exchange.scripted("desk", roles=[{"role": "viewer"}])
    assert refused(await exchange.line.call("desk")) is CallEnd.NOT_ALLOWED
    assert calls(room) == []


class RefusingRoom(Actor[Message]):
    """Raises something at every call, as soon as it may."""

    kind = "room"
    accepts = (Message,)

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.may = trio.Event()
        self.may.set()

    async def handle(self, message: Message) -> object:
        if isinstance(message, TakeCall):
            await self.may.wait()
            raise self.error
        return None


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (RoomFull(), CallEnd.BUSY),
        (Busy(), CallEnd.BUSY),
        (TooManyStreams(), CallEnd.BUSY),
        (NoCapacity("call"), CallEnd.NO_CAPACITY),
        (NotAllowed(), CallEnd.NOT_ALLOWED),
        (AudioForbidden(), CallEnd.NOT_ALLOWED),
        (CallRefused(CallEnd.NO_COMMON_CODEC), CallEnd.NO_COMMON_CODEC),
        (CallRefused(CallEnd.BUSY), CallEnd.BUSY),
        (RoomLocked(), CallEnd.FAILED),
        (ValueError("a bug"), CallEnd.FAILED),
    ],
)
async def test_what_a_room_refuses_with(exchange: Exchange, error: Exception, why: CallEnd) -> None:
    await exchange.server.live(await exchange.room("desk"), RefusingRoom(error))
    assert refused(await exchange.line.call("desk")) is why


async def test_no_more_calls_are_looked_at_than_may_be(tmp_path: Path) -> None:
    line, legs, room = FakeLine(), list[FakeLeg](), RefusingRoom(RoomFull())
    settings = owt_settings(limits={"ask_seconds": 60})
    async with owt_server(tmp_path, settings=settings, line=line) as server:
        exchange = Exchange(server, server.manager(), line)
        await server.live(await exchange.room("desk"), room)
        room.may = trio.Event()

        async def call() -> None:
            legs.append(await line.call("desk"))

        async with trio.open_nursery() as nursery:
            for _ in range(IN_HAND):
                nursery.start_soon(call)
            await trio.testing.wait_all_tasks_blocked()
            assert refused(await line.call("desk")) is CallEnd.NO_CAPACITY
            assert legs == []
            room.may.set()
        assert [refused(leg) for leg in legs] == [CallEnd.BUSY] * IN_HAND
        assert refused(await line.call("nobody")) is CallEnd.NOT_FOUND  # there is room again


async def test_no_call_is_taken_while_the_server_goes_down(exchange: Exchange) -> None:
    await exchange.scripted("desk")
    lifecycle = exchange.server.services.lifecycle
    await lifecycle.drain(0, 1)
    assert refused(await exchange.line.call("desk")) is CallEnd.STOPPED


async def test_a_store_that_fails_is_told_and_hurts_nobody(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchange.scripted("desk")
    real = MemoryDocuments.do

    def do(documents: MemoryDocuments, message: Message) -> object:
        if isinstance(message, GetDocument):
            raise StoreUnavailable
        return real(documents, message)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryDocuments, "do", do)
        assert refused(await exchange.line.call("desk")) is CallEnd.FAILED
    assert (await exchange.line.call("desk")).refused == []


async def test_of_two_rooms_with_a_username_the_older_one_is_called(exchange: Exchange) -> None:
    with structlog.testing.capture_logs() as lines:
        old, first = await exchange.scripted("desk")
        new, second = await exchange.scripted("desk")
    (line,) = [each for each in lines if each["event"] == "sip.username_taken"]
    assert (line["room"], line["by"]) == (new, old)
    assert "desk" not in str(line)
    await exchange.line.call("desk")
    assert (len(calls(first)), len(calls(second))) == (1, 0)
    await exchange.delete(old)
    await exchange.line.call("desk")
    assert (len(calls(first)), len(calls(second))) == (1, 1)


async def test_a_username_that_changes_is_known_at_once(exchange: Exchange) -> None:
    id, room = await exchange.scripted("desk")
    await exchange.put(id, sip={"username": "door"})
    assert refused(await exchange.line.call("desk")) is CallEnd.NOT_FOUND
    assert (await exchange.line.call("door")).refused == []
    patch = [{"op": "replace", "path": "/sip/username", "value": "roof"}]
    await exchange.manager.ask("PATCH", f"/v1/rooms/{id}", patch)
    assert (await exchange.line.call("roof")).refused == []
    assert len(calls(room)) == 2


# --- rooms that another process changes


async def stored_elsewhere(exchange: Exchange, id: str, username: str) -> None:
    room = read_room({"name": "room", "sip": {"username": username}})
    await exchange.elsewhere().store.put_room(StoredRoom.of(id, SAMPLE, room))


async def test_a_room_that_another_process_has_added_is_found(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telephone_rooms, "LEAST_PAUSE", 0.0)
    monkeypatch.setattr(telephone_rooms, "PAUSES", 0)
    await exchange.room()  # the sample service is there
    room, id = ScriptedRoom(), "0" * 24
    await exchange.server.live(id, room)
    await exchange.line.call("nobody")  # the first reading is over
    await stored_elsewhere(exchange, id, "desk")
    assert (await exchange.line.call("desk")).refused == []
    await stored_elsewhere(exchange, id, "door")
    assert refused(await exchange.line.call("desk")) is CallEnd.NOT_FOUND
    assert (await exchange.line.call("door")).refused == []
    await exchange.elsewhere().store.drop_room(id)
    assert refused(await exchange.line.call("door")) is CallEnd.NOT_FOUND
    assert len(calls(room)) == 2


async def test_a_room_that_another_process_has_changed_leaves_its_username_to_the_next(
    exchange: Exchange,
) -> None:
    old, first = await exchange.scripted("desk")
    _, second = await exchange.scripted("desk")
    await exchange.line.call("nobody")
    await stored_elsewhere(exchange, old, "door")
    for user in ("desk", "door"):
        assert (await exchange.line.call(user)).refused == []
    assert (len(calls(first)), len(calls(second))) == (1, 1)


async def test_numbers_that_nobody_has_do_not_have_the_rooms_read_each_time(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Message] = []
    real = MemoryDocuments.do

    def do(documents: MemoryDocuments, message: Message) -> object:
        if isinstance(message, ListDocuments):
            reads.append(message)
        return real(documents, message)

    for _ in range(20):
        await exchange.room("desk")
    assert refused(await exchange.line.call("nobody")) is CallEnd.NOT_FOUND
    monkeypatch.setattr(MemoryDocuments, "do", do)
    for number in range(50):
        assert refused(await exchange.line.call(f"nobody-{number}")) is CallEnd.NOT_FOUND
    assert reads == []


async def test_numbers_that_nobody_has_leave_room_for_calls_while_rooms_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fails = MemoryDocuments.do, [True]

    def do(documents: MemoryDocuments, message: Message) -> object:
        if isinstance(message, ListDocuments) and fails:
            raise StoreUnavailable
        return real(documents, message)

    monkeypatch.setattr(MemoryDocuments, "do", do)
    line = FakeLine()
    settings = owt_settings(limits={"ask_seconds": 60})
    async with owt_server(tmp_path, settings=settings, line=line) as server:
        exchange = Exchange(server, server.manager(), line)
        _, room = await exchange.scripted("desk")
        async with trio.open_nursery() as nursery:
            for number in range(IN_HAND):
                nursery.start_soon(line.call, f"nobody-{number}")
            await trio.testing.wait_all_tasks_blocked()
            assert (await line.call("desk")).refused == []
            nursery.cancel_scope.cancel()
        assert len(calls(room)) == 1


async def test_a_username_is_known_before_all_rooms_have_registered(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telephone_rooms, "PACE", 3600.0)
    for _ in range(3):
        await exchange.room(sip={**ACCOUNT, "username": "door"})
    _, room = await exchange.scripted("desk")
    line = FakeLine()
    rooms = open_telephone_rooms(exchange.elsewhere(), line, "elsewhere")
    await until(lambda: line.registered != {})
    invited = FakeInvitation("desk")
    await rooms.take(invited)
    assert invited.leg.refused == []
    assert len(calls(room)) == 1


async def test_until_the_rooms_could_be_read_a_caller_may_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fails = MemoryDocuments.do, [True]

    def do(documents: MemoryDocuments, message: Message) -> object:
        if isinstance(message, ListDocuments) and fails:
            raise StoreUnavailable
        return real(documents, message)

    monkeypatch.setattr(MemoryDocuments, "do", do)
    monkeypatch.setattr(telephone_rooms, "LEAST_PAUSE", 0.02)
    line = FakeLine()
    settings = owt_settings(limits={"ask_seconds": 1})
    async with owt_server(tmp_path, settings=settings, line=line) as server:
        exchange = Exchange(server, server.manager(), line)
        _, room = await exchange.scripted("desk")
        assert refused(await line.call("nobody")) is CallEnd.BUSY
        assert (await line.call("desk")).refused == []  # what this process has added is known
        fails.clear()
        assert refused(await line.call("nobody")) is CallEnd.NOT_FOUND
        assert len(calls(room)) == 1


# --- accounts


async def test_a_room_is_registered_as_long_as_it_has_an_account(exchange: Exchange) -> None:
    line = exchange.line
    id = await exchange.room(sip=ACCOUNT)
    await exchange.room("door")  # has no server
    assert line.registered == {id: KEPT}
    await exchange.put(id, name="renamed")
    assert line.orders == [("register", id)]
    await exchange.put(id, sip={**ACCOUNT, "password": "another"})
    assert line.registered[id].password == "another"
    await exchange.put(id, sip=None)
    assert line.registered == {}
    await exchange.put(id, sip=ACCOUNT)
    await exchange.delete(id)
    assert line.orders == [
        ("register", id), ("register", id), ("unregister", id), ("register", id),
        ("unregister", id),
    ]  # fmt: skip


async def test_the_rooms_of_a_service_go_with_it(exchange: Exchange) -> None:
    boss = exchange.server.manager(SUPER)
    answer = await boss.ask("POST", "/services", {"name": "other", "key": "k"})
    service = answer.json()["_id"]
    other = exchange.server.manager(service, key="k")
    for _ in range(3):
        await other.create_room(sip=ACCOUNT)
    assert len(exchange.line.registered) == 3
    await boss.ask("DELETE", f"/services/{service}")
    assert exchange.line.registered == {}


async def test_what_a_room_says_of_sip_is_shown_as_it_was_given(exchange: Exchange) -> None:
    id = await exchange.room(sip=ACCOUNT)
    assert (await exchange.manager.ask("GET", f"/v1/rooms/{id}")).json()["sip"] == ACCOUNT


async def test_a_server_that_may_not_be_reached_is_logged_and_the_room_is_made(
    exchange: Exchange,
) -> None:
    exchange.line.allows = {"sip.example.org"}
    elsewhere = {**ACCOUNT, "sipServer": "10.0.0.1"}
    with structlog.testing.capture_logs() as lines:
        id = await exchange.room(sip=elsewhere)
        await exchange.put(id, name="renamed")
    (line,) = [each for each in lines if each["event"] == "sip.room_not_registered"]
    assert line["room"] == id
    assert "sesame" not in str(lines)
    await exchange.put(id, sip=ACCOUNT)
    assert exchange.line.registered == {id: KEPT}
    with structlog.testing.capture_logs() as lines:
        await exchange.put(id, sip=elsewhere)
    assert exchange.line.registered == {}
    assert "sip.room_not_registered" in [each["event"] for each in lines]


async def test_all_rooms_register_at_the_start_one_after_the_other(exchange: Exchange) -> None:
    ids = [await exchange.room(sip=ACCOUNT) for _ in range(12)]
    await exchange.room("door")
    line = FakeLine()
    open_telephone_rooms(exchange.elsewhere(), line, "elsewhere")
    await until(lambda: len(line.registered) == 12)
    assert line.orders == [("register", id) for id in ids]
    gaps = [after - before for before, after in zip(line.times, line.times[1:], strict=False)]
    assert min(gaps) >= PACE * 0.99


async def test_what_another_process_changes_is_followed(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LEAST_PAUSE", 0.01), ("PAUSES", 0), ("READ_AGAIN_SECONDS", 0.02)):
        monkeypatch.setattr(telephone_rooms, name, value)
    line = FakeLine()
    open_telephone_rooms(exchange.elsewhere(), line, "elsewhere")
    id = await exchange.room(sip=ACCOUNT)
    await until(lambda: line.registered == {id: KEPT})
    await exchange.put(id, sip={**ACCOUNT, "username": "door"})
    await until(lambda: line.registered == {id: KEPT._replace(username="door")})
    await exchange.delete(id)
    await until(lambda: not line.registered)
    assert line.orders == [("register", id), ("register", id), ("unregister", id)]


async def test_a_change_during_a_reading_is_not_undone_by_it(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before stands aside, a room that came meanwhile is not taken for a deleted."""
    rooms = exchange.line.rooms
    assert isinstance(rooms, OwtTelephoneRooms)
    await exchange.line.call("nobody")
    kept, changed, gone = [await exchange.room(sip=ACCOUNT) for _ in range(3)]
    store, real = rooms._state.store, rooms._state.store.rooms_after
    added: list[str] = []

    async def rooms_after(*arguments: Any) -> tuple[StoredRoom, ...]:
        found = await real(*arguments)
        await exchange.put(changed, sip={**ACCOUNT, "username": "door"})
        await exchange.delete(gone)
        added.append(await exchange.room(sip=ACCOUNT))
        return found

    monkeypatch.setattr(store, "rooms_after", rooms_after)
    await rooms._read_all()
    assert exchange.line.registered == {
        kept: KEPT, changed: KEPT._replace(username="door"), added[0]: KEPT
    }  # fmt: skip


async def test_the_account_of_a_room_for_calls_out(exchange: Exchange) -> None:
    rooms = exchange.line.rooms
    assert rooms is not None
    id, bare = await exchange.room(sip=ACCOUNT), await exchange.room("door")
    assert await rooms.credentials(id) == KEPT
    for room in (bare, "0" * 24, "lobby", ""):
        assert await rooms.credentials(room) is None
    await exchange.delete(id)
    assert await rooms.credentials(id) is None


async def test_an_account_that_cannot_be_read_is_no_account(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await exchange.room(sip=ACCOUNT)

    def do(_documents: MemoryDocuments, _message: Message) -> object:
        raise StoreUnavailable

    monkeypatch.setattr(MemoryDocuments, "do", do)
    assert exchange.line.rooms is not None
    with pytest.raises(ActorError):
        await exchange.line.rooms.credentials(id)


async def test_no_password_reaches_a_log(exchange: Exchange) -> None:
    exchange.line.allows = set()
    with structlog.testing.capture_logs() as lines:
        id = await exchange.room(sip=ACCOUNT)
        await exchange.room(sip=ACCOUNT)
        await exchange.line.call("desk")
        await exchange.line.call("nobody")
        await exchange.put(id, sip={**ACCOUNT, "username": "nobody"})
    assert lines
    text = json.dumps(lines, default=str)
    assert not any(secret in text for secret in ("sesame", "+49301234", "nobody"))
