"""What the documents of rooms say of SIP: which room has which username, and which account."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import msgspec

from api.sip.rooms import RoomAccount

MOST_CHARACTERS = 256  # of a username by which a room is found, and of each part of an account


@dataclass(frozen=True, slots=True)
class RoomSip:
    """The `sip` of a room; what is not set is ""."""

    username: str
    server: str = ""
    password: str = field(default="", repr=False)

    @property
    def account(self) -> RoomAccount | None:
        """The account that the room has at a server; None where it has none."""
        if not self.username or not self.server:
            return None
        return RoomAccount(self.username, self.password, self.server)


class _Sip(msgspec.Struct, rename="camel"):
    sip_server: str | None = None
    username: str | None = None
    password: str | None = None


class _WithSip(msgspec.Struct):
    sip: _Sip | None = None


def sip_of(document: bytes) -> RoomSip | None:
    """Return what a room's document says, without reading the rest of it; None for nothing.

    What is too long to be an account of anybody is nothing, too.
    """
    try:
        sip = msgspec.json.decode(document, type=_WithSip).sip
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if sip is None:
        return None
    texts = sip.username or "", sip.sip_server or "", sip.password or ""
    if not any(texts) or max(map(len, texts)) > MOST_CHARACTERS:
        return None
    return RoomSip(*texts)


class SipUsernames:
    """Finds rooms by their usernames. Of rooms with one username, the oldest has it.

    Ids of rooms sort in the order of their making.
    """

    def __init__(self) -> None:
        self._of_room: dict[str, str] = {}
        self._rooms: dict[str, set[str]] = {}

    def put(self, room: str, username: str) -> bool:
        """Note the username of a room, "" for none; return whether it is another than before."""
        before = self._of_room.pop(room, "")
        if username:
            self._of_room[room] = username
        if before == username:
            return False
        if before:
            self._rooms[before].discard(room)
            if not self._rooms[before]:
                del self._rooms[before]
        if username:
            self._rooms.setdefault(username, set()).add(room)
        return True

    def room(self, username: str) -> str | None:
        """Return the room that has a username."""
        return min(self._rooms.get(username, ()), default=None)

    @property
    def rooms(self) -> AbstractSet[str]:
        """All rooms that have one."""
        return self._of_room.keys()
