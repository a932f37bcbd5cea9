"""Who is in a room: the one thing that outlives the incarnations of its actor."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core import Message, Ref
from actors.words.facts import Card


@dataclass(slots=True)
class Roll:
    """The members of one room by id, as each of them believes them to be.

    It is kept because nobody could tell it to a room that comes back: of two members, one may have
    ended after the other was told of it, and neither would ever say so. `used` turns true with the
    first member.
    """

    cards: dict[str, Card] = field(default_factory=dict)
    refs: dict[str, Ref[Message]] = field(default_factory=dict)
    used: bool = False

    def left_by_all_but(self, peer: str) -> bool:
        """Tell whether everybody has left, or will have when this peer does."""
        return self.used and len(self.cards) == (peer in self.cards)
