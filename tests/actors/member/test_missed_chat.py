"""What is said while a member's connection is away reaches it when it is back in time."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.directory.actor import DirectoryActor
from actors.member.messages import End, Exit, Lost, PlaceOrder
from actors.words.close_reasons import CloseReason
from actors.words.conference_refusals import NotAllowed, ParticipantUnknown
from actors.words.facts import Dropped, Joined, PeerLeft, Said
from actors.words.keys import DIRECTORY
from actors.words.orders import Kick, Say, SetPermissions
from actors.words.permission import PermissionChange
from actors.words.refusals import WrongPin
from tests.support.actors import GRACE, House, Person, open_house, settle
from tests.support.saboteur import Saboteur


async def lose(person: Person) -> None:
    person.ref.tell(Lost(person.client))
    await settle()


async def come_back(house: House, person: Person, pin: str = "") -> Person:
    back = await house.open(person.id)
    await back.enter(pin=pin)
    await settle()
    return back


async def test_who_comes_back_hears_what_was_said_meanwhile(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await lose(bob)
        assert PeerLeft("bob", gone=True) in ann.client.facts
        ann.say(b'"are you there?"')
        await ann.ref.ask(PlaceOrder(Say("for you alone", "bob")), within=5)
        await trio.sleep(GRACE - 1)
        back = await come_back(house, bob)
        chat = back.client.shown(Joined, Said)
        assert isinstance(chat[0], Joined)
        assert chat[1:] == [
            Said("ann", None, "", chat[1].extra),  # type: ignore[attr-defined]
            Said("ann", "bob", "for you alone"),
        ]
        assert back.client.chats[0] == b'"are you there?"'


async def test_a_crash_of_the_room_loses_nothing_of_it(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await lose(bob)
        ann.say(b'"one"')
        await settle()
        await house.crash_room()
        ann.say(b'"two"')
        assert (await come_back(house, bob)).client.chats == [b'"one"', b'"two"']


@pytest.mark.parametrize("how", ["leaves", "says so", "logs out", "too late", "not let in"])
async def test_nobody_else_hears_it(how: str, autojump_clock: MockClock) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob", pin="1234")
        match how:
            case "leaves":
                bob.ref.tell(Exit())
            case "says so":
                bob.ref.tell(Lost(bob.client, leaving=True))
            case "logs out":
                bob.ref.tell(End(CloseReason.LOGOUT))
            case _:
                await lose(bob)
        await settle()
        ann.say(b'"secret"')
        await settle()
        if how == "not let in":
            with pytest.raises(WrongPin):
                await come_back(house, bob, "4321")
        else:
            with pytest.raises(ParticipantUnknown):
                await trio.sleep(GRACE if how == "too late" else 0)
                await ann.ref.ask(PlaceOrder(Say("secret", "bob")), within=5)
        cid = await come_back(house, await house.open("cid"), "1234")
        assert cid.client.chats == []
        assert (await come_back(house, bob, "1234")).client.chats == []


async def test_who_may_kick_puts_others_out_and_who_may_not_chat_is_refused() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        with pytest.raises(NotAllowed):
            await ann.ref.ask(PlaceOrder(Kick("bob")), within=5)
        room = house.room()
        await room.ask(SetPermissions("ann", (PermissionChange("kick", None, True),)), within=5)
        await room.ask(SetPermissions("bob", (PermissionChange("chat", None, False),)), within=5)
        with pytest.raises(NotAllowed):
            await bob.ref.ask(PlaceOrder(Say("hi")), within=5)
        await ann.ref.ask(PlaceOrder(Kick("bob")), within=5)
        await settle()
        assert bob.client.shown(Dropped) == [Dropped()]
        assert house.members() == {"ann"}


async def test_what_is_said_around_a_takeover_is_heard_in_order_once_the_room_lets_one_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory = Saboteur(monkeypatch, DirectoryActor, DIRECTORY)
    async with open_house() as house:
        ann, _ = await house.people("ann", "bob")
        again = await house.open("bob")
        ann.say(b'"one"')
        await settle()
        with directory.holding():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(again.enter)
                await settle()
                ann.say(b'"two"')
                await settle()
                assert again.client.chats == []
                directory.gate.set()  # type: ignore[union-attr]
        ann.say(b'"three"')
        await settle()
        assert isinstance(again.client.shown(Joined, Said)[0], Joined)
        assert again.client.chats == [b'"one"', b'"two"', b'"three"']


async def test_who_takes_over_and_is_not_let_in_again_hears_nothing() -> None:
    async with open_house() as house:
        ann, _ = await house.people("ann", "bob")
        again = await house.open("bob")
        await ann.lock("1234")
        ann.say(b'"secret"')
        await settle()
        with pytest.raises(WrongPin):
            await again.enter(pin="4321")
        ann.say(b'"still secret"')
        await again.enter(pin="1234")
        await settle()
        assert again.client.chats == []


async def test_nothing_is_kept_for_longer_than_somebody_is_awaited(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        ann, bob, cid = await house.people("ann", "bob", "cid")
        for person in (bob, cid):
            await lose(person)
            ann.say(b'"secret"')
            await trio.sleep(GRACE / 2)
        await house.crash_room()
        cell = house.system.registry.cell_at(house.room().path)
        assert cell is not None
        echo = cell.life.actor._state.echo  # type: ignore[attr-defined]
        assert len(echo._said) == 2
        await trio.sleep(GRACE / 2 + 1)
        assert (echo.absent, echo._said, echo._weight) == ({}, [], 0)


async def test_those_who_go_and_never_come_back_leave_one_timer(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.people("ann")
        none = house.system.clock.pending
        for number in range(50):
            (guest,) = await house.people(f"guest {number}")
            await lose(guest)
        assert house.system.clock.pending == none + 1
        await trio.sleep(2 * GRACE)
        assert house.system.clock.pending == none
        (guest,) = await house.people("guest")
        await lose(guest)
        await come_back(house, guest)
        assert house.system.clock.pending == none
