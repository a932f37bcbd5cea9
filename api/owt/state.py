"""What the dialect keeps for the life of the process, shared by its listeners."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.core import Ref
from actors.words.keys import MemberKey, RoomKey
from api.owt.management.replays import Replays
from api.owt.portal.notifications import PortalRenderer
from api.owt.rooms import REALM
from api.owt.settings import OwtSettings
from api.owt.stored import OwtStore

if TYPE_CHECKING:
    from api.http.mounts import Services

DELETED_KEPT = 20_000
"""Ids of deleted rooms that are remembered: those of far more than the seconds of one login."""


@dataclass(slots=True)
class OwtState:
    """The keys sign tokens and reconnection tickets; `clock` tells unix seconds."""

    services: Services
    token_key: str
    ticket_key: str
    replays: Replays
    store: OwtStore
    clock: Callable[[], float] = time.time
    renderer: PortalRenderer = field(default_factory=PortalRenderer)
    _deleted: dict[str, None] = field(default_factory=dict)

    @classmethod
    def open(cls, services: Services) -> OwtState:
        secrets, settings = services.secrets, services.settings().section(OwtSettings)
        return cls(
            services,
            secrets.text("owt.token_key"),
            secrets.text("owt.ticket_key"),
            Replays(settings.replay_nonces),
            OwtStore(services.store, services.settings),
        )

    @property
    def settings(self) -> OwtSettings:
        return self.services.settings().section(OwtSettings)

    @property
    def ask_seconds(self) -> float:
        """The budget of one order of a client."""
        return self.services.settings().limits.ask_seconds

    async def room(self, room_id: str) -> Ref[Any] | None:
        """Find a live room by its id; one that nobody is in may not live."""
        return await self.services.directory.room(RoomKey(REALM, room_id))

    def note_deleted(self, room_ids: Iterable[str]) -> None:
        """Remember that these rooms are in the store no more, before those that live are ended."""
        self._deleted |= dict.fromkeys(room_ids)
        for room_id in list(self._deleted)[:-DELETED_KEPT]:
            del self._deleted[room_id]

    def was_deleted(self, room_id: str) -> bool:
        """Tell whether a room was deleted just now, for whoever has begun to enter it before."""
        return room_id in self._deleted

    async def participant(self, participant_id: str) -> Ref[Any] | None:
        """Find a participant by its id, connected or away."""
        return await self.services.directory.member(MemberKey(REALM, participant_id))
