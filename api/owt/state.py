"""What the dialect keeps for the life of the process, shared by its listeners."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from actors.core import Ref
from actors.words.keys import MemberKey, RoomKey
from actors.words.refusals import Busy
from actors.words.rooms import RoomSpec
from api.http.fair_line import LineLimits
from api.http.fair_work import FairWork, line_limits
from api.owt.management.replays import Replays
from api.owt.portal.notifications import PortalRenderer
from api.owt.rooms import REALM, room_spec
from api.owt.settings import OwtSettings
from api.owt.stored import OwtStore

if TYPE_CHECKING:
    from api.http.mounts import Services
    from api.owt.room_document import RoomDocument
    from api.settings import Settings

R = TypeVar("R")

RoomFollower = Callable[[str, bytes | None], None]
"""Takes a room's id and its document, whenever this process has stored one; None for a room that
it has deleted. It must neither wait nor raise."""

FEW_BYTES = 16_384
LISTS_AT_A_TIME = 16  # for all services together
DELETED_KEPT = 20_000
"""Ids of deleted and of changed rooms that are remembered: of far more than change in the seconds
of one login."""


@dataclass(slots=True)
class OwtState:
    """The keys sign tokens and reconnection tickets; `clock` tells unix seconds."""

    services: Services
    token_key: str
    ticket_key: str
    replays: Replays
    store: OwtStore
    heavy: FairWork  # documents of rooms, by service
    lists: FairWork  # of all rooms of a service, being sent
    clock: Callable[[], float] = time.time
    renderer: PortalRenderer = field(default_factory=PortalRenderer)
    changes: int = 0  # of rooms, so far
    followers: list[RoomFollower] = field(default_factory=list)
    _deleted: dict[str, None] = field(default_factory=dict)
    _changed: dict[str, int] = field(default_factory=dict)  # the latest change of each

    @classmethod
    def open(cls, services: Services) -> OwtState:
        secrets, settings = services.secrets, services.settings().section(OwtSettings)
        return cls(
            services,
            secrets.text("owt.token_key"),
            secrets.text("owt.ticket_key"),
            Replays(settings.replay_nonces),
            OwtStore(services.store, services.settings),
            FairWork(lambda: line_limits(services.settings().limits)),
            FairWork(lambda: _lists_at_a_time(services.settings())),
        )

    @property
    def settings(self) -> OwtSettings:
        return self.services.settings().section(OwtSettings)

    @property
    def ask_seconds(self) -> float:
        """The budget of one order of a client."""
        return self.services.settings().limits.ask_seconds

    def spec(self, room_id: str, room: RoomDocument) -> RoomSpec:
        """Return how the live room of a document is opened."""
        settings = self.services.settings()
        return room_spec(
            room_id,
            room,
            settings.limits.peers_per_room,
            auto_mix=self.settings.auto_mix,
            jobs=settings.jobs.processes > 0,
        )

    async def compute(self, service: str, work: Callable[[], R], size: int, within: float) -> R:
        """Do what takes the longer the more bytes it is about: in a thread, unless they are few.

        Work for one service waits for its other work, not for that of others. Raises Busy after
        `within` seconds and where too much waits, and what the work raises.
        """
        if size <= FEW_BYTES:
            return work()
        with trio.move_on_after(within):
            return await self.heavy.run(service, work, size)
        raise Busy

    async def room(self, room_id: str) -> Ref[Any] | None:
        """Find a live room by its id; one that nobody is in may not live."""
        return await self.services.directory.room(RoomKey(REALM, room_id))

    def note_deleted(self, room_ids: Sequence[str]) -> None:
        """Remember that these rooms are in the store no more, before those that live are ended."""
        self._deleted |= dict.fromkeys(room_ids)
        for room_id in list(self._deleted)[:-DELETED_KEPT]:
            del self._deleted[room_id]
        for room_id in room_ids:
            self.tell_followers(room_id, None)

    def tell_followers(self, room_id: str, document: bytes | None) -> None:
        """Tell whoever follows rooms what the store has of one now."""
        for follower in self.followers:
            follower(room_id, document)

    def was_deleted(self, room_id: str) -> bool:
        """Tell whether a room was deleted just now, for whoever has begun to enter it before."""
        return room_id in self._deleted

    def note_changed(self, room_id: str) -> None:
        """Remember that the document of a room is another one now."""
        self.changes += 1
        self._changed.pop(room_id, None)
        self._changed[room_id] = self.changes
        for each in list(self._changed)[:-DELETED_KEPT]:
            del self._changed[each]

    def was_changed(self, room_id: str, since: int) -> bool:
        """Tell whether a room has changed after so many changes, for whoever has read it before."""
        return self._changed.get(room_id, 0) > since

    async def participant(self, participant_id: str) -> Ref[Any] | None:
        """Find a participant by its id, connected or away."""
        return await self.services.directory.member(MemberKey(REALM, participant_id))


def _lists_at_a_time(settings: Settings) -> LineLimits:
    usual = line_limits(settings.limits)
    of_one = settings.section(OwtSettings).room_lists_per_service
    return replace(usual, places=LISTS_AT_A_TIME, places_of_one=of_one)
