"""The clock of the broker: who was silent too long is dropped.

It is one actor for all listeners, outside of `conferencing`, so that its crash costs nobody a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from actors.core import Actor, ChildSpec, Message, Restart, Spawn
from api.http.carriers.pacing import Keeper, Kept
from api.peerjs.wire import DIALECT

if TYPE_CHECKING:
    from api.http.mounts import Services

log = structlog.get_logger(__name__)


class BrokerKeeper:
    """The sockets that are open, over all listeners; they are told the time once a second."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._sockets: Keeper[Kept] = Keeper(self._crashed)

    def __len__(self) -> int:
        return len(self._sockets)

    def start(self) -> None:
        """Have the actor system keep the time."""
        spec = ChildSpec("peerjs_clock", lambda: BrokerClock(self), Restart.PERMANENT)
        self._services.system.root.tell(Spawn(spec))

    def add(self, socket: Kept) -> None:
        """Tell this one the time."""
        self._sockets.add(socket)

    def discard(self, socket: Kept) -> None:
        """Tell it nothing more."""
        self._sockets.discard(socket)

    async def watch_sockets(self) -> None:
        """Tell every socket the time, for ever."""
        await self._sockets.run()

    def facts(self) -> dict[str, int]:
        """Count them, for the tree page."""
        return {"sockets": len(self._sockets)}

    def _crashed(self, socket: Kept, error: Exception) -> None:
        self._services.traffic.websocket(DIALECT).crashed += 1
        log.error("connection.crashed", dialect=DIALECT, at="tick", exc_info=error)
        self.discard(socket)


class BrokerClock(Actor[Message]):
    """The parent of the task that keeps the time."""

    __slots__ = ("_keeper",)

    def __init__(self, keeper: BrokerKeeper) -> None:
        self._keeper = keeper

    async def setup(self) -> None:
        self.ctx.start_task(self._keeper.watch_sockets, name="sockets")

    def snapshot(self) -> Mapping[str, object]:
        return self._keeper.facts()
