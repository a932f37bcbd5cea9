"""Who is in a room, and its lock: what outlives the incarnations of its actor."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core import Message, Ref
from actors.room.rules import PinLock
from actors.words.facts import Card


@dataclass(slots=True)
class Roll:
    """The members of one room by id, as each of them believes them to be, and its lock.

    They are kept because nobody could tell them to a room that comes back: of two members, one may
    have ended after the other was told of it, and neither would ever say so. `lock` is changed
    before anyone hears of it; `used` is true once somebody was let in. The roll is forgotten with
    the room, whose name is free then.
    """

    cards: dict[str, Card] = field(default_factory=dict)
    refs: dict[str, Ref[Message]] = field(default_factory=dict)
    lock: PinLock | None = None
    used: bool = False
