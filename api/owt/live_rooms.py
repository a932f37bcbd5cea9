"""Rooms as they live: asked by their ids, and ended for good."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog
import trio

from actors.core import ActorError, ActorStopped, Request
from actors.words.keys import RoomKey
from actors.words.rooms import RoomSpec
from api.owt.rooms import REALM, InvalidRoom, ViewConflict, read_stored, views_of

if TYPE_CHECKING:
    from api.owt.state import OwtState

R = TypeVar("R")
D = TypeVar("D")

log = structlog.get_logger(__name__)
AT_ONCE = 32
"""Rooms that are being ended side by side."""


class LiveRooms:
    def __init__(self, state: OwtState) -> None:
        self._state = state

    async def ask(
        self, room_id: str, request: Request[R], otherwise: D, within: float | None = None
    ) -> R | D:
        """Ask a live room, within `limits.ask_seconds` unless it is said.

        `otherwise` is the answer of one that does not live.
        """
        room = await self._state.room(room_id)
        if room is None:
            return otherwise
        try:
            seconds = self._state.ask_seconds if within is None else within
            answer: R = await room.ask(request, within=seconds)
        except ActorStopped:
            return otherwise
        return answer

    async def start(self, room_id: str, spec: RoomSpec, changes: int) -> bool:
        """Have a room live, also one that nobody is in; False where it has been deleted meanwhile.

        `spec` is of what the store had after so many changes. Raises TooManyRooms, Busy.
        """
        await self._state.services.directory.open_room(spec)
        if self._state.was_deleted(room_id):  # after it was looked up: nobody else would end it
            await self.close(room_id)
            return False
        if self._state.was_changed(room_id, changes):
            await self.follow(room_id)
        return True

    async def follow(self, room_id: str) -> None:
        """Have a live room show the views that its document in the store has.

        What is stored counts, so nothing is raised: a room that cannot follow shows the old ones.
        """
        state = self._state
        if await state.room(room_id) is None:
            return
        try:
            stored = await state.store.room(room_id)
            if stored is None:
                return
            read, size = partial(read_stored, stored), len(stored.document)
            room = await state.compute(stored.service, read, size, state.ask_seconds)
            jobs = state.services.settings().jobs.processes > 0
            await self.ask(room_id, views_of(room_id, room, jobs=jobs), None)
        except (ActorError, InvalidRoom, ViewConflict) as error:
            log.warning("room.views_not_changed", room=room_id, reason=type(error).__name__)

    async def close(self, room_id: str) -> None:
        """End a room, also one that does not answer; whoever is in it hears so."""
        await self._state.services.directory.close_room(RoomKey(REALM, room_id), "deleted")

    async def close_all(self, room_ids: Iterable[str]) -> None:
        """End several rooms, none of which waits for a slow one."""
        limit = trio.CapacityLimiter(AT_ONCE)

        async def close(room_id: str) -> None:
            async with limit:
                await self.close(room_id)

        async with trio.open_nursery() as nursery:
            for room_id in room_ids:
                if await self._state.room(room_id) is not None:
                    nursery.start_soon(close, room_id)
