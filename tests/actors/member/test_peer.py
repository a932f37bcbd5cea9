"""A peer and its client: what it shows, whom it follows, who it is, how it ends."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import ActorSystem
from actors.directory.actor import DirectoryActor
from actors.directory.messages import FindMembers, Identified
from actors.member.identity import NONCE_SECONDS
from actors.member.messages import End, Follow, GrantLogin, Introduce, LogIn, PlaceOrder, SetStatus
from actors.room.room import Room
from actors.words.close_reasons import CloseReason
from actors.words.facts import (
    Introduced,
    Joined,
    PeerChanged,
    PeerLeft,
    Said,
    Signalled,
)
from actors.words.keys import DIRECTORY
from actors.words.orders import CloseRoom, DropParticipant, ListMembers, SetPin
from actors.words.refusals import (
    AlreadyIdentified,
    Busy,
    NonceForAnotherUser,
    NonceInvalid,
    NotInRoom,
    NotThatRoom,
)
from tests.support.actors import REALM, House, Person, key, open_house, settle
from tests.support.saboteur import Saboteur


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    """Return the way to make the directory slow."""
    return Saboteur(monkeypatch, DirectoryActor, DIRECTORY)


# --- in the room


async def test_status_and_lock_and_list_need_the_room() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        bob.ref.tell(SetStatus(b'{"name":"Bob"}'))
        await settle()
        (changed,) = ann.client.facts
        assert isinstance(changed, PeerChanged)
        assert changed.presence.status == b'{"name":"Bob"}'
        with pytest.raises(NotThatRoom):
            await bob.ref.ask(PlaceOrder(SetPin("red", "", "1")), within=5)
        bob.leave()
        with pytest.raises(NotInRoom):
            await bob.ref.ask(PlaceOrder(SetPin("blue", "", "1")), within=5)
        bob.say(b'"anyone?"')
        await settle()
        assert ann.client.chats == []


async def test_the_status_of_before_is_seen_by_those_who_come_later() -> None:
    async with open_house() as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        ann.ref.tell(SetStatus(b"{}"))
        await ann.enter()
        await bob.enter()
        (joined,) = bob.client.shown(Joined)
        assert isinstance(joined, Joined)
        assert [presence.status for presence in joined.members] == [b"{}", None]


# --- following


async def test_a_follower_hears_of_the_end_once_and_at_once_if_it_was_before() -> None:
    async with open_house() as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        ann.client.clear()
        ann.ref.tell(Follow(bob.ref, "bob's alias"))
        ann.ref.tell(Follow(ann.ref, "ann"))  # nobody hears of its own end
        await settle()
        assert ann.client.facts == []
        bob.ref.tell(End(CloseReason.LOGOUT))
        await settle()
        assert ann.client.facts == [PeerLeft("bob's alias", gone=True)]
        ann.ref.tell(Follow(bob.ref, "again"))
        await settle()
        assert ann.client.facts[1:] == [PeerLeft("again", gone=True)]


# --- who it is


async def found(house: House, user: str) -> tuple[Any, ...]:
    return tuple(await house.find(DIRECTORY).ask(FindMembers(REALM, user), within=5))


async def test_a_nonce_logs_in_once_and_everyone_sees_it() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await bob.ref.ask(GrantLogin("b@example.org", "n1"), within=5)
        await bob.ref.ask(LogIn("b@example.org", "n1", "tag"), within=5)
        await settle()
        assert bob.client.facts == [Introduced("tag", "b@example.org")]
        (changed,) = ann.client.facts
        assert isinstance(changed, PeerChanged)
        assert changed.presence.user == "b@example.org"
        assert await found(house, "b@example.org") == (bob.ref,)
        with pytest.raises(AlreadyIdentified):
            await bob.ref.ask(LogIn("b@example.org", "n1", "tag"), within=5)
        with pytest.raises(AlreadyIdentified):
            await bob.ref.ask(GrantLogin("c@example.org", "n2"), within=5)


async def test_a_newer_nonce_replaces_the_older() -> None:
    async with open_house() as house:
        bob = await house.open("bob")
        await bob.ref.ask(GrantLogin("b@example.org", "n1"), within=5)
        await bob.ref.ask(GrantLogin("b@example.org", "n2"), within=5)
        with pytest.raises(NonceInvalid):
            await bob.ref.ask(LogIn("b@example.org", "n1", ""), within=5)
        await bob.ref.ask(LogIn("b@example.org", "n2", ""), within=5)


async def test_a_nonce_for_another_user_is_not_used_up() -> None:
    async with open_house() as house:
        bob = await house.open("bob")
        await bob.ref.ask(GrantLogin("b@example.org", "n1"), within=5)
        with pytest.raises(NonceForAnotherUser):
            await bob.ref.ask(LogIn("mallory@example.org", "n1", ""), within=5)
        await bob.ref.ask(LogIn("b@example.org", "n1", ""), within=5)


async def test_a_nonce_expires(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        bob = await house.open("bob")
        await bob.ref.ask(GrantLogin("b@example.org", "n1"), within=5)
        await trio.sleep(NONCE_SECONDS + 1)
        with pytest.raises(NonceInvalid):
            await bob.ref.ask(LogIn("b@example.org", "n1", ""), within=5)


async def test_a_login_while_the_hub_is_busy_is_known_to_it_later(
    autojump_clock: MockClock, directory: Saboteur
) -> None:
    async with open_house() as house:
        bob = await house.open("bob")
        await bob.ref.ask(GrantLogin("b@example.org", "n1"), within=5)
        with directory.holding():
            await house.fill(DIRECTORY, Identified(house.find(DIRECTORY), REALM, ""))
            await bob.ref.ask(LogIn("b@example.org", "n1", "tag"), within=5)
            await trio.sleep(1)
        assert bob.client.facts[-1] == Introduced("tag", "b@example.org")
        await trio.sleep(1)
        assert await found(house, "b@example.org") == (bob.ref,)


async def test_a_client_can_ask_who_it_is() -> None:
    async with open_house() as house:
        bob = await house.open("bob", user="b@example.org")
        bob.client.clear()
        bob.ref.tell(Introduce("tag"))
        await settle()
        assert bob.client.facts == [Introduced("tag", "b@example.org")]


# --- the end


@pytest.mark.parametrize("order", [Introduce("tag"), Signalled("x", b"{}"), Said("x", None, "")])
async def test_a_client_that_is_too_slow_ends_the_peer(order: Any) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        bob.client.full = True
        if isinstance(order, Said):
            ann.say(b'"hello"')
        else:
            bob.ref.tell(order)
        await settle()
        assert bob.client.closed == ["too_slow"]
        assert ann.client.members == {"ann"}
        assert ann.client.facts[-1] == PeerLeft("bob", gone=True)


async def test_a_client_too_slow_for_its_first_word_is_closed_and_logs_no_crash() -> None:
    async with open_house() as house:
        bob = await house.open("bob", full=True)
        assert bob.client.closed == ["too_slow"]
        assert house.system.counters.crashes == 0


async def test_a_client_that_is_too_slow_for_a_followed_end_ends_the_peer() -> None:
    async with open_house() as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        ann.ref.tell(Follow(bob.ref, "bob"))
        await settle()
        ann.client.full = True
        bob.ref.tell(End(CloseReason.LOGOUT))
        await settle()
        assert ann.client.closed == ["too_slow"]


async def test_a_peer_whose_client_went_while_it_was_opened_leaves_nothing_behind() -> None:
    async with open_house() as house:
        ann = await house.open("ann", gone=True)
        assert not ann.ref.alive
        (bob, eve) = await house.people("bob", "eve")
        await house.open("bob", gone=True)
        assert not bob.ref.alive
        assert house.members() == {"eve"}
        assert eve.client.shown(PeerLeft) == [PeerLeft("bob", gone=True)]


async def test_every_client_is_closed_with_the_reason_when_the_house_closes() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        system: ActorSystem = house.system
        bob.ref.tell(End(CloseReason.LOGOUT))
        await settle()
    assert ann.client.closed == ["shutdown"]
    assert bob.client.closed == [CloseReason.LOGOUT]
    assert system.counters.crashes == 0


@pytest.mark.parametrize("how", ["ends", "puts out"])
async def test_who_has_asked_a_room_that_is_his_no_more_waits_for_no_answer(
    how: str, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    blue = Saboteur(monkeypatch, Room, key().path)
    answered: list[float] = []

    async def ask_for_the_list(ann: Person) -> None:
        with pytest.raises(Busy):
            await ann.ref.ask(PlaceOrder(ListMembers("")), within=60)
        answered.append(trio.current_time())

    async with open_house() as house:
        (ann,) = await house.people("ann")
        asked = trio.current_time()
        async with trio.open_nursery() as nursery:
            with blue.holding():
                house.room().tell(CloseRoom() if how == "ends" else DropParticipant("ann"))
                await settle()
                nursery.start_soon(ask_for_the_list, ann)
                await settle()
        assert answered == [asked]
        assert ann.ref.alive
