"""Stopping one actor, whatever it is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from quart import Response

from actors.core import ActorError, PermanentActor, UnknownActor
from actors.directory.directory import key_at
from actors.words.keys import MemberKey
from api.http.asking import in_time
from api.operator.orders.asking import OperatorRefusal, answer, orderer, read
from api.operator.orders.bodies import StopOrder

if TYPE_CHECKING:
    from api.http.mounts import Services

log = structlog.get_logger(__name__)


class StopOrders:
    """The operation, over the services of the process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def stop(self) -> Response:
        """Have one actor stop."""
        order, by = await read(StopOrder), orderer()
        told = await self._told(order.path)
        try:
            self._services.system.stop_actor(order.path, "stopped by the operator")
        except UnknownActor:
            raise OperatorRefusal(404, "No actor lives at this path.", "unknown_actor") from None
        except PermanentActor:
            raise OperatorRefusal(409) from None
        log.info("actor.stop_ordered", actor=order.path, **told, **by)
        return answer({"path": order.path}, 202)

    async def _told(self, path: str) -> dict[str, str]:
        """Return which room or person it is about, as log lines name them."""
        key = key_at(path)
        if key is None:
            return {}
        told = {"peer": key.id} if isinstance(key, MemberKey) else {"room": key.name}
        with suppress(ActorError):  # nothing keeps the operator from stopping what is stuck
            spec = await in_time(self._services.directory.room_of(key))
            if spec is not None:
                told |= {"room": spec.key.name, "dialect": spec.dialect}
        return told
