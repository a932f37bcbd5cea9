"""Which address each room was made from: nobody fills the server with rooms that are empty."""

from __future__ import annotations

from itertools import islice

from actors.core import Message, Ref
from actors.room.roster import Roster
from actors.words.refusals import TooManyEmptyRooms


class Origins:
    """Belongs to the hub. Rooms without an address, as those that are configured, do not count."""

    __slots__ = ("_address_of", "_rolls")

    def __init__(self) -> None:
        self._address_of: dict[Ref[Message], str] = {}
        self._rolls: dict[str, dict[Ref[Message], Roster]] = {}

    def check(self, address: str, peer: str, most: int) -> None:
        """Raise TooManyEmptyRooms where another room is one too many; 0 is no limit.

        The room that only this peer is still in counts, for it is about to leave that.
        """
        rolls = self._rolls.get(address)
        if not most or rolls is None:
            return
        left = (1 for room, roster in rolls.items() if room.alive and roster.left_by_all_but(peer))
        if next(islice(left, most - 1, None), None) is not None:
            raise TooManyEmptyRooms

    def note(self, room: Ref[Message], address: str, roster: Roster) -> None:
        """Remember where a new room comes from."""
        if address:
            self._address_of[room] = address
            self._rolls.setdefault(address, {})[room] = roster

    def forget(self, room: Ref[Message]) -> None:
        """Forget a room that has ended; an unknown one changes nothing."""
        address = self._address_of.pop(room, "")
        rolls = self._rolls.get(address, {})
        rolls.pop(room, None)
        if not rolls:
            self._rolls.pop(address, None)
