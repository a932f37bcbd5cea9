"""The one timer of a member: for a client to come back, or to say in which room it is."""

from __future__ import annotations

from dataclasses import dataclass

from actors.core import Actor, Message, Timer


@dataclass(frozen=True, slots=True)
class Overdue(Message):
    """The timer is up; void unless this is the latest one."""

    number: int


class ClientTimer:
    """Belongs to one member, which takes Overdue."""

    __slots__ = ("_member", "_number", "_timer")

    def __init__(self, member: Actor[Message]) -> None:
        self._member = member
        self._timer: Timer | None = None
        self._number = 0

    @property
    def runs(self) -> bool:
        """Whether anything is expected."""
        return self._timer is not None

    def start(self, seconds: float) -> None:
        """Expect something within so many seconds, and nothing else any more."""
        self.cancel()
        self._timer = self._member.ctx.tell_self_after(seconds, Overdue(self._number))

    def cancel(self) -> None:
        """Call the timer off; one that is on its way already is void."""
        self._number += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def is_latest(self, told: Overdue) -> bool:
        """Tell whether this is not void."""
        return told.number == self._number
