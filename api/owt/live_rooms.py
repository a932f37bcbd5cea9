"""Rooms as they live: asked by their ids, and ended for good."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import trio

from actors.core import ActorError, ActorStopped, Request, StopChild
from actors.words.keys import ROOMS, RoomKey
from actors.words.orders import CloseRoom
from api.owt.state import REALM

if TYPE_CHECKING:
    from api.owt.state import House

R = TypeVar("R")
D = TypeVar("D")

AT_ONCE = 32
"""Rooms that are being ended side by side."""


class LiveRooms:
    def __init__(self, house: House) -> None:
        self._house = house

    async def ask(self, room_id: str, request: Request[R], otherwise: D) -> R | D:
        """Ask a live room; `otherwise` is the answer of one that does not live."""
        room = self._house.room(room_id)
        if room is None:
            return otherwise
        try:
            answer: R = await room.ask(request, within=self._house.ask_seconds)
        except ActorStopped:
            return otherwise
        return answer

    async def close(self, room_id: str) -> None:
        """End a room, also one that crashes over it or does not answer.

        Whoever is in it hears so. One that takes its time to finalise recordings ends behind.
        """
        room = self._house.room(room_id)
        if room is None:
            return
        with suppress(ActorError):
            await room.ask(CloseRoom(), within=self._house.ask_seconds)
        rooms = self._house.services.system.registry.find(ROOMS)
        if rooms is not None and self._house.room(room_id) is not None:
            order = StopChild(RoomKey(REALM, room_id).slug, "deleted")
            with suppress(ActorError):  # a room that hangs is cut off by its supervisor
                await rooms.ask(order, within=self._house.ask_seconds)

    async def close_all(self, room_ids: Iterable[str]) -> None:
        """End several rooms, none of which waits for a slow one."""
        limit = trio.CapacityLimiter(AT_ONCE)

        async def close(room_id: str) -> None:
            async with limit:
                await self.close(room_id)

        async with trio.open_nursery() as nursery:
            for room_id in room_ids:
                if self._house.room(room_id) is not None:
                    nursery.start_soon(close, room_id)
