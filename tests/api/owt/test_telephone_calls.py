"""Telephones and rooms of OWT together, on a fake engine and a telephone without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from pydantic import TypeAdapter
from structlog.testing import capture_logs

from actors.words.calls import (
    CallDescription,
    CallEnd,
    CallRefused,
    CallSection,
    LegConfirmed,
)
from actors.words.closings import Expel, MemberUnknown
from actors.words.keys import MemberKey, RoomKey
from api.owt.management.answers import SipCallAnswer
from media.contract.codec import Codec
from media.contract.plans import DigitPressed, Remote
from media.contract.session import Direction
from tests.api.owt.test_rest_live import trouble
from tests.fakes.media import FakeEngine
from tests.fakes.rooms_line import FakeInvitation, FakeLine
from tests.fakes.telephone import FakeLeg, FakeTelephone
from tests.support.owt import Manager, OwtServer, owt_server, owt_settings
from tests.support.owt_portal import connection, token

PCMU = Codec("pcmu", 8000, 0)
PEER = "sip:+49301234@sip.example.org"
SOUND = CallDescription(
    (CallSection("audio", (PCMU,), Remote(("127.0.0.1", 4000)), Direction.BOTH, 101),)
)


@dataclass
class Office:
    """A server whose rooms can be called and call."""

    server: OwtServer
    manager: Manager
    line: FakeLine
    telephone: FakeTelephone
    engine: FakeEngine
    answers: list[httpx.Response] = field(default_factory=list)

    async def room(self, **options: Any) -> str:
        id: str = (await self.manager.create_room(**options))["_id"]
        return id

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.manager.ask(method, f"/v1.1/rooms/{path}", body)

    async def calls(self, room: str) -> list[Any]:
        found: list[Any] = (await self.ask("GET", f"{room}/sipcalls")).json()
        for call in found:
            TypeAdapter(SipCallAnswer).validate_python(call)
        return found

    async def call(self, room: str) -> None:
        """Have a room call somebody, and keep the answer."""
        body = {
            "peerURI": PEER,
            "mediaIn": {"audio": True, "video": False},
            "mediaOut": {"audio": {"from": f"{room}-common"}, "video": False},
        }
        self.answers.append(await self.ask("POST", f"{room}/sipcalls", body))

    async def rings(self) -> FakeLeg:
        """Return the call out that has begun."""
        await until(lambda: bool(self.telephone.legs))
        return self.telephone.leg

    async def taken(self, username: str) -> FakeLeg:
        """Have somebody call a room that answers."""
        invited = FakeInvitation(username, PEER, offer=SOUND)
        assert self.line.rooms is not None
        await self.line.rooms.take(invited)
        await until(lambda: bool(invited.leg.answers))
        invited.leg.tell(LegConfirmed())
        return invited.leg


@asynccontextmanager
async def open_office(folder: Path, ask_seconds: float) -> AsyncIterator[Office]:
    engine, line, telephone = FakeEngine(), FakeLine(), FakeTelephone()
    settings = owt_settings(limits={"ask_seconds": ask_seconds})
    async with owt_server(
        folder, settings=settings, engine=engine, line=line, telephone=telephone
    ) as server:
        yield Office(server, server.manager(), line, telephone, engine)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(tmp_path, 10) as office:
        yield office


async def until(so: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not so():
            await trio.sleep(0.01)


async def until_listed(office: Office, room: str, number: int) -> list[Any]:
    with trio.fail_after(30):
        while len(found := await office.calls(room)) != number:
            await trio.sleep(0.02)
    return found


async def test_somebody_calls_a_room_that_nobody_is_in(office: Office) -> None:
    room = await office.room(sip={"username": "desk"})
    leg = await office.taken("desk")
    (call,) = await until_listed(office, room, 1)
    assert call["id"].startswith("SipIn")
    assert (call["type"], call["peer"], call["digits"]) == ("dial-in", PEER, [])
    assert call["output"]["media"] == {"audio": {"from": f"{room}-common"}, "video": False}
    assert call["input"]["info"] == {"owner": call["id"], "type": "sip", "inViews": ["common"]}
    (participant,) = (await office.ask("GET", f"{room}/participants")).json()
    assert (participant["id"], participant["user"]) == (call["id"], "+49301234")
    assert participant["role"] == "sip"
    streams = (await office.ask("GET", f"{room}/streams")).json()
    assert call["input"] in streams
    ended = await office.ask("DELETE", f"{room}/sipcalls/{call['id']}")
    assert (ended.status_code, ended.text) == (200, "")
    assert leg.hung_up is CallEnd.HUNG_UP
    assert office.engine.ports == {}
    assert await office.calls(room) == []
    assert trouble(await office.ask("DELETE", f"{room}/sipcalls/{call['id']}")) == (500, 1301)


async def test_who_hangs_up_is_no_participant_any_more(office: Office) -> None:
    room = await office.room(sip={"username": "desk"})
    leg = await office.taken("desk")
    await until_listed(office, room, 1)
    leg.end()
    await until_listed(office, room, 0)
    assert (await office.ask("GET", f"{room}/participants")).json() == []


async def test_a_telephone_that_the_operator_puts_out_is_hung_up_on_and_the_room_goes_on(
    office: Office,
) -> None:
    room, directory = await office.room(sip={"username": "desk"}), office.server.services.directory
    leg, other = await office.taken("desk"), await office.taken("desk")
    first, second = await until_listed(office, room, 2)
    with pytest.raises(MemberUnknown):
        await directory.put_out(MemberKey("elsewhere", first["id"]), Expel("Sorry"), 60.0)
    with capture_logs() as lines:
        await directory.put_out(MemberKey("owt", first["id"]), Expel("Sorry", "olga"), 60.0)
        await until(lambda: leg.ended is not None)
    assert leg.hung_up is CallEnd.DROPPED
    assert (await until_listed(office, room, 1))[0]["id"] == second["id"]
    assert other.ended is None
    [line] = [line for line in lines if line["event"] == "peer.put_out"]
    assert (line["peer"], line["room"], line["by"]) == (first["id"], room, "olga")


async def test_the_calls_of_a_room_that_the_operator_closes_end_and_it_takes_none(
    office: Office,
) -> None:
    room, directory = await office.room(sip={"username": "desk"}), office.server.services.directory
    leg = await office.taken("desk")
    await directory.close_room_by_operator(RoomKey("owt", room), "Repairs", 600.0)
    await until(lambda: leg.ended is not None)
    assert leg.hung_up is CallEnd.ROOM_ENDED
    assert (await office.line.call("desk")).refused == [CallEnd.NOT_ALLOWED]
    await office.call(room)
    assert "the operator has closed the room" in office.answers[-1].text
    assert office.telephone.legs == []
    assert await directory.open_again(RoomKey("owt", room))
    await office.taken("desk")


async def test_keys_that_are_pressed_are_listed(office: Office) -> None:
    room = await office.room(sip={"username": "desk"})
    await office.taken("desk")
    await until_listed(office, room, 1)
    (sink,) = office.engine.port_sinks.values()
    assert sink is not None
    for digit in "7#":
        sink(DigitPressed("port", digit, 100))
    with trio.fail_after(30):
        while len((await office.calls(room))[0]["digits"]) != 2:
            await trio.sleep(0.02)
    assert (await office.calls(room))[0]["digits"] == [
        {"digit": "7", "milliseconds": 100}, {"digit": "#", "milliseconds": 100}
    ]  # fmt: skip


async def test_a_caller_without_a_codec_of_ours_is_told(office: Office) -> None:
    await office.room(sip={"username": "desk"})
    assert office.line.rooms is not None
    offer = CallDescription((CallSection("audio", (Codec("g729", 8000, 18),)),))
    invited = FakeInvitation("desk", PEER, offer=offer)
    await office.line.rooms.take(invited)
    assert invited.leg.refused == [CallEnd.NO_COMMON_CODEC]


async def test_a_full_room_is_busy(office: Office) -> None:
    await office.room(sip={"username": "desk"}, participantLimit=1)
    await office.taken("desk")
    invited = FakeInvitation("desk", PEER, offer=SOUND)
    assert office.line.rooms is not None
    await office.line.rooms.take(invited)
    assert invited.leg.refused == [CallEnd.BUSY]


async def test_a_role_that_may_do_nothing_is_not_let_in(office: Office) -> None:
    await office.room(sip={"username": "desk"}, roles=[{"role": "sip"}])
    assert (await office.line.call("desk")).refused == [CallEnd.NOT_ALLOWED]


async def test_a_room_that_is_deleted_hangs_up(office: Office) -> None:
    room = await office.room(sip={"username": "desk"})
    leg = await office.taken("desk")
    assert (await office.ask("DELETE", room)).status_code == 200
    await until(lambda: leg.over)
    assert office.engine.ports == {}


async def test_a_room_calls_and_the_answer_waits_for_who_is_called(tmp_path: Path) -> None:
    async with open_office(tmp_path, 1) as office:
        room = await office.room()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(office.call, room)
            leg = await office.rings()
            assert office.telephone.dialled == [(PEER, room)]
            leg.ring_there()
            await trio.sleep(1.2)  # longer than other requests may take
            assert office.answers == []
            assert await office.calls(room) == []
            leg.pick_up(SOUND)
        (answer,) = office.answers
        assert answer.status_code == 200, answer.text
        (call,) = await office.calls(room)
        assert call["id"] == answer.json()["id"]
        assert call["id"].startswith("SipOut")
        assert (call["type"], call["peer"]) == ("dial-out", PEER)
        (participant,) = (await office.ask("GET", f"{room}/participants")).json()
        assert (participant["id"], participant["role"]) == (call["id"], "sip")


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (CallEnd.BUSY, "the other side is busy"),
        (CallEnd.DECLINED, "the other side has declined"),
        (CallEnd.UNANSWERED, "nobody has answered"),
        (CallEnd.NOT_FOUND, "nobody has that number"),
    ],
)
async def test_a_call_that_is_not_taken_says_why(office: Office, why: CallEnd, words: str) -> None:
    room = await office.room()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.call, room)
        (await office.rings()).end(why)
    assert trouble(office.answers[0]) == (500, 1301)
    assert office.answers[0].json()["error"]["message"] == f"RPC:makeSipCall failed: {words}"
    assert office.engine.ports == {}


async def test_a_number_that_may_not_be_called_says_so(office: Office) -> None:
    office.telephone.refuses = CallRefused(CallEnd.NOT_ALLOWED, "no such host may be called")
    await office.call(await office.room())
    assert trouble(office.answers[0]) == (500, 1301)
    assert "no such host may be called" in office.answers[0].json()["error"]["message"]


async def test_who_leaves_while_it_rings_ends_the_call(office: Office) -> None:
    room = await office.room()
    with trio.CancelScope() as leaving:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(office.call, room)
            leg = await office.rings()
            leaving.cancel()
    await until(lambda: leg.over)
    await until(lambda: not office.engine.ports)


async def test_a_call_hears_another_stream_when_it_is_told_to(office: Office) -> None:
    room = await office.room(sip={"username": "desk"})
    await office.taken("desk")
    await office.taken("desk")
    first, second = await until_listed(office, room, 2)

    def update(source: str) -> list[dict[str, str]]:
        return [{"op": "replace", "path": "/output/media/audio/from", "value": source}]

    path = f"{room}/sipcalls/{first['id']}"
    answer = await office.ask("PATCH", path, update(second["input"]["id"]))
    assert answer.status_code == 200, answer.text
    assert answer.json()["output"]["media"]["audio"] == {"from": second["input"]["id"]}
    assert trouble(await office.ask("PATCH", path, update("1"))) == (500, 1301)
    picture = [{"op": "replace", "path": "/output/media/video/from", "value": f"{room}-common"}]
    assert trouble(await office.ask("PATCH", path, picture)) == (500, 1301)
    found = {call["id"]: call for call in await office.calls(room)}
    assert found[first["id"]]["output"] == answer.json()["output"]


async def test_a_portal_client_sees_who_calls(office: Office) -> None:
    room = await office.room(sip={"username": "desk"})
    async with connection(office.server) as ann:
        await ann.login(await token(office.server, room))
        await office.taken("desk")
        (call,) = await until_listed(office, room, 1)
        people = (await office.ask("GET", f"{room}/participants")).json()
        assert call["id"] in [person["id"] for person in people]
        joined = await ann.told("participant", action="join")
        assert joined["data"] == {"id": call["id"], "user": "+49301234", "role": "sip"}
        added = await ann.told("stream", status="add")
        assert added["data"]["info"] == call["input"]["info"]
    assert await office.server.services.directory.room(RoomKey("owt", room)) is not None
