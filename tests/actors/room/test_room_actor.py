"""A room among its members: who gets in, who is told, how long it stays."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.core import ChildSpec, Spawn
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import End, Enter, PlaceOrder, Post
from actors.room.room import Room
from actors.store.messages import STORE, ListDocuments
from actors.words.close_reasons import CloseReason
from actors.words.facts import (
    Extra,
    PeerJoined,
    PeerLeft,
    RoomClosed,
    RosterAnnounced,
    RosterListed,
    Said,
)
from actors.words.keys import MEMBERS, MemberKey
from actors.words.orders import ListMembers, Placed, Say, SetPin
from actors.words.refusals import (
    AccountRequiredToCreate,
    PinNotNeeded,
    RoomFull,
    RoomLocked,
    WrongPin,
)
from actors.words.rooms import RoomSpec
from tests.fakes.memory_store import MemoryStore
from tests.support.actors import (
    PEER,
    REALM,
    House,
    Person,
    RecordingClient,
    key,
    open_house,
    poison,
    settle,
    spec,
)
from tests.support.saboteur import Saboteur


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    """Return the way to make the store slow."""
    return Saboteur(monkeypatch, MemoryStore, STORE)


# --- joining and leaving


async def test_members_hear_who_comes_says_something_and_leaves() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        cid = await house.open("cid")
        await cid.enter()
        cid.say(b'"hello"')
        cid.leave()
        await settle()
        for person in (ann, bob):
            joined, chat, left = person.client.facts
            assert isinstance(joined, PeerJoined)
            assert joined.presence.peer == "cid"
            assert chat == Said("cid", None, "", Extra(REALM, b'"hello"'))
            assert left == PeerLeft("cid", gone=False)
        assert house.members() == {"ann", "bob"}


async def test_a_peer_that_ends_is_gone_for_the_others() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        bob.ref.tell(End(CloseReason.LOGOUT))
        await settle()
        assert ann.client.facts == [PeerLeft("bob", gone=True)]
        assert house.members() == {"ann"}


async def test_a_full_room_refuses_and_takes_the_next_when_someone_leaves() -> None:
    async with open_house() as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        await ann.enter(capacity=1)
        with pytest.raises(RoomFull):
            await bob.enter(capacity=5)  # what the room was made with counts
        ann.leave()
        await bob.enter()
        assert house.members() == {"bob"}


async def test_the_first_pin_locks_and_only_it_opens() -> None:
    async with open_house() as house:
        await house.people("ann", pin="1234")
        bob = await house.open("bob")
        with pytest.raises(RoomLocked):
            await bob.enter()
        with pytest.raises(WrongPin):
            await bob.enter(pin="4321")
        await bob.enter(pin="1234")
        assert house.members() == {"ann", "bob"}


async def test_a_pin_for_an_open_room_is_refused() -> None:
    async with open_house() as house:
        await house.people("ann")
        bob = await house.open("bob")
        with pytest.raises(PinNotNeeded):
            await bob.enter(pin="1234")


async def test_an_empty_room_keeps_its_pin_until_it_expires(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann", pin="1234")
        ann.leave()
        await trio.sleep(59)
        with pytest.raises(RoomLocked):
            await ann.enter()
        await trio.sleep(2)
        assert not house.has_room()
        await ann.enter()
        facts = house.facts(key().path)
        assert (facts["type"], facts["members"], facts["locked"]) == ("Room", 1, False)


async def test_a_refused_joiner_does_not_keep_an_empty_room_alive(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann", pin="1234")
        ann.leave()
        for _ in range(9):
            await trio.sleep(7)
            if house.has_room():
                with pytest.raises(RoomLocked):
                    await ann.enter()
        assert not house.has_room()


async def test_someone_who_returns_in_time_keeps_the_room(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann", pin="1234")
        ann.leave()
        await trio.sleep(59)
        await ann.enter(pin="1234")
        await trio.sleep(300)
        assert house.members() == {"ann"}


async def test_a_join_at_the_last_moment_is_not_lost(
    autojump_clock: MockClock,
) -> None:
    for late in (-0.001, 0.0, 0.001):
        async with open_house() as house:
            (ann,) = await house.people("ann")
            ann.leave()
            await settle()
            await trio.sleep(60 + late)
            await ann.enter()
            await settle()
            assert house.members() == {"ann"} == ann.client.members


async def test_a_refused_first_joiner_leaves_no_room_behind() -> None:
    async with open_house() as house:
        ann = await house.open("ann")
        enter = Enter(spec(), "tag", account_to_create=True)
        with pytest.raises(AccountRequiredToCreate):
            await ann.ref.ask(enter, within=5)
        await settle()
        assert not house.has_room()


async def test_rooms_that_call_everybody_announce_the_roster_after_each_join() -> None:
    async with open_house() as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        await ann.enter(announces_roster=True)
        await bob.enter()
        await settle()
        for person in (ann, bob):
            (roster,) = person.client.shown(RosterAnnounced)
            assert isinstance(roster, RosterAnnounced)
            assert roster.peers == ("ann", "bob")


async def test_members_can_list_the_room() -> None:
    async with open_house() as house:
        ann, _bob = await house.people("ann", "bob")
        await ann.ref.ask(PlaceOrder(ListMembers("list")), within=5)
        await settle()
        (listed,) = ann.client.facts
        assert isinstance(listed, RosterListed)
        assert [presence.peer for presence in listed.members] == ["ann", "bob"]


# --- the lock


async def test_everyone_hears_the_new_pin_and_newcomers_need_it() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await ann.lock("1234")
        assert ann.client.pins == bob.client.pins == ["1234"]
        cid = await house.open("cid")
        with pytest.raises(RoomLocked):
            await cid.enter()
        await bob.lock("")
        await cid.enter()


async def test_the_lock_outlives_a_crash_in_the_very_moment_it_is_heard_of() -> None:
    async with open_house() as house:
        ann, _bob = await house.people("ann", "bob")
        await ann.ref.ask(PlaceOrder(SetPin("blue", "lock", "1234")), within=5)
        house.room().tell(poison())
        await settle()
        cid = await house.open("cid")
        with pytest.raises(RoomLocked):
            await cid.enter()
        await ann.lock("")
        house.room().tell(poison())
        await cid.enter()
        assert house.members() == {"ann", "bob", "cid"}


async def test_a_room_needs_no_store(store: Saboteur) -> None:
    """It is made, locked, crashes and is unlocked while the store answers nobody."""
    async with open_house() as house:
        with store.holding():
            house.find(STORE).tell(ListDocuments("test"))
            await settle()
            ann, bob = await house.people("ann", "bob", pin="1234")
            await house.crash_room()
            assert house.facts(key().path)["locked"] is True
            await ann.lock("")
            assert bob.client.pins == [""]


# --- slow peers, the operator


async def slow_peer(house: House, room: RoomSpec) -> Person:
    """Return a member whose mailbox holds one message only."""
    client = RecordingClient()
    child = ChildSpec(
        MemberKey(REALM, "slow").slug, lambda: Member(Identity("slow"), PEER, client), mailbox=1
    )
    ref = await house.find(MEMBERS).ask(Spawn(child), within=5)
    await settle()
    await ref.ask(Enter(room, "tag"), within=5)
    await settle()
    return Person("slow", ref, client)


async def test_a_peer_that_cannot_keep_up_ends_and_the_others_go_on() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        slow = await slow_peer(house, spec())
        for number in range(20):  # handled in one go
            order = Say("", extra=Extra(REALM, b"%d" % number))
            house.room().tell(Placed("ann", "", order))
        await settle()
        assert slow.client.closed == ["too_slow"]
        assert not slow.ref.alive
        assert bob.client.chats == [b"%d" % number for number in range(20)]
        assert house.members() == {"ann", "bob"} == ann.client.members
        assert ann.client.facts[-1] == PeerLeft("slow", gone=True)


async def test_members_of_a_room_stopped_by_hand_are_told_and_may_enter_anew_without_its_lock() -> (
    None
):
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob", pin="1234")
        former = house.room()
        house.system.stop_actor(key().path)
        await settle()
        for person in (ann, bob):
            (closed,) = person.client.facts
            assert isinstance(closed, RoomClosed)
        assert not house.has_room()
        await ann.enter()
        await bob.enter()
        assert house.room() is not former
        assert house.facts(key().path)["locked"] is False
        assert house.members() == {"ann", "bob"}


async def test_what_a_former_room_still_says_is_not_shown_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blue = Saboteur(monkeypatch, Room, key().path)
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await house.people("cid", room="red")
        with blue.holding():
            ann.ref.tell(Post(SetPin("blue", "lock", "1234")))
            await settle()
            ann.say(b'"only for blue"')
            await settle()
            await bob.enter("red")
            bob.client.clear()
        await settle()
        assert bob.client.facts == []
        assert house.members("red") == {"bob", "cid"}
        assert house.members("blue") == {"ann"}
