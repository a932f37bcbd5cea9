"""A room with streams: what any room is, with a conference in it.

It stands apart from `room.py` so that a server without media, whose rooms have no streams, loads
nothing of what conferences are made of.
"""

from __future__ import annotations

from typing import ClassVar

from actors.core import Message
from actors.room.conference import RoomConference
from actors.room.room import Room
from actors.room.roster import Roster
from actors.streams.services import MediaServices
from actors.words.limits import ActorLimits
from actors.words.rooms import ConferenceRules, RoomSpec


class ConferenceRoom(Room):
    """`rules` are those of its spec."""

    kind = Room.kind
    accepts: ClassVar[tuple[type[Message], ...]] = (*Room.accepts, *RoomConference.takes)

    def __init__(
        self,
        spec: RoomSpec,
        rules: ConferenceRules,
        limits: ActorLimits,
        media: MediaServices,
        roster: Roster,
    ) -> None:
        super().__init__(spec, limits, roster)
        tell = self._audience.tell
        self._conference = RoomConference(
            self, rules, media, tell, self._log, roster, spec.key.name, spec.dialect, self
        )
