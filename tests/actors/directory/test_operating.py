"""The operator's orders: rooms closed by name, members put out, whatever else goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.directory.actor import DirectoryActor
from actors.directory.directory import Directory, key_at
from actors.directory.messages import OpenMember
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import Adopt
from actors.room.room import Room
from actors.words.closings import (
    ClosedByOperator,
    Expel,
    MemberExpelled,
    MemberUnknown,
    TooManyClosings,
)
from actors.words.facts import Expelled, RoomClosed
from actors.words.keys import DIRECTORY, MEMBERS, MemberKey, RoomKey
from tests.actors.core.puppet import logged
from tests.support.actors import (
    LIMITS,
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

DAY = 86_400.0


@dataclass
class UnixTime:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def orders(house: House) -> Directory:
    return Directory(house.system.registry, lambda: LIMITS)


async def close(house: House, room: str = "blue", text: str = "Repairs") -> None:
    await orders(house).close_room_by_operator(key(room), text, 600.0, "olga")


async def put_out(house: House, id_: str = "ann") -> None:
    await orders(house).put_out(MemberKey(REALM, id_), Expel("Sorry", "olga", "192.0.2.1"), DAY)


def told(person: Person) -> list[str | None]:
    """Return why the rooms that he was in were closed, as he was told."""
    closed = [fact for fact in person.client.shown(RoomClosed) if isinstance(fact, RoomClosed)]
    return [fact.closing.text if fact.closing is not None else None for fact in closed]


async def refused(person: Person, room: str = "blue") -> ClosedByOperator:
    with pytest.raises(ClosedByOperator) as refusal:
        await person.enter(room)
    return refusal.value


# --- rooms


async def test_its_people_hear_why_and_nobody_comes_in_until_it_is_opened() -> None:
    unix_time = UnixTime()
    async with open_house(unix_time=unix_time) as house:
        ann, bob = await house.people("ann", "bob")
        (cid,) = await house.people("cid", room="quiet")
        with logged() as lines:
            await close(house)
            await settle()
        assert told(ann) == told(bob) == ["Repairs"]
        assert not house.has_room()
        closed = [line for line in lines if line["event"] == "room.closed"]
        assert [line["reason"] for line in closed] == ["closed_by_operator"]
        refusal = await refused(ann)
        assert (refusal.until, refusal.text) == (1600.0, "Repairs")
        with pytest.raises(ClosedByOperator):
            await orders(house).open_room(spec())
        assert not house.has_room()
        await ann.enter("quiet")
        await settle()
        assert cid.client.members == {"cid", "ann"}
        assert await orders(house).open_again(key())
        await bob.enter()
        await close(house)
        unix_time.now += 600.0
        await settle()
        await ann.enter()
        assert await orders(house).closed_rooms() == ()


async def test_a_name_is_closed_that_nobody_has_taken_yet() -> None:
    async with open_house(unix_time=UnixTime()) as house:
        ann = await house.open("ann")
        await close(house)
        await refused(ann)
        [closing] = await orders(house).closed_rooms()
        assert (closing.key, closing.until, closing.by) == (key(), 1600.0, "olga")
        assert (closing.text, closing.dialect) == ("Repairs", "")
        assert house.facts(DIRECTORY)["closed"] == 1


async def test_so_many_may_be_closed() -> None:
    async with open_house(replace(LIMITS, closed_rooms=2)) as house:
        await close(house, "one")
        await close(house, "two")
        with pytest.raises(TooManyClosings):
            await close(house, "three")
        await close(house, "two", "again")
        assert [it.text for it in await orders(house).closed_rooms()] == ["Repairs", "again"]


async def test_what_is_ordered_outlives_a_crash_of_the_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_house() as house:
        ann = await house.open("ann")
        await close(house)
        await put_out(house)
        await settle()
        house.lose_next(DIRECTORY)
        house.find(DIRECTORY).tell(OpenMember(MemberKey(REALM, "x"), lambda: None, None))  # type: ignore[arg-type, return-value]
        await settle()
        with pytest.raises(MemberExpelled):
            await house.open("ann")
        await refused(await house.open("bob"))
        assert ann.client.closed == ["put_out"]


async def test_a_room_that_crashes_over_its_end_ends_all_the_same() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        house.lose_next(key().path)
        await close(house)
        await settle()
        assert told(ann) == told(bob) == ["Repairs"]
        assert not house.has_room()
        await refused(ann)


async def test_a_room_that_hangs_is_cut_off_and_its_people_hear_why(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    saboteur = Saboteur(monkeypatch, Room, key().path)
    async with open_house(replace(LIMITS, ask_seconds=1.0)) as house:
        (ann,) = await house.people("ann")
        with saboteur.holding():
            house.room().tell(poison())
            await trio.sleep(0.1)
            await close(house)
            await trio.sleep(30.0)
            assert told(ann) == ["Repairs"]
            assert not house.has_room()
        await refused(ann)


async def test_a_room_that_crashes_while_it_is_closed_stays_closed() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        house.room().tell(poison())  # the order to close comes behind this crash
        await close(house)
        await settle()
        assert told(ann) == told(bob) == ["Repairs"]
        assert not house.has_room()
        await refused(bob)


async def test_two_operators_at_once_close_it_once_and_the_later_word_holds() -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann")
        with logged() as lines:
            async with trio.open_nursery() as nursery:
                for text in ("one", "two"):
                    nursery.start_soon(close, house, "blue", text)
            await settle()
        assert len(told(ann)) == 1
        assert len([line for line in lines if line["event"] == "room.closed"]) == 1
        [closing] = await orders(house).closed_rooms()
        assert (await refused(ann)).text == closing.text


@pytest.mark.parametrize("turns", range(12))
async def test_whoever_comes_in_the_moment_of_closing_is_told_or_refused(turns: int) -> None:
    """He never stays in a closed room, never waits in vain, and never brings it back."""
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        cid = await house.open("cid")
        outcomes: dict[str, bool] = {}  # whether he was let in

        async def come(person: Person, pause: int) -> None:
            for _ in range(pause):
                await trio.lowlevel.checkpoint()
            try:
                with trio.fail_after(30):
                    await person.enter()
            except ClosedByOperator:
                outcomes[person.id] = False
                person.client.members.clear()  # who is refused is in no room
            else:
                outcomes[person.id] = True

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come, cid, turns)
            nursery.start_soon(come, bob, 2 * turns)  # once more into the same room
            for _ in range(6):
                await trio.lowlevel.checkpoint()
            await close(house)
        await settle()
        assert set(outcomes) == {"bob", "cid"}
        assert not house.has_room()
        assert cid.client.members == ann.client.members == bob.client.members == set()
        assert told(cid) == ["Repairs"] * outcomes["cid"]
        assert told(bob) == ["Repairs"] or not outcomes["bob"]  # he was in before, too
        await refused(cid)


async def test_an_actor_that_is_stopped_by_hand_is_a_room_that_was_closed() -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann")
        with logged() as lines:
            house.system.stop_actor(key().path, "stopped by the operator")
            await settle()
        [closed] = [line for line in lines if line["event"] == "room.closed"]
        assert (closed["room"], closed["reason"]) == ("blue", "stopped by the operator")
        assert told(ann) == [None]
        await ann.enter()  # it comes back at once


# --- members


async def test_who_is_put_out_hears_why_and_nobody_goes_on_as_he() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        with logged() as lines:
            await put_out(house)
            await settle()
        assert ann.client.shown(Expelled) == [Expelled("Sorry")]
        assert ann.client.closed == ["put_out"]
        assert bob.client.members == {"bob"}
        [line] = [line for line in lines if line["event"] == "peer.put_out"]
        shown = {name: line[name] for name in ("peer", "room", "dialect", "by", "address")}
        assert shown == {
            "peer": "ann", "room": "blue", "dialect": REALM, "by": "olga", "address": "192.0.2.1",
        }  # fmt: skip
        [ended] = [line for line in lines if line["event"] == "peer.ended"]
        assert ended["reason"] == "put_out"
        for _ in range(2):
            with pytest.raises(MemberExpelled) as refusal:
                await house.open("ann")
            assert refusal.value.text == "Sorry"
        new = await house.open("ann the second")
        await new.enter()
        assert await orders(house).let_back(MemberKey(REALM, "ann"))
        await house.open("ann")


async def test_who_is_not_there_cannot_be_put_out() -> None:
    async with open_house() as house:
        with pytest.raises(MemberUnknown):
            await put_out(house, "nobody")
        await house.open("nobody")


async def test_the_first_of_too_many_may_come_back() -> None:
    async with open_house(replace(LIMITS, expelled_members=2)) as house:
        for name in ("ann", "bob", "cid"):
            await house.open(name)
            await put_out(house, name)
            await settle()
        await house.open("ann")
        for name in ("bob", "cid"):
            with pytest.raises(MemberExpelled):
                await house.open(name)


async def test_a_participant_that_is_away_does_not_come_back() -> None:
    async with open_house() as house:
        ann = await house.open_participant("ann", resume_seconds=60.0)
        await ann.enter()
        await put_out(house)
        await settle()
        assert not ann.ref.alive
        with pytest.raises(MemberExpelled):
            await house.open_participant("ann")


async def test_a_member_that_hangs_is_ended(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    path = MemberKey(REALM, "ann").path
    saboteur = Saboteur(monkeypatch, Member, path)
    async with open_house() as house:
        ann = await house.open("ann")
        with saboteur.holding():
            await house.fill(path, Adopt(RecordingClient(), "", 1.0))
            await put_out(house)
            await trio.sleep(30.0)
            assert house.system.registry.find(path) is None
        assert ann.client.closed == ["put_out"]


@pytest.mark.parametrize("turns", range(10))
async def test_a_socket_that_takes_over_meanwhile_is_put_out_as_well(turns: int) -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann")
        client = RecordingClient()

        async def take_over() -> None:
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            member = MemberKey(REALM, "ann")
            order: OpenMember = OpenMember(
                member, lambda: Member(Identity("ann"), PEER, client), Adopt(client, "", 10.0)
            )
            try:
                await house.find(DIRECTORY).ask(order, within=5)
            except MemberExpelled:
                client.closed.append("refused")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_over)
            await put_out(house)
        await settle()
        assert client.closed in (["put_out"], ["refused"])
        assert ann.client.closed in (["put_out"], ["replaced"])
        assert house.system.registry.children(MEMBERS) == []


async def test_a_directory_that_is_busy_puts_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    saboteur = Saboteur(monkeypatch, DirectoryActor, DIRECTORY)
    async with open_house() as house:
        await house.open("ann")
        with saboteur.holding(), trio.move_on_after(0.1) as scope:
            await put_out(house)
        assert scope.cancelled_caught
        await settle()
        with pytest.raises(MemberExpelled):  # what was asked for is done, also unheard
            await house.open("ann")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (key().path, key()),
        (f"{key().path}/mix:1", key()),
        (MemberKey(REALM, "a/b").path, MemberKey(REALM, "a/b")),
        (RoomKey("spreed", "Room:tea").path, RoomKey("spreed", "Room:tea")),
        (MEMBERS, None),
        ("/endpoints/auvious:x", None),
        ("/conferencing/rooms/x", None),
        ("/conferencing/rooms/x:%ff", None),
        ("/conferencing/members/%ff:%ff/x", None),
    ],
)
def test_whose_a_path_is(path: str, found: Any) -> None:
    assert key_at(path) == found
