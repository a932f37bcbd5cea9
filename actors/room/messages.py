"""What a room is told by those who come, are in it and leave, and by its own timers."""

from __future__ import annotations

from dataclasses import dataclass

from actors.core import Message, Ref
from actors.words.facts import Presence
from actors.words.rooms import Admission


@dataclass(frozen=True, slots=True)
class Join(Message):
    """Let this peer in; answered by the fact Joined or JoinRefused."""

    peer: Ref[Message]
    admission: Admission
    tag: str


@dataclass(frozen=True, slots=True)
class Rejoin(Message):
    """Confirm that this peer is a member that knows of the restart: its orders count from now on.

    Void when the room has crashed again since it asked, or put the peer out.
    """

    peer: Ref[Message]
    presence: Presence
    incarnation: int


@dataclass(frozen=True, slots=True)
class Leave(Message):
    """Forget this peer; void when another one has come under its id since.

    For `echo_seconds` what is said is kept for it to hear if it comes back. `overdue`: it ends
    because nothing was heard of it.
    """

    peer: Ref[Message]
    id: str
    gone: bool
    echo_seconds: float = 0.0
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Present(Message):
    presence: Presence


@dataclass(frozen=True, slots=True)
class ExpireIfEmpty(Message):
    """The timer of an empty room; void when anyone has joined since it was set."""

    generation: int


@dataclass(frozen=True, slots=True)
class ForgetMissed(Message):
    """The timer of members that are awaited: nobody who had time until then is awaited now."""

    until: float
