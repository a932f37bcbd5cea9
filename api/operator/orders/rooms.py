"""Closing rooms: by id or by name, for a time, and opening them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import structlog
from pydantic import Field
from quart import Response

from actors.core import Slices
from actors.words.closings import Closing, TooManyClosings
from actors.words.keys import RoomKey
from api.dialects import served
from api.http.asking import in_time
from api.operator.ids import LONGEST_ID, room_id, room_key
from api.operator.orders.asking import OperatorRefusal, answer, done, orderer, read
from api.operator.orders.bodies import CloseNameOrder, CloseOrder
from api.operator.overview.paging import Order, PageQuery, asked, in_order, page_answer
from api.operator.settings import OperatorSettings

if TYPE_CHECKING:
    from api.dialect import RoomNames
    from api.http.mounts import Services

log = structlog.get_logger(__name__)


class ClosedQuery(PageQuery):
    """Which of the names that are closed are wanted, and in which order."""

    search: str = Field("", max_length=200, description="Part of the name.")
    sort: Literal["until", "name"] = Field("until", description="Without it, who opens first.")
    order: Order = Field("asc", description="The smallest first, or the largest.")


class RoomOrders:
    """The operations, over the services of the process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._names: dict[str, tuple[str, RoomNames]] = {
            it.room_names.realm: (it.name, it.room_names)
            for it in served(services.settings().listeners)
            if it.room_names
        }

    async def close(self, id_: str) -> Response:
        """Close a room: its people hear why, and nobody comes in for a time."""
        return await self._close(key_of(id_), await read(CloseOrder))

    async def close_name(self) -> Response:
        """Close a room by its name, whether or not anybody is in it."""
        order = await read(CloseNameOrder)
        if order.realm not in self._names:
            realms = ", ".join(self._names) or "none at all"
            raise OperatorRefusal(400, f"realm: This server has rooms of {realms}.")
        _, names = self._names[order.realm]
        try:
            key = RoomKey(order.realm, names.full(self._services.settings(), order.name))
        except ValueError as error:
            raise OperatorRefusal(400, f"name: {error}") from None
        if len(room_id(key)) > LONGEST_ID:
            raise OperatorRefusal(400, "name: No room has so long a name.")
        return await self._close(key, order)

    async def closed(self) -> Response:
        """List the rooms that are closed."""
        query, slices = asked(ClosedQuery), Slices()
        search = query.search.casefold()
        closed = await in_time(self._services.directory.closed_rooms())
        found = (each for each in closed if search in self._name(each.key).casefold())
        keys: dict[str, Callable[[Closing], Any]] = {
            "until": lambda closing: closing.until,
            "name": lambda closing: (self._name(closing.key).casefold(), closing.key.realm),
        }
        last = query.order == "desc"
        page = await in_order(found, query, keys[query.sort], slices, descending=last)
        return await page_answer("closed", page, self._shown, slices)

    async def open_again(self, id_: str) -> Response:
        """Open a room that is closed."""
        key, by = key_of(id_), orderer()
        if not await in_time(self._services.directory.open_again(key)):
            raise OperatorRefusal(404, "No room of this id is closed.", "not_closed")
        log.info("room.opened_again", room=key.name, dialect=self._dialect(key), **by)
        return done()

    async def _close(self, key: RoomKey, order: CloseOrder) -> Response:
        services, by = self._services, orderer()
        seconds = order.seconds or services.settings().section(OperatorSettings).closed_seconds
        try:
            closing = await in_time(
                services.directory.close_room_by_operator(
                    key, order.reason, seconds, by.get("by", "")
                )
            )
        except TooManyClosings:
            words = "As many rooms are closed as limits.closed_rooms allows."
            raise OperatorRefusal(409, words, "too_many_closed") from None
        dialect = closing.dialect or self._dialect(key)
        log.info("room.closed_by_operator", room=key.name, dialect=dialect, seconds=seconds, **by)
        return answer({"id": room_id(key), "closed_until": closing.until}, 202)

    def _shown(self, closing: Closing) -> dict[str, object]:
        key = closing.key
        return {
            "id": room_id(key),
            "realm": key.realm,
            "name": self._name(key),
            "until": closing.until,
            "reason": closing.text,
            "by": closing.by,
        }

    def _name(self, key: RoomKey) -> str:
        """Return what people call a room."""
        _, names = self._names.get(key.realm, ("", None))
        return names.shown(key.name) if names else key.name

    def _dialect(self, key: RoomKey) -> str:
        """Return whose rooms are named in this realm, where nobody is in one of this name."""
        return self._names.get(key.realm, (key.realm, None))[0]


def key_of(id_: str) -> RoomKey:
    """Return which room this is the id of. Raises OperatorRefusal."""
    try:
        return room_key(id_)
    except ValueError:
        raise unknown_room() from None


def unknown_room() -> OperatorRefusal:
    return OperatorRefusal(404, "There is no room of this id.", "unknown_room")
