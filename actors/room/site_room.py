"""A room that is a chat site: what any room is, with people who have names in it.

It stands apart from `room.py` so that only a server with chat sites loads what they are made of.
"""

from __future__ import annotations

from typing import ClassVar

from actors.core import Message
from actors.room.room import Room
from actors.room.roster import Roster
from actors.room.site import RoomSite
from actors.room.site_services import SiteServices
from actors.words.limits import ActorLimits
from actors.words.rooms import RoomSpec
from actors.words.site import SiteRules


class SiteRoom(Room):
    """`rules` are those of its spec."""

    kind = Room.kind
    accepts: ClassVar[tuple[type[Message], ...]] = (*Room.accepts, *RoomSite.takes)

    def __init__(
        self,
        spec: RoomSpec,
        rules: SiteRules,
        limits: ActorLimits,
        roster: Roster,
        services: SiteServices,
    ) -> None:
        super().__init__(spec, limits, roster)
        self._site = RoomSite(self, rules, services, roster, self._audience, self._put_out)
