"""A room that crashed: its lock and its members come back, and nobody hears of it."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.core import ActorStopped
from actors.member.messages import End, PlaceOrder, SetStatus
from actors.room.room import Room
from actors.words.close_reasons import CloseReason
from actors.words.facts import (
    PeerChanged,
    PeerJoined,
    PeerLeft,
    RoomClosed,
    RosterListed,
)
from actors.words.orders import ListMembers, Placed
from actors.words.refusals import (
    Busy,
    RoomFull,
    RoomLocked,
    WrongPin,
)
from tests.support.actors import Person, key, open_house, poison, settle
from tests.support.saboteur import Saboteur


async def test_a_locked_room_that_crashes_comes_back_locked_with_its_members_silently() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await ann.lock("1234")
        ann.client.clear()
        bob.client.clear()
        await house.crash_room()
        assert house.members() == {"ann", "bob"}
        assert house.facts(key().path)["locked"] is True
        assert ann.client.facts == bob.client.facts == []
        ann.say(b'"still here?"')
        await settle()
        assert bob.client.chats == [b'"still here?"']
        cid = await house.open("cid")
        with pytest.raises(RoomLocked):
            await cid.enter()
        await cid.enter(pin="1234")
        assert ann.client.members == {"ann", "bob", "cid"} == cid.client.members


async def test_no_newcomer_slips_into_a_locked_room_while_it_restarts() -> None:
    async with open_house() as house:
        ann, _bob = await house.people("ann", "bob", pin="1234")
        cid = await house.open("cid")
        house.room().tell(poison())
        with pytest.raises(RoomLocked):
            await cid.enter()
        await settle()
        assert house.members() == {"ann", "bob"}
        assert ann.client.facts == []


async def test_the_pin_that_was_removed_does_not_come_back_with_a_crash() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob", pin="1234")
        await ann.lock("")
        await house.crash_room()
        bob.leave()
        await settle()
        await bob.enter()
        assert house.members() == {"ann", "bob"}


@pytest.mark.parametrize("gone", [True, False])
async def test_those_who_find_back_hear_of_a_member_that_left_meanwhile(gone: bool) -> None:
    async with open_house() as house:
        ann, bob, cid = await house.people("ann", "bob", "cid")
        house.room().tell(poison())
        if gone:
            bob.ref.tell(End(CloseReason.LOGOUT))
        else:
            bob.leave()
        await settle()
        assert house.members() == {"ann", "cid"}
        for person in (ann, cid):
            assert person.client.facts == [PeerLeft("bob", gone=gone)]


async def test_a_newcomer_at_the_door_while_a_room_crashes_and_its_members_know_each_other() -> (
    None
):
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        cid = await house.open("cid")
        house.room().tell(poison())
        await cid.enter()  # its Join waits in the mailbox that outlives the crash
        await settle()
        everyone = {"ann", "bob", "cid"}
        assert house.members() == everyone
        assert [p.client.members for p in (ann, bob, cid)] == [everyone] * 3


async def test_a_stranger_refused_while_members_find_back_is_not_reported_as_leaving() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob", pin="1234")
        cid = await house.open("cid")
        await house.crash_room()
        with pytest.raises(WrongPin):
            await cid.enter(pin="1")
        await settle()
        assert ann.client.facts == bob.client.facts == []


async def test_a_member_let_in_just_before_a_crash_is_still_in_afterwards() -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann")
        bob = await house.open("bob")
        room = house.room()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bob.enter)
            while "bob" not in house.members():
                await trio.lowlevel.checkpoint()
            room.tell(poison())  # before it can have watched the room
        await settle()
        assert house.members() == {"ann", "bob"} == ann.client.members == bob.client.members


async def test_members_of_a_busy_room_find_back_once_it_can_take_them(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    blue = Saboteur(monkeypatch, Room, key().path)
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        with blue.holding():
            await house.fill(key().path, Placed("nobody", "", ListMembers("")))
            blue.crash("handle")
        await trio.sleep(1)
        assert house.facts(key().path)["members"] == 2
        assert ann.client.facts == bob.client.facts == []


async def test_a_room_without_expiry_waits_for_its_members_after_a_crash(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        ann = await house.open("ann")
        await ann.enter(expiry_seconds=0)
        await house.crash_room()
        assert house.members() == {"ann"}
        assert ann.client.shown(RoomClosed) == []
        ann.leave()
        await settle()
        await trio.sleep(0.1)
        assert not house.has_room()


async def test_status_changes_while_members_find_back_reach_everyone() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        house.room().tell(poison())
        bob.ref.tell(SetStatus(b'{"name":"Bob"}'))
        await settle()
        changes = ann.client.shown(PeerChanged)
        assert len(changes) <= 1
        await ann.ref.ask(PlaceOrder(ListMembers("list")), within=5)
        await settle()
        (listed,) = ann.client.shown(RosterListed)
        assert isinstance(listed, RosterListed)
        assert {presence.peer: presence.status for presence in listed.members}[
            "bob"
        ] == b'{"name":"Bob"}'


async def test_a_room_that_keeps_crashing_takes_no_peer_for_a_member_that_it_is_not() -> None:
    async with open_house() as house:
        ann, _bob = await house.people("ann", "bob")
        quiet = await house.open("quiet")
        await quiet.enter("red")
        for _ in range(3):
            await house.crash_room()
        assert house.members() == {"ann", "bob"} == ann.client.members
        assert house.members("red") == {"quiet"}


async def test_a_member_that_died_before_it_heard_that_it_is_in_does_not_stay_in_sight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blue = Saboteur(monkeypatch, Room, key().path)
    async with open_house() as house:
        (ann,) = await house.people("ann")
        bob = await house.open("bob")
        async with trio.open_nursery() as nursery:
            with blue.holding():
                house.room().tell(Placed("nobody", "", ListMembers("")))
                nursery.start_soon(give_up_entering, bob)
                await settle()
                house.room().tell(poison())
                bob.ref.tell(End(CloseReason.LOGOUT))
                await settle()
        await settle()
        assert ann.client.shown(PeerJoined, PeerLeft)[-1] == PeerLeft("bob", gone=True)
        assert house.members() == {"ann"} == ann.client.members


async def test_a_leave_that_is_lost_in_a_crash_is_said_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blue = Saboteur(monkeypatch, Room, key().path)
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        blue.crash("handle")
        bob.leave()
        await settle()
        assert ann.client.facts == [PeerLeft("bob", gone=False)]
        assert bob.client.facts == []
        assert house.members() == {"ann"}


async def test_who_comes_between_two_crashes_and_the_members_know_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blue = Saboteur(monkeypatch, Room, key().path)
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        cid = await house.open("cid")
        async with trio.open_nursery() as nursery:
            with blue.holding():
                house.room().tell(Placed("nobody", "", ListMembers("")))
                house.room().tell(poison())
                nursery.start_soon(cid.enter)
                await settle()
                house.room().tell(poison())
        await settle()
        everyone = {"ann", "bob", "cid"}
        assert house.members() == everyone
        assert [p.client.members for p in (ann, bob, cid)] == [everyone] * 3
        assert len(ann.client.shown(PeerJoined)) == 1


async def test_members_who_find_back_keep_their_places() -> None:
    async with open_house() as house:
        ann, bob, cid = [await house.open(id_) for id_ in ("ann", "bob", "cid")]
        await ann.enter(capacity=2)
        await bob.enter()
        house.room().tell(poison())
        with pytest.raises(RoomFull):
            await cid.enter()
        assert house.members() == {"ann", "bob"}


async def test_what_members_say_while_the_room_comes_back_is_heard() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        house.room().tell(poison())
        ann.say(b'"hello"')
        await settle()
        assert bob.client.chats == [b'"hello"']


async def test_an_order_to_enter_again_that_a_crash_may_have_swallowed_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blue = Saboteur(monkeypatch, Room, key().path)
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        blue.crash("handle")
        with pytest.raises(Busy):
            await bob.enter()
        await settle()
        assert ann.client.facts == [PeerLeft("bob", gone=False)]
        assert house.members() == {"ann"}
        await bob.enter()
        assert house.members() == {"ann", "bob"} == bob.client.members


async def give_up_entering(person: Person) -> None:
    with pytest.raises(ActorStopped):
        await person.enter()
