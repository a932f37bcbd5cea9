"""Who is in a room, and its lock: what outlives the incarnations of its actor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.core import Message, Ref
from actors.room.echo import Echo, EchoRoom
from actors.words.facts import Presence
from actors.words.rooms import ConferenceRules, PinLock

if TYPE_CHECKING:
    from actors.site.site import Site


@dataclass(slots=True)
class Roster:
    """The members of one room by id, as each of them believes them to be, and its lock.

    They are kept because nobody could tell them to a room that comes back: of two members, one may
    have ended after the other was told of it, and neither would ever say so. `lock` is changed
    before anyone hears of it; `used` is true once somebody was let in. `echo` is made by the first
    incarnation, in `echo_room`, that of all rooms, and `site` where it is one. The roster is
    forgotten with the room, whose name is free then. `rules` are those of its streams once they
    have changed.
    """

    presences: dict[str, Presence] = field(default_factory=dict)
    refs: dict[str, Ref[Message]] = field(default_factory=dict)
    lock: PinLock | None = None
    used: bool = False
    echo: Echo | None = None
    echo_room: EchoRoom = field(default_factory=EchoRoom)
    site: Site | None = None
    rules: ConferenceRules | None = None

    def left_by_all_but(self, peer: str) -> bool:
        """Tell whether everybody has left, or will have when this peer does."""
        return self.used and len(self.presences) == (peer in self.presences)
