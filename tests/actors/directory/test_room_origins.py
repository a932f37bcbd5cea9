"""How many empty rooms one address may leave behind: when a room counts, and when no longer."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.member.messages import Enter, Exit
from actors.words.limits import ActorLimits
from actors.words.refusals import RoomLocked, TooManyEmptyRooms
from tests.support.actors import Person, key, open_house, settle, spec

TWO = ActorLimits(empty_rooms_per_address=2)


async def enter(person: Person, room: str, address: str = "home", pin: str = "") -> None:
    await person.ref.ask(Enter(spec(room), "", pin=pin, address=address), within=5)


async def leave(person: Person) -> None:
    person.ref.tell(Exit())
    await settle()


async def test_there_is_place_again_once_a_room_has_expired(autojump_clock: MockClock) -> None:
    async with open_house(TWO) as house:
        ann = await house.open("ann")
        for room in ("one", "two"):
            await enter(ann, room)
            await leave(ann)
            await trio.sleep(20)
        with pytest.raises(TooManyEmptyRooms):
            await enter(ann, "three")
        assert not house.has_room("three")
        await trio.sleep(21)
        assert not house.has_room("one")
        await enter(ann, "three")
        assert house.members("three") == {"ann"}


async def test_rooms_with_somebody_in_them_do_not_count() -> None:
    async with open_house(TWO) as house:
        for number in range(5):
            await enter(await house.open(f"guest {number}"), f"room {number}")
        ann, bob = await house.open("ann"), await house.open("bob")
        await enter(ann, "one")
        await leave(ann)
        await enter(ann, "two")
        await leave(ann)
        await enter(bob, "one", address="elsewhere")  # made from home, and not empty now
        await enter(ann, "three")


async def test_rooms_without_an_address_do_not_count() -> None:
    async with open_house(TWO) as house:
        ann = await house.open("ann")
        for number in range(5):
            await enter(ann, f"room {number}", address="")
        await enter(ann, "one")


async def test_a_room_that_crashed_still_counts() -> None:
    async with open_house(ActorLimits(empty_rooms_per_address=1)) as house:
        ann = await house.open("ann")
        await enter(ann, "one")
        await leave(ann)
        await house.crash_room("one")
        with pytest.raises(TooManyEmptyRooms):
            await enter(ann, "two")


async def test_a_room_is_not_empty_before_anybody_was_in() -> None:
    """Many who come at once from one address are not in each other's way."""
    async with open_house(TWO) as house:
        people = [await house.open(f"guest {number}") for number in range(30)]
        async with trio.open_nursery() as nursery:
            for number, person in enumerate(people):
                nursery.start_soon(enter, person, f"room {number}")
        assert all(house.members(f"room {number}") for number in range(30))


async def test_a_refused_joiner_of_a_locked_room_changes_nothing() -> None:
    async with open_house(ActorLimits(empty_rooms_per_address=1)) as house:
        ann, bob = await house.open("ann"), await house.open("bob")
        await enter(ann, "one", pin="1234")
        await leave(ann)
        with pytest.raises(RoomLocked):
            await enter(bob, "one")
        with pytest.raises(TooManyEmptyRooms):
            await enter(bob, "two")
        assert house.system.registry.find(key("two").path) is None
