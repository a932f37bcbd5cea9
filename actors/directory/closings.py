"""Which rooms are closed, and who was put out: neither may come about again. Pure.

Times are Unix seconds. The table outlives the directory's incarnations (`tree.py` makes it).
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from actors.words.closings import (
    ClosedByOperator,
    Closing,
    Expulsion,
    MemberExpelled,
    TooManyClosings,
)
from actors.words.keys import MemberKey, RoomKey


class _Lasting(Protocol):
    @property
    def until(self) -> float: ...


K = TypeVar("K", RoomKey, MemberKey)
L = TypeVar("L", bound=_Lasting)


class Closings:
    """Both tables are bounded: of rooms another one is refused, of people the oldest goes."""

    __slots__ = ("_people", "_rooms")

    def __init__(self) -> None:
        self._rooms: dict[RoomKey, Closing] = {}
        self._people: dict[MemberKey, Expulsion] = {}

    @property
    def people(self) -> int:
        """How many are kept who were put out."""
        return len(self._people)

    def close(self, closing: Closing, now: float, most: int) -> None:
        """Close a room, or change for how long and why. Raises TooManyClosings."""
        _forget_past(self._rooms, now)
        if closing.key not in self._rooms and len(self._rooms) >= most:
            raise TooManyClosings
        self._rooms[closing.key] = closing

    def open_again(self, key: RoomKey, now: float) -> bool:
        """Open a room; return whether it was closed."""
        closing = self._rooms.pop(key, None)
        return closing is not None and closing.until > now

    def closed(self, now: float) -> tuple[Closing, ...]:
        """Return the rooms that are closed, the first closed first."""
        _forget_past(self._rooms, now)
        return tuple(self._rooms.values())

    def check_room(self, key: RoomKey, now: float) -> None:
        """Raise ClosedByOperator where the room is closed."""
        closing = self._rooms.get(key)
        if closing is not None and closing.until > now:
            raise ClosedByOperator(closing.until, closing.text)

    def expel(self, expulsion: Expulsion, now: float, most: int) -> None:
        """Put somebody out; where there are too many, the one who was put out first may come."""
        self._people.pop(expulsion.key, None)
        if len(self._people) >= most:
            _forget_past(self._people, now)
        while self._people and len(self._people) >= most:
            del self._people[next(iter(self._people))]
        if most > 0:
            self._people[expulsion.key] = expulsion

    def let_back(self, key: MemberKey, now: float) -> bool:
        """Let somebody come again; return whether he was put out."""
        expulsion = self._people.pop(key, None)
        return expulsion is not None and expulsion.until > now

    def check_member(self, key: MemberKey, now: float) -> None:
        """Raise MemberExpelled where this one was put out."""
        expulsion = self._people.get(key)
        if expulsion is not None and expulsion.until > now:
            raise MemberExpelled(expulsion.text)


def _forget_past(table: dict[K, L], now: float) -> None:
    for key in [key for key, it in table.items() if it.until <= now]:
        del table[key]
