"""A room among its members: who gets in, what survives a crash, who is told."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.core import ChildSpec, Spawn
from actors.domain.events import (
    ChatPosted,
    Joined,
    OrderRefused,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    RoomClosed,
    RosterAnnounced,
    RosterListed,
)
from actors.domain.ids import PEERS, PeerKey
from actors.domain.refusals import (
    AccountRequiredToCreate,
    Busy,
    PinNotNeeded,
    RoomFull,
    RoomLocked,
    WrongPin,
)
from actors.domain.room import RoomSpec
from actors.peer import ChangePin, End, Enter, ListRoom, Peer, SetStatus
from actors.room import ListMembers, Room, Say
from actors.store import STORE, GetRoom, MemoryStore
from tests.support.actors import (
    REALM,
    House,
    Person,
    RecordingClient,
    Saboteur,
    key,
    open_house,
    poison,
    settle,
    spec,
)


async def set_pin(person: Person, pin: str | None, room: str = "blue") -> None:
    await person.ref.ask(ChangePin(room, "lock", pin), within=5)
    await settle()


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
            assert joined.card.peer == "cid"
            assert chat == ChatPosted("cid", b'"hello"')
            assert left == PeerLeft("cid", gone=False)
        assert house.members() == {"ann", "bob"}


async def test_a_peer_that_ends_is_gone_for_the_others() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        bob.ref.tell(End("tired"))
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
        assert await house.find(STORE).ask(GetRoom(key()), within=1) is None
        await ann.enter()
        assert house.facts(key().path) == {"type": "Room", "members": 1, "locked": False}


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
    autojump_clock: MockClock, store: Saboteur
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
        await ann.ref.ask(ListRoom("list"), within=5)
        await settle()
        (listed,) = ann.client.facts
        assert isinstance(listed, RosterListed)
        assert [card.peer for card in listed.members] == ["ann", "bob"]


# --- the lock


async def test_everyone_hears_the_new_pin_and_newcomers_need_it() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await set_pin(ann, "1234")
        assert ann.client.pins == bob.client.pins == ["1234"]
        cid = await house.open("cid")
        with pytest.raises(RoomLocked):
            await cid.enter()
        await set_pin(bob, "")
        await cid.enter()


async def test_the_lock_is_in_the_store_before_anyone_hears_of_it(
    autojump_clock: MockClock, store: Saboteur
) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        with store.holding():
            await ann.ref.ask(ChangePin("blue", "lock", "1234"), within=5)
            await settle()
            assert store.waiting == 1
            assert ann.client.facts == bob.client.facts == []
        await settle()
        assert ann.client.pins == bob.client.pins == ["1234"]
        record = await house.find(STORE).ask(GetRoom(key()), within=1)
        assert record is not None
        assert record.lock.opens_with("1234")
        assert b"1234" not in record.lock.digest


async def test_a_store_that_does_not_answer_lets_nobody_into_a_new_room(
    autojump_clock: MockClock, store: Saboteur
) -> None:
    async with open_house() as house:
        ann = await house.open("ann")
        with store.holding():
            with pytest.raises(Busy):
                await ann.enter(pin="1234")
            await settle()
            assert not house.has_room()
            assert ann.client.shown(Joined) == []
        await ann.enter()
        assert house.facts(key().path)["locked"] is False


async def test_a_store_that_does_not_answer_leaves_the_lock_as_it_was(
    autojump_clock: MockClock, store: Saboteur
) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob", pin="1234")
        with store.holding():
            await ann.ref.ask(ChangePin("blue", "lock", ""), within=5)
            await trio.sleep(6)
        (refused,) = ann.client.facts
        assert isinstance(refused, OrderRefused)
        assert (refused.tag, type(refused.refusal)) == ("lock", Busy)
        assert bob.client.facts == []
        cid = await house.open("cid")
        with pytest.raises(RoomLocked):
            await cid.enter()


# --- a crash


async def test_a_locked_room_that_crashes_comes_back_locked_with_its_members_silently() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await set_pin(ann, "1234")
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
        await set_pin(ann, "")
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
            bob.ref.tell(End("tired"))
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
            await house.fill(key().path, ListMembers("nobody", ""))
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
        await ann.ref.ask(ListRoom("list"), within=5)
        await settle()
        (listed,) = ann.client.shown(RosterListed)
        assert isinstance(listed, RosterListed)
        assert {card.peer: card.status for card in listed.members}["bob"] == b'{"name":"Bob"}'


# --- slow peers, the operator


async def slow_peer(house: House, room: RoomSpec) -> Person:
    """Return a member whose mailbox holds one message only."""
    client = RecordingClient()
    child = ChildSpec(
        PeerKey(REALM, "slow").slug, lambda: Peer("slow", REALM, "", client), mailbox=1
    )
    ref = await house.find(PEERS).ask(Spawn(child), within=5)
    await settle()
    await ref.ask(Enter(room, "tag"), within=5)
    await settle()
    return Person("slow", ref, client)


async def test_a_peer_that_cannot_keep_up_ends_and_the_others_go_on() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        slow = await slow_peer(house, spec())
        for number in range(20):  # handled in one go
            house.room().tell(Say("ann", b"%d" % number))
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


async def test_a_room_that_keeps_crashing_takes_no_peer_for_a_member_that_it_is_not() -> None:
    async with open_house() as house:
        ann, _bob = await house.people("ann", "bob")
        quiet = await house.open("quiet")
        await quiet.enter("red")
        for _ in range(3):
            await house.crash_room()
        assert house.members() == {"ann", "bob"} == ann.client.members
        assert house.members("red") == {"quiet"}


async def test_what_a_former_room_still_says_is_not_shown_in_the_next(
    autojump_clock: MockClock, store: Saboteur
) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await house.people("cid", room="red")
        with store.holding():
            await ann.ref.ask(ChangePin("blue", "lock", "1234"), within=5)
            await settle()  # blue waits for the store
            ann.say(b'"only for blue"')
            await settle()
            await bob.enter("red")
            bob.client.clear()
        await settle()
        assert bob.client.facts == []
        assert house.members("red") == {"bob", "cid"}
        assert house.members("blue") == {"ann"}
