"""What happens in a room between its restart and the return of its members.

Members find back one by one, unannounced, since for everybody else they never left. Those who
return late must hear what they missed, and newcomers must hear of those who were not back yet when
they came: else their views of the room would differ for good.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.domain.events import Card, PeerJoined
from actors.domain.room import Notice


@dataclass(slots=True)
class Recovery:
    """A room's memory of its restart, at most `limit` notices long."""

    limit: int
    missed: list[Notice] = field(default_factory=list)
    newcomers: dict[str, None] = field(default_factory=dict)

    def note(self, notice: Notice) -> None:
        """Keep what everybody was told, for those who are not back yet."""
        if notice.to is not None or len(self.missed) >= self.limit:
            return
        self.missed.append(notice)
        if isinstance(notice.fact, PeerJoined):
            self.newcomers[notice.fact.card.peer] = None

    def welcome_back(self, card: Card) -> list[Notice]:
        """Return what a returning member has missed, and what newcomers must know of it."""
        missed = [Notice(it.fact, to=card.peer) for it in self.missed if it.but != card.peer]
        return missed + [Notice(PeerJoined(card), to=peer) for peer in self.newcomers]
