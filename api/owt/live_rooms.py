"""Rooms as they live: asked by their ids, and ended for good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

import trio

from actors.core import ActorStopped, Request
from actors.words.keys import RoomKey
from api.owt.rooms import REALM

if TYPE_CHECKING:
    from api.owt.state import OwtState

R = TypeVar("R")
D = TypeVar("D")

AT_ONCE = 32
"""Rooms that are being ended side by side."""


class LiveRooms:
    def __init__(self, state: OwtState) -> None:
        self._state = state

    async def ask(self, room_id: str, request: Request[R], otherwise: D) -> R | D:
        """Ask a live room; `otherwise` is the answer of one that does not live."""
        room = await self._state.room(room_id)
        if room is None:
            return otherwise
        try:
            answer: R = await room.ask(request, within=self._state.ask_seconds)
        except ActorStopped:
            return otherwise
        return answer

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
