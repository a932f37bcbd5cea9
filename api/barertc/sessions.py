"""Every conversation of the process: told the time, and told when the server goes.

Who polls has no connection of his own: his conversation is a task of the actor here, which outlives
the request that began it. A crash in one ends that one alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

import structlog
import trio

from actors.core import Actor, ActorStopped, ChildSpec, Message, Restart, Spawn
from api.http.carriers.pacing import Keeper
from api.http.carriers.upgrades import within_boundary
from api.http.credentials import address_key
from api.http.sockets import Socket, SocketClosed

if TYPE_CHECKING:
    from api.barertc.poll_socket import PollSocket
    from api.http.mounts import Services

log = structlog.get_logger(__name__)

DIALECT = "barertc"
CRASHED = 1011
StartTask = Callable[..., None]
Serve = Callable[[Socket], Awaitable[None]]


class KeptSession(Protocol):
    """What is told the time, and of the end."""

    def tick(self, now: float) -> None: ...
    def excuse(self, seconds: float) -> None: ...

    def go_away(self) -> None:
        """Close, unless a member says goodbye."""

    def crashed(self) -> None:
        """Close over a bug."""


class Sessions:
    """The conversations, over all listeners; and the sockets of those who poll, by their id."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._keeper: Keeper[KeptSession] = Keeper(self._tick_crashed)
        self._open: set[KeptSession] = set()
        self._polls: dict[str, PollSocket] = {}
        self._by_address: Counter[str] = Counter()
        self._start_task: StartTask | None = None

    def start(self) -> None:
        """Have the actor system host the tasks, and tell everybody when the server drains."""
        self._services.lifecycle.drain_hooks.append(self._drain)
        self._services.system.root.tell(Spawn(self.spec()))

    def spec(self) -> ChildSpec:
        """Return the actor that the tasks belong to."""
        return ChildSpec("barertc_sessions", lambda: SessionHost(self), Restart.PERMANENT)

    def add(self, session: KeptSession) -> None:
        """Tell this one the time, and of the end."""
        self._open.add(session)
        self._keeper.add(session)

    def discard(self, session: KeptSession) -> None:
        """Tell it nothing more."""
        self._open.discard(session)
        self._keeper.discard(session)

    def facts(self) -> dict[str, int]:
        """Count them, for the tree page."""
        return {"sockets": len(self._open) - len(self._polls), "polling": len(self._polls)}

    # --- who polls

    def find(self, id_: str) -> PollSocket | None:
        """Find who polls with this session id."""
        return self._polls.get(id_)

    def knows(self, address: str) -> bool:
        """Tell whether anybody polls from that address."""
        return address_key(address) in self._by_address

    def has_room(self, address: str, most: int, most_of_address: int) -> bool:
        """Tell whether one more may poll, from that address."""
        here = self._by_address[address_key(address)]
        return len(self._polls) < most and not (most_of_address and here >= most_of_address)

    def host(self, poll: PollSocket, serve: Serve) -> bool:
        """Have a task serve one who polls; False while there is nobody to host it."""
        if self._start_task is None:
            return False
        try:
            self._start_task(self._live, poll, serve, name="poll")
        except ActorStopped:
            return False
        self._polls[poll.id] = poll
        self._by_address[address_key(poll.upgrade.address)] += 1
        self.add(poll)
        return True

    async def _live(self, poll: PollSocket, serve: Serve) -> None:
        tally = self._services.traffic.websocket(DIALECT)

        async def served() -> None:
            try:
                await serve(poll)
            except SocketClosed:
                return

        def crashed(error: Exception) -> None:
            tally.crashed += 1
            log.error("connection.crashed", dialect=DIALECT, at="serve", exc_info=error)
            poll.close(CRASHED, "crashed")

        try:
            await within_boundary(served, crashed)
        finally:
            poll.close()
            poll.served()

    def forget(self, poll: PollSocket) -> None:
        """Forget one who polled."""
        if self._polls.pop(poll.id, None) is None:
            return
        self.discard(poll)
        key = address_key(poll.upgrade.address)
        self._by_address[key] -= 1
        if not self._by_address[key]:
            del self._by_address[key]

    # --- for the actor, and the end

    def hosted(self, start_task: StartTask | None) -> None:
        """Take what starts tasks; None at its end."""
        self._start_task = start_task
        if start_task is None:
            for poll in tuple(self._polls.values()):
                poll.close()
                self.forget(poll)

    async def run(self) -> None:
        """Tell everybody the time, for ever."""
        await self._keeper.run()

    async def _drain(self) -> None:
        for session in tuple(self._open):
            session.go_away()
        await trio.lowlevel.checkpoint()

    def _tick_crashed(self, session: KeptSession, error: Exception) -> None:
        self._services.traffic.websocket(DIALECT).crashed += 1
        log.error("connection.crashed", dialect=DIALECT, at="tick", exc_info=error)
        self.discard(session)
        session.crashed()


class SessionHost(Actor[Message]):
    """The parent of the tasks that serve who polls, and of the ticker of all conversations."""

    __slots__ = ("_sessions",)

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def setup(self) -> None:
        self.ctx.start_task(self._sessions.run, name="ticker")
        self._sessions.hosted(partial(self.ctx.start_task))

    async def teardown(self, reason: str) -> None:
        self._sessions.hosted(None)

    def snapshot(self) -> Mapping[str, object]:
        return self._sessions.facts()
