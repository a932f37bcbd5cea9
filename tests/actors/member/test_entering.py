"""On the way into a room and out of it: changed minds, refusals, takeovers."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.directory.actor import DirectoryActor
from actors.directory.messages import Identified
from actors.member.messages import DescribeMember, Enter, Lost, PlaceOrder
from actors.room.room import Room
from actors.words.facts import (
    Introduced,
    Joined,
    PeerJoined,
    PeerLeft,
    RoomClosed,
    Said,
    Signalled,
)
from actors.words.keys import DIRECTORY
from actors.words.orders import ListMembers, Placed
from actors.words.refusals import (
    Busy,
    NotInRoom,
    WrongPin,
)
from tests.support.actors import REALM, House, Person, key, open_house, settle, spec
from tests.support.saboteur import Saboteur


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    """Return the way to make the directory slow."""
    return Saboteur(monkeypatch, DirectoryActor, DIRECTORY)


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
            await bob.ref.ask(PlaceOrder(ListMembers("list")), within=5)


async def test_a_member_refused_by_its_own_room_is_out_of_it() -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob", pin="1234")
        with pytest.raises(WrongPin):
            await bob.enter(pin="1")
        assert await present(house, bob, "blue") == set()
        assert ann.client.facts == [PeerLeft("bob", gone=False)]


async def test_a_member_that_the_directory_refuses_is_out_of_its_room(directory: Saboteur) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        with directory.holding():
            await house.fill(DIRECTORY, Identified(house.find(DIRECTORY), REALM, ""))
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
            await house.fill(key().path, Placed("nobody", "", ListMembers("")))
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
        assert (await ann.ref.ask(DescribeMember(), within=5)).room == (
            key().name if inside else ""
        )
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
                await house.fill(key().path, Placed("nobody", "", ListMembers("")))
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


# --- takeover


async def test_a_takeover_closes_the_former_client_and_hears_all_once_it_enters() -> None:
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
            await again.ref.ask(PlaceOrder(ListMembers("")), within=5)
        again.ref.tell(Signalled("ann", b"{}"))
        await again.enter()
        ann.say(b'"welcome back"')
        await settle()
        assert again.client.shown(Signalled) == [Signalled("ann", b"{}")]
        joined = next(fact for fact in again.client.facts if isinstance(fact, Joined))
        chat = again.client.shown(Joined, Said)
        assert chat[0] is joined
        assert again.client.chats == [b'"hello"', b'"welcome back"']
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
