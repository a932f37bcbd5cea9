"""Which address each room was made from: nobody fills the server with rooms that are empty."""

from __future__ import annotations

from itertools import islice

from actors.core import Message, Ref
from actors.room.roster import Roster
from actors.words.refusals import TooManyEmptyRooms


class Origins:
    """Belongs to the directory. Rooms without an address, as configured ones, do not count."""

    __slots__ = ("_address_of", "_rosters")

    def __init__(self) -> None:
        self._address_of: dict[Ref[Message], str] = {}
        self._rosters: dict[str, dict[Ref[Message], Roster]] = {}

    def check(self, address: str, peer: str, most: int) -> None:
        """Raise TooManyEmptyRooms where another room is one too many; 0 is no limit.

        The room that only this peer is still in counts, for it is about to leave that.
        """
        rosters = self._rosters.get(address)
        if not most or rosters is None:
            return
        left = (
            1 for room, roster in rosters.items() if room.alive and roster.left_by_all_but(peer)
        )
        if next(islice(left, most - 1, None), None) is not None:
            raise TooManyEmptyRooms

    def note(self, room: Ref[Message], address: str, roster: Roster) -> None:
        """Remember where a new room comes from."""
        if address:
            self._address_of[room] = address
            self._rosters.setdefault(address, {})[room] = roster

    def forget(self, room: Ref[Message]) -> None:
        """Forget a room that has ended; an unknown one changes nothing."""
        address = self._address_of.pop(room, "")
        rosters = self._rosters.get(address, {})
        rosters.pop(room, None)
        if not rosters:
            self._rosters.pop(address, None)
