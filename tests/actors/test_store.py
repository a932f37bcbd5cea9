"""The store in memory: what it keeps for rooms, and what it forgets."""

from __future__ import annotations

from actors.core import ChildSpec, Restart, open_system
from actors.domain.room import PinLock
from actors.store import (
    STORE,
    DropAllRooms,
    DropRoom,
    GetRoom,
    MemoryStore,
    PutRoom,
    RoomRecord,
)
from tests.support.actors import House, key, spec

NOTHING_ELSE = {"services": 0, "conferences": 0, "tokens": 0}


async def test_a_record_is_kept_until_it_is_replaced_or_dropped() -> None:
    async with open_system([ChildSpec("store", MemoryStore, Restart.PERMANENT)]) as system:
        house = House(system)
        store = house.find(STORE)
        locked = RoomRecord(spec(), PinLock.of("1234", b"salt"))
        assert await store.ask(GetRoom(key()), within=1) is None
        await store.ask(PutRoom(locked), within=1)
        assert await store.ask(GetRoom(key()), within=1) == locked
        await store.ask(PutRoom(RoomRecord(spec(), None)), within=1)
        assert await store.ask(GetRoom(key()), within=1) == RoomRecord(spec(), None)
        assert house.facts(STORE) == {"rooms": 1} | NOTHING_ELSE
        store.tell(DropRoom(key()))
        store.tell(DropRoom(key("never there")))
        assert await store.ask(GetRoom(key()), within=1) is None


async def test_all_records_are_dropped_at_once() -> None:
    async with open_system([ChildSpec("store", MemoryStore, Restart.PERMANENT)]) as system:
        house = House(system)
        store = house.find(STORE)
        for name in ("blue", "red"):
            await store.ask(PutRoom(RoomRecord(spec(name), None)), within=1)
        store.tell(DropAllRooms())
        assert await store.ask(GetRoom(key("red")), within=1) is None
        assert house.facts(STORE) == {"rooms": 0} | NOTHING_ELSE


def test_a_record_shows_no_pin() -> None:
    assert "1234" not in repr(RoomRecord(spec(), PinLock.of("1234", b"salt")))
