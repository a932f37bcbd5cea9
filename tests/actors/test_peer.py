"""A peer between its client and its room: changed minds, takeovers, logins, ends."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import ActorSystem
from actors.domain.events import (
    ChatPosted,
    Introduced,
    Joined,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    RoomClosed,
    Signalled,
)
from actors.domain.peer import NONCE_SECONDS
from actors.domain.refusals import (
    AlreadyIdentified,
    Busy,
    NonceForAnotherUser,
    NonceInvalid,
    NotInRoom,
    NotThatRoom,
    WrongPin,
)
from actors.hub import HUB, FindUser, Hub, Identified
from actors.peer import (
    ChangePin,
    Describe,
    End,
    Enter,
    Follow,
    GrantLogin,
    Introduce,
    ListRoom,
    LogIn,
    Lost,
    SetStatus,
)
from actors.room import ListMembers, Room
from tests.support.actors import (
    REALM,
    House,
    Person,
    RecordingClient,
    Saboteur,
    key,
    open_house,
    settle,
    spec,
)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    """Return the way to make the hub slow."""
    return Saboteur(monkeypatch, Hub, HUB)


@pytest.fixture
def blue(monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    """Return the way to make the room "blue" slow."""
    return Saboteur(monkeypatch, Room, key("blue").path)


async def refused_with(person: Person, order: Enter, refusals: list[type]) -> None:
    """Enter, and note what it was refused with."""
    try:
        await person.ref.ask(order, within=60)
    except (Busy, WrongPin) as refusal:
        refusals.append(type(refusal))


async def present(house: House, person: Person, *rooms: str) -> set[str]:
    """Return in which of these rooms the rooms themselves count the peer."""
    await settle()
    return {name for name in rooms if house.has_room(name) and person.id in house.members(name)}


# --- entering and leaving


async def test_entering_is_answered_once_the_client_knows_that_it_is_in() -> None:
    async with open_house() as house:
        ann = await house.open("ann")
        await ann.enter()
        (joined,) = ann.client.shown(Joined)
        assert isinstance(joined, Joined)
        assert (joined.tag, joined.room.title) == ("ann enters", "Blue")
        assert ann.client.members == {"ann"}


async def test_entering_another_room_leaves_the_former() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await bob.enter("red")
        assert await present(house, bob, "blue", "red") == {"red"}
        assert ann.client.facts == [PeerLeft("bob", gone=False)]


async def test_who_is_refused_is_in_no_room() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await house.people("cid", room="red", pin="1234")
        with pytest.raises(WrongPin):
            await bob.enter("red", pin="1")
        assert await present(house, bob, "blue", "red") == set()
        assert ann.client.facts == [PeerLeft("bob", gone=False)]
        with pytest.raises(NotInRoom):
            await bob.ref.ask(ListRoom("list"), within=5)


async def test_a_member_refused_by_its_own_room_is_out_of_it() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob", pin="1234")
        with pytest.raises(WrongPin):
            await bob.enter(pin="1")
        assert await present(house, bob, "blue") == set()
        assert ann.client.facts == [PeerLeft("bob", gone=False)]


async def test_a_member_that_the_hub_refuses_is_out_of_its_room(hub: Saboteur) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        with hub.holding():
            await house.fill(HUB, Identified(house.find(HUB), REALM, ""))
            with pytest.raises(Busy):
                await bob.enter()
        assert await present(house, bob, "blue") == set()
        assert ann.client.facts == [PeerLeft("bob", gone=False)]


async def test_a_member_whose_room_cannot_take_its_join_is_out_of_it(
    autojump_clock: MockClock, blue: Saboteur
) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        with blue.holding():
            await house.fill(key().path, ListMembers("nobody", ""))
            with pytest.raises(Busy):
                await bob.enter()
        await trio.sleep(0.1)  # it tries again to leave
        assert await present(house, bob, "blue") == set()
        assert PeerLeft("bob", gone=False) in ann.client.facts


async def test_an_order_to_enter_overtakes_the_one_before(blue: Saboteur) -> None:
    async with open_house() as house:
        await house.people("cid")
        ann = await house.open("ann")
        refusals: list[type] = []
        async with trio.open_nursery() as nursery:
            with blue.holding():
                nursery.start_soon(refused_with, ann, Enter(spec("blue"), "1"), refusals)
                await settle()
                await ann.enter("red")
        assert refusals == [Busy]
        assert await present(house, ann, "blue", "red") == {"red"}
        assert ann.client.members == {"ann"}
        assert [fact.tag for fact in ann.client.facts if isinstance(fact, Joined)] == ["ann enters"]


@pytest.mark.parametrize(
    ("pins", "inside"),
    [(("1234", "1234"), True), (("1", "1234"), True), (("1234", "1"), False), (("1", "2"), False)],
)
async def test_of_two_orders_for_one_room_the_later_counts(
    blue: Saboteur, pins: tuple[str, str], inside: bool
) -> None:
    async with open_house() as house:
        await house.people("cid", pin="1234")
        ann = await house.open("ann")
        first: list[type] = []
        second: list[type] = []
        async with trio.open_nursery() as nursery:
            with blue.holding():
                nursery.start_soon(refused_with, ann, Enter(spec(), "1", pin=pins[0]), first)
                await settle()
                nursery.start_soon(refused_with, ann, Enter(spec(), "2", pin=pins[1]), second)
                await settle()
        assert first == [Busy]
        assert second == ([] if inside else [WrongPin])
        assert await present(house, ann, "blue") == ({"blue"} if inside else set())
        assert (await ann.ref.ask(Describe(), within=5)).room == (key().slug if inside else "")
        assert [it.tag for it in ann.client.facts if isinstance(it, Joined)] == ["2"] * inside


async def test_leaving_while_on_the_way_in_ends_outside(blue: Saboteur) -> None:
    async with open_house() as house:
        (cid,) = await house.people("cid")
        ann = await house.open("ann")
        refusals: list[type] = []
        async with trio.open_nursery() as nursery:
            with blue.holding():
                nursery.start_soon(refused_with, ann, Enter(spec(), "1"), refusals)
                await settle()
                ann.leave()
                await settle()
        assert refusals == [Busy]
        assert await present(house, ann, "blue") == set()
        assert ann.client.shown(Joined) == []
        assert cid.client.members == {"cid"}


async def test_a_peer_back_in_a_room_is_not_put_out_by_its_own_belated_leaving(
    autojump_clock: MockClock, blue: Saboteur
) -> None:
    async with open_house() as house:
        _cid, ann = await house.people("cid", "ann")
        async with trio.open_nursery() as nursery:
            with blue.holding():
                await house.fill(key().path, ListMembers("nobody", ""))
                ann.leave()
                await settle()
            nursery.start_soon(enter_until_let_in, ann)
        await trio.sleep(0.2)
        assert await present(house, ann, "blue") == {"blue"}
        assert ann.client.members == {"ann", "cid"}


async def enter_until_let_in(person: Person) -> None:
    """Enter as often as it takes."""
    while True:
        try:
            await person.enter()
            return
        except Busy:
            await trio.lowlevel.checkpoint()


# --- in the room


async def test_status_and_lock_and_list_need_the_room() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        bob.ref.tell(SetStatus(b'{"name":"Bob"}'))
        await settle()
        (changed,) = ann.client.facts
        assert isinstance(changed, PeerChanged)
        assert changed.card.status == b'{"name":"Bob"}'
        with pytest.raises(NotThatRoom):
            await bob.ref.ask(ChangePin("red", "", "1"), within=5)
        bob.leave()
        with pytest.raises(NotThatRoom):
            await bob.ref.ask(ChangePin("blue", "", "1"), within=5)
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
        assert [card.status for card in joined.members] == [b"{}", None]


# --- takeover


async def test_a_takeover_closes_the_former_client_and_hears_nothing_until_it_enters() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        again = await house.open("bob")
        assert again.ref is bob.ref
        assert bob.client.closed == ["replaced"]
        ann.say(b'"hello"')
        await settle()
        assert again.client.facts == [Introduced("", "")]
        assert ann.client.facts == []
        with pytest.raises(NotInRoom):
            await again.ref.ask(ListRoom(""), within=5)
        again.ref.tell(Signalled("ann", b"{}"))
        await again.enter()
        ann.say(b'"welcome back"')
        await settle()
        assert again.client.shown(Signalled) == [Signalled("ann", b"{}")]
        assert again.client.chats == [b'"welcome back"']
        assert again.client.members == {"ann", "bob"}
        assert [type(fact) for fact in ann.client.facts] == [PeerJoined]


async def test_a_takeover_that_never_enters_leaves_no_ghost(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        ann, _bob = await house.people("ann", "bob")
        again = await house.open("bob")
        await trio.sleep(9)
        assert house.members() == {"ann", "bob"}
        await trio.sleep(2)
        assert house.members() == {"ann"}
        assert ann.client.facts == [PeerLeft("bob", gone=False)]
        assert again.ref.alive


async def test_a_takeover_that_enters_in_time_stays(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.people("ann", "bob")
        again = await house.open("bob")
        await trio.sleep(9)
        await again.enter()
        await trio.sleep(9)
        assert house.members() == {"ann", "bob"}


async def test_a_takeover_that_enters_elsewhere_leaves_the_former_room() -> None:
    async with open_house() as house:
        await house.people("ann", "bob")
        again = await house.open("bob")
        await again.enter("red")
        assert await present(house, again, "blue", "red") == {"red"}


async def test_a_silent_peer_keeps_its_place_over_a_crash_and_hears_of_no_end() -> None:
    async with open_house() as house:
        await house.people("ann", "bob")
        again = await house.open("bob")
        await house.crash_room()
        assert house.members() == {"ann", "bob"}
        house.system.stop_actor(key().path)
        await settle()
        assert again.client.shown(RoomClosed) == []


async def test_a_takeover_on_the_way_in_decides_anew_where_to_be(blue: Saboteur) -> None:
    async with open_house() as house:
        await house.people("cid")
        ann = await house.open("ann")
        refusals: list[type] = []
        async with trio.open_nursery() as nursery:
            with blue.holding():
                nursery.start_soon(refused_with, ann, Enter(spec(), "1"), refusals)
                await settle()
                again = await house.open("ann")
        assert refusals == [Busy]
        assert await present(house, again, "blue") == set()
        assert again.client.facts == [Introduced("", "")]


async def test_the_loss_of_a_replaced_client_does_not_matter() -> None:
    async with open_house() as house:
        bob = await house.open("bob")
        again = await house.open("bob")
        again.ref.tell(Lost(bob.client))
        await settle()
        assert again.ref.alive
        again.ref.tell(Lost(again.client))
        await settle()
        assert not again.ref.alive
        assert bob.client.closed == ["replaced"]
        assert again.client.closed == ["disconnected"]


# --- following


async def test_a_follower_hears_of_the_end_once_and_at_once_if_it_was_before() -> None:
    async with open_house() as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        ann.client.clear()
        ann.ref.tell(Follow(bob.ref, "bob's alias"))
        ann.ref.tell(Follow(ann.ref, "ann"))  # nobody hears of its own end
        await settle()
        assert ann.client.facts == []
        bob.ref.tell(End("tired"))
        await settle()
        assert ann.client.facts == [PeerLeft("bob's alias", gone=True)]
        ann.ref.tell(Follow(bob.ref, "again"))
        await settle()
        assert ann.client.facts[1:] == [PeerLeft("again", gone=True)]


# --- who it is


async def found(house: House, user: str) -> tuple[Any, ...]:
    return tuple(await house.find(HUB).ask(FindUser(REALM, user), within=5))


async def test_a_nonce_logs_in_once_and_everyone_sees_it() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        await bob.ref.ask(GrantLogin("b@example.org", "n1"), within=5)
        await bob.ref.ask(LogIn("b@example.org", "n1", "tag"), within=5)
        await settle()
        assert bob.client.facts == [Introduced("tag", "b@example.org")]
        (changed,) = ann.client.facts
        assert isinstance(changed, PeerChanged)
        assert changed.card.user == "b@example.org"
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
    autojump_clock: MockClock, hub: Saboteur
) -> None:
    async with open_house() as house:
        bob = await house.open("bob")
        await bob.ref.ask(GrantLogin("b@example.org", "n1"), within=5)
        with hub.holding():
            await house.fill(HUB, Identified(house.find(HUB), REALM, ""))
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


@pytest.mark.parametrize("order", [Introduce("tag"), Signalled("x", b"{}"), ChatPosted("x", b"")])
async def test_a_client_that_is_too_slow_ends_the_peer(order: Any) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        bob.client.full = True
        if isinstance(order, ChatPosted):
            ann.say(b'"hello"')
        else:
            bob.ref.tell(order)
        await settle()
        assert bob.client.closed == ["too_slow"]
        assert ann.client.members == {"ann"}
        assert ann.client.facts[-1] == PeerLeft("bob", gone=True)


async def test_a_client_too_slow_for_its_first_word_is_closed_and_logs_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = RecordingClient.__init__
    monkeypatch.setattr(RecordingClient, "__init__", lambda self: original(self, full=True))
    async with open_house() as house:
        bob = await house.open("bob")
        assert bob.client.closed == ["too_slow"]
        assert house.system.counters.crashes == 0


async def test_a_client_that_is_too_slow_for_a_followed_end_ends_the_peer() -> None:
    async with open_house() as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        ann.ref.tell(Follow(bob.ref, "bob"))
        await settle()
        ann.client.full = True
        bob.ref.tell(End("tired"))
        await settle()
        assert ann.client.closed == ["too_slow"]


async def test_every_client_is_closed_with_the_reason_when_the_house_closes() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        system: ActorSystem = house.system
        bob.ref.tell(End("tired"))
        await settle()
    assert ann.client.closed == ["shutdown"]
    assert bob.client.closed == ["tired"]
    assert system.counters.crashes == 0
