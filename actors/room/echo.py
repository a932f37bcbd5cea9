"""What was said in a room while somebody's connection was away, for him to hear when he is back."""

from __future__ import annotations

from actors.words.facts import Said
from actors.words.weights import weight_of


class Echo:
    """Numbers what is said, and keeps it for as long as it may still be missed.

    Kept are so many messages and so many bytes of a room's, the latest; and only while somebody is
    away who was in the room, for as long as the room was asked to wait for him.
    """

    __slots__ = ("_bytes", "_heard", "_messages", "_said", "_weight", "absent")

    def __init__(self, messages: int, bytes: int) -> None:
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
        self.absent[member] = self._heard, until

    def is_awaited(self, member: str, now: float) -> bool:
        """Tell whether what is said to this one alone may still reach him."""
        return member in self.absent and now < self.absent[member][1]

    def add(self, said: Said, now: float) -> None:
        """Keep what is said, if there is anybody who misses it."""
        if not self.absent:
            return
        self._forget_overdue(now)
        if self.absent:
            self._said.append(said)
            self._weight += weight_of(said)
            while len(self._said) > self._messages or self._weight > self._bytes:
                self._weight -= weight_of(self._said.pop(0))

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
        self._forget_overdue(now)
        return missed if now < until else []

    def _forget_overdue(self, now: float) -> None:
        if any(until <= now for _, until in self.absent.values()):
            self.absent = {
                member: (heard, until)
                for member, (heard, until) in self.absent.items()
                if now < until
            }
        if not self.absent:
            self._said.clear()
            self._weight = 0
