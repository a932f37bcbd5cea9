"""What the dialect keeps for the life of the process, shared by its listeners."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.core import ActorStopped, Message, Ref
from actors.directory.rooms import HUB
from actors.store.messages import STORE
from actors.words.keys import PeerKey, RoomKey
from api.owt.management.replays import Replays
from api.owt.portal.notifications import Renderer

if TYPE_CHECKING:
    from api.http.mounts import Services
    from api.settings import OwtSettings

REALM = "owt"

DELETED_KEPT = 20_000
"""Ids of deleted rooms that are remembered: those of far more than the seconds of one login."""


@dataclass(slots=True)
class House:
    """The keys sign tokens and reconnection tickets; `clock` tells unix seconds."""

    services: Services
    token_key: str
    ticket_key: str
    replays: Replays
    clock: Callable[[], float] = time.time
    renderer: Renderer = field(default_factory=Renderer)
    _deleted: dict[str, None] = field(default_factory=dict)

    @classmethod
    def open(cls, services: Services) -> House:
        secrets, replays = services.secrets, Replays(services.settings().owt.replay_nonces)
        return cls(services, secrets.text("owt.token_key"), secrets.text("owt.ticket_key"), replays)

    @property
    def settings(self) -> OwtSettings:
        return self.services.settings().owt

    @property
    def ask_seconds(self) -> float:
        """The budget of one order of a client."""
        return self.services.settings().limits.ask_seconds

    @property
    def hub(self) -> Ref[Message]:
        """Raises ActorStopped while the house is going down."""
        return self._always(HUB)

    @property
    def store(self) -> Ref[Message]:
        """Raises ActorStopped while the house is going down."""
        return self._always(STORE)

    def room(self, room_id: str) -> Ref[Any] | None:
        """Find a live room by its id; one that nobody is in may not live."""
        return self.services.system.registry.find(RoomKey(REALM, room_id).path)

    def note_deleted(self, room_ids: Iterable[str]) -> None:
        """Remember that these rooms are in the store no more, before those that live are ended."""
        self._deleted |= dict.fromkeys(room_ids)
        for room_id in list(self._deleted)[:-DELETED_KEPT]:
            del self._deleted[room_id]

    def was_deleted(self, room_id: str) -> bool:
        """Tell whether a room was deleted just now, for whoever has begun to enter it before."""
        return room_id in self._deleted

    def participant(self, participant_id: str) -> Ref[Any] | None:
        """Find a participant by its id, connected or away."""
        return self.services.system.registry.find(PeerKey(REALM, participant_id).path)

    def _always(self, path: str) -> Ref[Message]:
        found = self.services.system.registry.find(path)
        if found is None:
            raise ActorStopped(path)
        return found
