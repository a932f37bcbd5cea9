"""What must outlive a crash of the actor it belongs to. Serialises all writes.

In memory for now: a record outlives the room actor, not the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from actors.core import Actor, Message, Request
from actors.domain.ids import RoomKey
from actors.domain.room import PinLock, RoomSpec

STORE = "/store"


@dataclass(frozen=True, slots=True)
class RoomRecord(Message):
    """What a room needs to come back as it was: its type and its lock, never its PIN."""

    spec: RoomSpec
    lock: PinLock | None


@dataclass(frozen=True, slots=True)
class PutRoom(Request[None]):
    record: RoomRecord


@dataclass(frozen=True, slots=True)
class GetRoom(Request["RoomRecord | None"]):
    key: RoomKey


@dataclass(frozen=True, slots=True)
class DropRoom(Message):
    key: RoomKey


@dataclass(frozen=True, slots=True)
class DropAllRooms(Message):
    """Told by a hub that begins: no room lives."""


class MemoryStore(Actor[Message]):
    """Keep room records in a dict; bounded by `limits.rooms`: the hub drops those that ended."""

    kind = "store"
    accepts = (PutRoom, GetRoom, DropRoom, DropAllRooms)

    def __init__(self) -> None:
        self._rooms: dict[RoomKey, RoomRecord] = {}

    async def handle(self, message: Message) -> object:
        match message:
            case PutRoom(record):
                self._rooms[record.spec.key] = record
            case GetRoom(key):
                return self._rooms.get(key)
            case DropRoom(key):
                self._rooms.pop(key, None)
            case DropAllRooms():
                self._rooms.clear()
        return None

    def snapshot(self) -> Mapping[str, object]:
        return {"rooms": len(self._rooms)}
