"""The directory as those outside of actors see it: finding, realms, closing, and nobody there."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from actors.core import AskTimeout, ChildSpec, Message, Restart, Spawn, open_system
from actors.directory.actor import DirectoryActor
from actors.directory.directory import Directory, tell_directory
from actors.directory.messages import CountUsers, Identified
from actors.endpoint.endpoint import EndpointSpec
from actors.endpoint.outbox import OutboxLimits
from actors.endpoint.rules import EndpointTerms, Owner, Quota
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import Adopt, End, Enter
from actors.member.profile import Profile
from actors.room.room import Room
from actors.words.close_reasons import CloseReason
from actors.words.facts import RoomClosed
from actors.words.keys import DIRECTORY, MEMBERS, EndpointKey, MemberKey, RoomKey, in_realm
from actors.words.refusals import Busy, TooManyRooms
from actors.words.rooms import RoomSpec
from tests.actors.core.puppet import logged
from tests.support.actors import (
    LIMITS,
    PEER,
    REALM,
    House,
    RecordingClient,
    key,
    open_house,
    settle,
    spec,
)
from tests.support.saboteur import Saboteur

OWNER = Owner("acme", "ann")
REALMS = ("here", "her", "here:", "he re", "here%3A", "", "ここ")


def directory_of(house: House, **limits: Any) -> Directory:
    return Directory(house.system.registry, lambda: replace(LIMITS, **limits))


async def fill_realm(directory: Directory, realm: str) -> None:
    """Have one member of user "ann" in one room, and one endpoint."""
    client = RecordingClient()
    member = await directory.open_member(
        MemberKey(realm, "m"),
        lambda: Member(Identity("m", "ann"), Profile(realm, REALM, account=True), client),
        Adopt(client, "ann", 10.0),
    )
    await member.ask(Enter(RoomSpec(RoomKey(realm, "r"), "r"), ""), within=5)
    endpoint = EndpointSpec(
        EndpointKey(realm, "e"), OWNER, EndpointTerms(600), lambda: b"{}", OutboxLimits()
    )
    await directory.open_endpoint(endpoint, Quota(1, 1, 1))
    await settle()


# --- finding


async def test_what_is_of_one_realm_is_found_in_no_other_however_alike_they_are_called() -> None:
    async with open_house() as house:
        directory = directory_of(house)
        for realm in REALMS:
            await fill_realm(directory, realm)
        for realm in REALMS:
            room = await directory.room(RoomKey(realm, "r"))
            member = await directory.member(MemberKey(realm, "m"))
            endpoint = await directory.endpoint(EndpointKey(realm, "e"))
            assert await directory.rooms(realm) == [room]
            assert await directory.members(realm) == [member]
            assert await directory.members_of(realm, "ann") == (member,)
            assert await directory.count_users(realm) == 1
            assert await directory.endpoints(realm) == [endpoint]
            assert await directory.endpoints_of(realm, OWNER) == (endpoint,)
            assert endpoint is not None
            assert EndpointKey.from_slug(endpoint.name) == EndpointKey(realm, "e")
        assert await directory.rooms("nowhere") == await directory.members("nowhere") == []
        assert await directory.count_users("nowhere") == 0
        assert await directory.room(RoomKey("nowhere", "r")) is None


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(REALMS, 2)))
def test_keys_of_two_realms_never_share_an_address(one: str, other: str) -> None:
    for name in ("x", ":x", "%3Ax", ""):
        assert in_realm(RoomKey(one, name).slug, one)
        assert not in_realm(RoomKey(one, name).slug, other)


async def test_finding_takes_no_step_of_the_scheduler() -> None:
    """What a session relays to another is the hot path: no ask, no task, no other's turn."""
    async with open_house() as house:
        ann = await house.open("ann")
        directory = directory_of(house)
        with trio.testing.assert_no_checkpoints():
            assert await directory.member(MemberKey(REALM, "ann")) is ann.ref
            assert await directory.member(MemberKey(REALM, "bob")) is None
            assert await directory.members(REALM) == [ann.ref]


async def test_a_room_of_one_realm_takes_a_member_of_another() -> None:
    async with open_house() as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        shared = RoomSpec(RoomKey("shared", "blue"), "blue")
        for person in (ann, bob):
            await person.ref.ask(Enter(shared, ""), within=5)
        await settle()
        assert ann.client.members == bob.client.members == {"ann", "bob"}
        directory = directory_of(house)
        assert [it.name for it in await directory.rooms("shared")] == ["shared:blue"]
        assert await directory.rooms(REALM) == await directory.members("shared") == []


