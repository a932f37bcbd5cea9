"""Who waits for one of a few places, each owner in a line of its own. Pure.

An owner is whoever may not stand in the way of others: an address, a tenant, a user. Free places go
to the owners in turn, so that a newcomer waits for at most one of each other owner, however many
each of them sent. Where no more can wait, the newest of whom most wait gives way.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LineLimits:
    """How many have a place at a time, in all and of one owner; how many wait, and their bytes."""

    places: int
    places_of_one: int
    waiting: int
    waiting_of_one: int
    waiting_bytes: int
    waiting_bytes_of_one: int


class LineFull(Exception):
    """No more can wait: in all, or of this owner."""


class _WorkOf(Generic[T]):
    """The line of one owner."""

    __slots__ = ("bytes", "tickets")

    def __init__(self) -> None:
        self.tickets: deque[tuple[T, int]] = deque()
        self.bytes = 0


class FairLine(Generic[T]):
    """Tickets by owner, of any kind; `limits` may be replaced at any time."""

    def __init__(self, limits: LineLimits) -> None:
        self.limits = limits
        self._lines: OrderedDict[str, _WorkOf[T]] = OrderedDict()  # whose turn it is comes first
        self._placed: Counter[str] = Counter()
        self._places = 0
        self._waiting = 0
        self._bytes = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._waiting

    @property
    def placed(self) -> int:
        """How many have a place."""
        return self._places

    def join(self, owner: str, ticket: T, size: int = 0) -> list[T]:
        """Have a ticket wait, with so many bytes; return those that have given way to it.

        One that need not wait counts as waiting until `call` returns it. Raises LineFull.
        """
        limits, line = self.limits, self._lines.get(owner)
        gone: list[tuple[str, T, int]] = []
        if line is not None and (
            len(line.tickets) >= limits.waiting_of_one
            or line.bytes + size > limits.waiting_bytes_of_one
        ):
            raise LineFull
        if size > limits.waiting_bytes:
            raise LineFull
        try:
            while self._waiting >= limits.waiting or self._bytes + size > limits.waiting_bytes:
                gone.append(self._give_way(owner, size))
        except LineFull:
            for each in reversed(gone):  # for nothing
                self._wait(*each)
            raise
        self._wait(owner, ticket, size)
        return [other for _, other, _ in gone]

    def call(self) -> T | None:
        """Give a place to the next one and return it, None where there is no place or nobody."""
        if self._places >= self.limits.places:
            return None
        most = self.limits.places_of_one
        # At most as many are passed over as there are places.
        owner = next((each for each in self._lines if self._placed[each] < most), None)
        if owner is None:
            return None
        line = self._lines[owner]
        ticket, size = line.tickets.popleft()
        self._count(line, -1, -size)
        self._lines.move_to_end(owner)
        self._forget_empty(owner, line)
        self._placed[owner] += 1
        self._places += 1
        return ticket

    def leave(self, owner: str, ticket: T) -> None:
        """Wait no longer; does nothing for one that does not wait."""
        line = self._lines.get(owner)
        for entry in line.tickets if line is not None else ():
            if entry[0] is ticket and line is not None:
                line.tickets.remove(entry)
                self._count(line, -1, -entry[1])
                self._forget_empty(owner, line)
                return

    def done(self, owner: str) -> None:
        """Give a place back."""
        self._places -= 1
        self._placed[owner] -= 1
        if not self._placed[owner]:
            del self._placed[owner]

    def _wait(self, owner: str, ticket: T, size: int) -> None:
        line = self._lines.setdefault(owner, _WorkOf())
        line.tickets.append((ticket, size))
        self._count(line, 1, size)

    def _give_way(self, newcomer: str, size: int) -> tuple[str, T, int]:
        """Take out the newest of whom most wait. Raises LineFull if that is the newcomer."""
        crowded = self._waiting >= self.limits.waiting

        def weight(owner: str) -> int:
            line = self._lines.get(owner)
            if line is None:
                return 0
            return len(line.tickets) if crowded else line.bytes

        largest = max(self._lines, key=weight)
        if weight(largest) <= weight(newcomer) + (1 if crowded else size):
            raise LineFull
        line = self._lines[largest]
        ticket, its_size = line.tickets.pop()
        self._count(line, -1, -its_size)
        self._forget_empty(largest, line)
        return largest, ticket, its_size

    def _count(self, line: _WorkOf[T], number: int, size: int) -> None:
        line.bytes += size
        self._waiting += number
        self._bytes += size

    def _forget_empty(self, owner: str, line: _WorkOf[T]) -> None:
        if not line.tickets:
            del self._lines[owner]
