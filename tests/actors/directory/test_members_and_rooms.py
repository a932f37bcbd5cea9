"""The directory: one member per key, one room per key, limits, and who is whose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import Message, Ref, Supervisor
from actors.directory.actor import DirectoryActor
from actors.directory.messages import CountUsers, FindMembers, OpenMember
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import Adopt, End
from actors.room.room import Room
from actors.words.close_reasons import CloseReason
from actors.words.keys import DIRECTORY, MEMBERS, ROOMS, MemberKey
from actors.words.refusals import Busy, TooManyPeers, TooManyRooms, WrongPin
from tests.support.actors import (
    LIMITS,
    PEER,
    REALM,
    House,
    RecordingClient,
    key,
    open_house,
    settle,
)
from tests.support.saboteur import Boom, Saboteur


async def user_peers(house: House, user: str) -> set[Ref[Message]]:
    return set(await house.find(DIRECTORY).ask(FindMembers(REALM, user), within=5))


async def users(house: House) -> Any:
    return await house.find(DIRECTORY).ask(CountUsers(REALM), within=5)


# --- peers


async def test_a_key_has_one_peer_which_a_second_socket_takes_over() -> None:
    async with open_house() as house:
        first, second = await house.open("ann"), await house.open("ann")
        assert first.ref is second.ref
        assert first.client.closed == ["replaced"]
        assert len(house.system.registry.children(MEMBERS)) == 1


async def test_a_peer_that_has_just_ended_is_opened_anew() -> None:
    async with open_house() as house:
        first = await house.open("ann")
        first.ref.tell(End(CloseReason.LOGOUT))
        second = await house.open("ann")
        assert second.ref is not first.ref
        assert first.client.closed == [CloseReason.LOGOUT]
        assert second.client.closed == []
        assert house.find(MemberKey(REALM, "ann").path) is second.ref


async def test_sockets_that_race_for_one_key_share_one_peer() -> None:
    async with open_house() as house:
        opened: list[Ref[Any]] = []
        clients = [RecordingClient() for _ in range(20)]

        async def open_one(client: RecordingClient) -> None:
            order = OpenMember(
                MemberKey(REALM, "ann"),
                lambda: Member(Identity("ann"), PEER, client),
                Adopt(client, "", 10.0),
            )
            opened.append(await house.find(DIRECTORY).ask(order, within=5))

        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(open_one, client)
        await settle()
        assert len(set(opened)) == 1
        assert sorted(client.closed for client in clients) == [[]] + [["replaced"]] * 19


async def test_the_limit_of_peers_counts_those_that_live() -> None:
    async with open_house(replace(LIMITS, peers=2)) as house:
        ann, _bob = await house.open("ann"), await house.open("bob")
        with pytest.raises(TooManyPeers):
            await house.open("cid")
        await house.open("ann")  # a takeover needs no place
        ann.ref.tell(End(CloseReason.LOGOUT))
        await settle()
        await house.open("cid")


async def test_a_peer_that_cannot_take_a_takeover_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    ann_path = MemberKey(REALM, "ann").path
    saboteur = Saboteur(monkeypatch, Member, ann_path)
    async with open_house() as house:
        ann = await house.open("ann")
        with saboteur.holding():
            await house.fill(ann_path, End(CloseReason.LOGOUT))
            with pytest.raises(Busy):
                await house.open("ann")
        assert ann.client.closed == []


async def test_a_caller_that_went_away_still_gets_its_peer_taken_over_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory = Saboteur(monkeypatch, DirectoryActor, DIRECTORY)
    async with open_house() as house:
        client = RecordingClient()
        order = OpenMember(
            MemberKey(REALM, "ann"),
            lambda: Member(Identity("ann"), PEER, client),
            Adopt(client, "", 10.0),
        )
        async with trio.open_nursery() as nursery:
            with directory.holding():
                nursery.start_soon(lambda: house.find(DIRECTORY).ask(order, within=5))
                await settle()
                nursery.cancel_scope.cancel()
        await settle()
        again = await house.open("ann")
        assert client.closed == ["replaced"]
        assert again.client.closed == []


# --- users


async def test_the_index_of_users_follows_the_ends_of_their_peers() -> None:
    async with open_house() as house:
        one, two = await house.open("1", user="ann"), await house.open("2", user="ann")
        other = await house.open("3", user="bob")
        await house.open("4")
        assert await user_peers(house, "ann") == {one.ref, two.ref}
        assert await users(house) == 2
        one.ref.tell(End(CloseReason.LOGOUT))
        await settle()
        assert await user_peers(house, "ann") == {two.ref}
        two.ref.tell(End(CloseReason.LOGOUT))
        other.ref.tell(End(CloseReason.LOGOUT))
        await settle()
        assert await user_peers(house, "ann") == set()
        assert await users(house) == 0
        assert set(house.facts(DIRECTORY).values()) == {0}


async def test_users_of_other_realms_are_not_found() -> None:
    async with open_house() as house:
        await house.open("1", user="ann")
        directory = house.find(DIRECTORY)
        assert await directory.ask(FindMembers("elsewhere", "ann"), within=5) == ()
        assert await directory.ask(CountUsers("elsewhere"), within=5) == 0


# --- rooms


async def test_peers_that_race_for_one_room_meet_in_it() -> None:
    async with open_house() as house:
        people = [await house.open(f"p{number}") for number in range(12)]
        async with trio.open_nursery() as nursery:
            for person in people:
                nursery.start_soon(person.enter)
        await settle()
        everyone = {person.id for person in people}
        assert house.members() == everyone
        assert all(person.client.members == everyone for person in people)
        assert len(house.system.registry.children(ROOMS)) == 1


async def test_the_limit_of_rooms_counts_those_that_live(autojump_clock: MockClock) -> None:
    async with open_house(replace(LIMITS, rooms=1)) as house:
        ann, bob = await house.people("ann", "bob")
        with pytest.raises(TooManyRooms):
            await bob.enter("red")
        await bob.enter("blue")
        ann.leave()
        bob.leave()
        await trio.sleep(61)
        await bob.enter("red")


async def test_a_room_whose_spawning_was_answered_too_late_counts_once_somebody_comes(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = Saboteur(monkeypatch, Supervisor, ROOMS)
    async with open_house(replace(LIMITS, rooms=1)) as house:
        ann = await house.open("ann")
        with rooms.holding():
            with pytest.raises(Busy):
                await ann.enter()
        await settle()
        assert house.has_room()
        await ann.enter()
        assert house.facts(DIRECTORY)["rooms"] == 1
        with pytest.raises(TooManyRooms):
            await ann.enter("red")
        await trio.sleep(61)
        assert house.facts(DIRECTORY)["rooms"] == 0
        await ann.enter("red")


async def test_the_lock_of_a_room_goes_with_it(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        (ann,) = await house.people("ann", pin="1234")
        ann.leave()
        await trio.sleep(61)
        await ann.enter()
        assert house.facts(key().path)["locked"] is False


async def test_a_room_made_anew_keeps_its_own_lock() -> None:
    async with open_house() as house:
        ann, _bob = await house.people("ann", "bob", pin="1234")
        house.system.stop_actor(key().path)
        await ann.enter(pin="5678")  # before the directory has heard of the end
        await settle()
        await house.crash_room()
        cid = await house.open("cid")
        with pytest.raises(WrongPin):
            await cid.enter(pin="1234")
        await cid.enter(pin="5678")


async def test_a_room_may_end_more_slowly_than_the_one_that_came_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    teardown, files_are_whole = Room.teardown, trio.Event()

    async def slowly(room: Room, reason: str) -> None:
        await files_are_whole.wait()
        await teardown(room, reason)

    async with open_house() as house:
        ann = await house.open("ann")
        await ann.enter()
        monkeypatch.setattr(Room, "teardown", slowly)
        house.system.stop_actor(key().path)
        await settle()
        bob = await house.open("bob")
        await bob.enter()  # its name is free
        assert house.facts(DIRECTORY)["rooms"] == 2
        monkeypatch.setattr(Room, "teardown", teardown)
        house.system.stop_actor(key().path)
        await settle()
        assert house.facts(DIRECTORY)["rooms"] == 1
        files_are_whole.set()
        await settle()
        assert house.facts(DIRECTORY)["rooms"] == 0
        await bob.enter()
        assert house.facts(DIRECTORY)["rooms"] == 1
        assert house.members() == {"bob"}


async def test_a_directory_that_crashes_begins_with_no_room_and_no_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory = Saboteur(monkeypatch, DirectoryActor, DIRECTORY)
    async with open_house() as house:
        (ann,) = await house.people("ann", pin="1234")
        directory.crash("handle")
        with pytest.raises(Exception, match="Boom") as caught:
            await house.find(DIRECTORY).ask(CountUsers(REALM), within=5)
        assert isinstance(caught.value.__cause__, Boom)
        await settle()
        assert not house.has_room()
        assert not ann.ref.alive
        assert len(ann.client.closed) == 1
        bob = await house.open("bob")
        await bob.enter()
        assert house.facts(key().path)["locked"] is False
        assert house.members() == {"bob"}
