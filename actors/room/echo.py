"""What was said in a room while somebody's connection was away, for him to hear when he is back."""

from __future__ import annotations

from actors.words.facts import Said
from actors.words.weights import weight_of

ABSENT = 1000
"""Members of one room that are awaited; beyond it, the one that has gone first is no more."""


class EchoRoom:
    """The bytes that the echoes of all rooms together may keep; what does not fit is not kept."""

    __slots__ = ("used",)

    def __init__(self) -> None:
        self.used = 0

    def take(self, size: int, most: int) -> bool:
        """Count so many bytes more, unless that is beyond `most`."""
        if self.used + size > most:
            return False
        self.used += size
        return True


class Echo:
    """Numbers what is said, and keeps it for as long as it may still be missed.

    Kept are so many messages and so many bytes of a room's, the latest; and only while somebody is
    away who was in the room, for as long as the room was asked to wait for him. The room calls
    `forget_overdue` when that time is over. Of `room`, that of all rooms,
    not more than `bytes_of_all` are used.
    """

    __slots__ = (
        "_bytes", "_bytes_of_all", "_heard", "_messages", "_room", "_said", "_weight", "absent",
    )  # fmt: skip

    def __init__(
        self,
        messages: int,
        bytes: int,
        room: EchoRoom | None = None,
        bytes_of_all: int = 67_108_864,
    ) -> None:
        self._room = room or EchoRoom()
        self._bytes_of_all = bytes_of_all
        self._messages = messages
        self._bytes = bytes
        self._heard = 0  # the number of what was said last
        self.absent: dict[str, tuple[int, float]] = {}  # by member: heard so far, awaited until
        self._said: list[Said] = []
        self._weight = 0

    def number(self) -> int:
        """Return the number for what is about to be said."""
        self._heard += 1
        return self._heard

    def await_back(self, member: str, until: float) -> None:
        """Keep from now on what a member misses that has gone."""
        if not self._messages or not self._bytes:
            return
        self.absent.pop(member, None)
        if len(self.absent) >= ABSENT:
            del self.absent[next(iter(self.absent))]
        self.absent[member] = self._heard, until

    @property
    def until(self) -> float | None:
        """When nobody will be awaited any more; None where nobody is now."""
        return max((until for _, until in self.absent.values()), default=None)

    def is_awaited(self, member: str, now: float) -> bool:
        """Tell whether what is said to this one alone may still reach him."""
        return member in self.absent and now < self.absent[member][1]

    def add(self, said: Said, now: float) -> None:
        """Keep what is said, if there is anybody who misses it."""
        if said.passing or not self.absent:
            return
        self.forget_overdue(now)
        if self.absent:
            weight = weight_of(said)
            while self._said and (
                len(self._said) >= self._messages or self._weight + weight > self._bytes
            ):
                self._give(weight_of(self._said.pop(0)))
            if weight <= self._bytes and self._take(weight):
                self._said.append(said)

    def _take(self, weight: int) -> bool:
        """Count one more; where all rooms have too much, one's own eldest make room."""
        while not self._room.take(weight, self._bytes_of_all):
            if not self._said:
                return False
            self._give(weight_of(self._said.pop(0)))
        self._weight += weight
        return True

    def _give(self, weight: int) -> None:
        self._weight -= weight
        self._room.used -= weight

    def missed(self, member: str, now: float) -> list[Said]:
        """Return what a member has missed that is back, in order; he is awaited no more."""
        if member not in self.absent:
            return []
        heard, until = self.absent.pop(member)
        missed = [
            said
            for said in self._said
            if said.id > heard and said.to in (None, member) and said.sender != member
        ]
        self.forget_overdue(now)
        return missed if now < until else []

    def forget(self, member: str) -> None:
        """Wait no more for this one, who has come and was not let in."""
        if self.absent.pop(member, None) is not None and not self.absent:
            self._drop()

    def forget_overdue(self, now: float) -> None:
        """Wait no more for those who had time until now, and keep nothing for nobody."""
        if any(until <= now for _, until in self.absent.values()):
            self.absent = {
                member: (heard, until)
                for member, (heard, until) in self.absent.items()
                if now < until
            }
        if not self.absent:
            self._drop()

    def __del__(self) -> None:
        """Give back what is kept: the room has ended, whatever ended it, and its roster with it."""
        self._drop()

    def _drop(self) -> None:
        self._said.clear()
        self._give(self._weight)