async def test_logs_name_the_dialect_also_where_the_realm_is_called_otherwise() -> None:
    with logged() as lines:
        async with open_house(replace(LIMITS, rooms=1)) as house:
            ann = await house.open("ann")
            blue, red = (
                RoomSpec(RoomKey("shared", name), name, dialect="test") for name in ("blue", "red")
            )
            await ann.ref.ask(Enter(blue, ""), within=5)
            with pytest.raises(TooManyRooms):
                await ann.ref.ask(Enter(red, ""), within=5)
            endpoint = EndpointSpec(
                EndpointKey("shared", "e"), OWNER, EndpointTerms(600), lambda: b"{}",
                OutboxLimits(), dialect="test",
            )  # fmt: skip
            await directory_of(house).open_endpoint(endpoint, Quota())
    said = {line["event"]: line.get("dialect") for line in lines}
    for event in ("room.created", "join.refused", "endpoint.registered"):
        assert said[event] == "test", event


# --- ending


async def test_a_closed_room_tells_its_members_and_leaves_its_name_free() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        directory = directory_of(house)
        await directory.close_room(key(), "deleted")
        await settle()
        assert await directory.room(key()) is None
        for person in (ann, bob):
            assert [type(fact) for fact in person.client.facts] == [RoomClosed]
        await ann.enter()
        with logged() as lines:
            await directory.close_room(key(), "moved")
        assert [it["reason"] for it in lines if it["event"] == "room.closed"] == ["moved"]
        await directory.close_room(key("never opened"), "deleted")


async def test_a_room_that_hangs_is_cut_off(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    saboteur = Saboteur(monkeypatch, Room, key().path)
    async with open_house() as house:
        await house.people("ann")
        saboteur.gate = trio.Event()  # never set: its handlers wait for good
        directory, start = directory_of(house, ask_seconds=1.0), trio.current_time()
        await directory.close_room(key(), "deleted")
        assert trio.current_time() - start <= 2.0
        await trio.sleep(20)
        assert await directory.room(key()) is None


async def test_all_members_are_told_and_one_that_cannot_take_it_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = MemberKey(REALM, "ann").path
    saboteur = Saboteur(monkeypatch, Member, path)
    async with open_house() as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        client = RecordingClient()
        child = ChildSpec(
            "other:cid", lambda: Member(Identity("cid"), PEER, client), Restart.TEMPORARY
        )
        await house.find(MEMBERS).ask(Spawn(child), within=5)
        with saboteur.holding():
            await house.fill(path, Adopt(ann.client, "", 10.0))
            await directory_of(house).tell_members(End(CloseReason.SHUTTING_DOWN))
            await settle()
            assert bob.client.closed == client.closed == ["shutting_down"]
            assert ann.ref.alive


# --- nobody to ask


async def test_without_a_directory_there_is_nothing_to_find_and_what_asks_is_busy() -> None:
    async with open_system([]) as system:
        directory = Directory(system.registry, lambda: LIMITS)
        assert await directory.room(key()) is None
        assert await directory.rooms(REALM) == await directory.endpoints(REALM) == []
        await directory.close_room(key(), "deleted")
        await directory.tell_members(End(CloseReason.SHUTTING_DOWN))
        client = RecordingClient()
        with pytest.raises(Busy):
            await directory.count_users(REALM)
        with pytest.raises(Busy):
            await directory.members_of(REALM, "ann")
        with pytest.raises(Busy):
            await directory.endpoints_of(REALM, OWNER)
        with pytest.raises(Busy):
            await directory.open_member(
                MemberKey(REALM, "ann"),
                lambda: Member(Identity("ann"), PEER, client),
                Adopt(client, "", 1.0),
            )
        with pytest.raises(Busy):
            tell_directory(system.registry, Identified(system.root, REALM, "ann"))


async def test_one_that_does_not_answer_is_waited_for_as_long_as_the_limits_say(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    saboteur = Saboteur(monkeypatch, DirectoryActor, DIRECTORY)
    async with open_house() as house:
        with saboteur.holding():
            for seconds in (0.5, 3.0):
                start = trio.current_time()
                with pytest.raises(AskTimeout):
                    await directory_of(house, ask_seconds=seconds).count_users(REALM)
                assert trio.current_time() - start == pytest.approx(seconds)


async def test_one_whose_mailbox_is_full_is_busy_for_who_tells_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saboteur = Saboteur(monkeypatch, DirectoryActor, DIRECTORY)
    async with open_house() as house:
        ann = await house.open("ann")
        told: Message = Identified(ann.ref, REALM, "ann")
        with saboteur.holding():
            await house.fill(DIRECTORY, told)
            with pytest.raises(Busy):
                tell_directory(house.system.registry, told)
        await settle()
        assert await house.find(DIRECTORY).ask(CountUsers(REALM), within=5) == 1
        await ann.ref.ask(Enter(spec(), ""), within=5)
