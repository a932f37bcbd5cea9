"""What the dialect does beside connections and requests, in tasks that outlive them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import structlog
import trio

from actors.core import Actor, ActorStopped, ChildSpec, Message, Restart, Spawn

if TYPE_CHECKING:
    from api.http.mounts import Services

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 2.0

Errand = Callable[[], Awaitable[None]]


class Errands:
    """Tasks of the actor system; what one raises is logged and ends nothing else.

    Whoever starts one bounds how many there are and how long each takes.
    """

    def __init__(self) -> None:
        self._start_task: Callable[..., None] | None = None
        self._running = 0
        self._idle = trio.Event()

    def start(self, services: Services) -> None:
        """Have the actor system host the tasks; a drain waits for them a moment."""
        services.lifecycle.drain_hooks.append(self._flush)
        host = ChildSpec("barertc", lambda: ErrandHost(self), Restart.PERMANENT)
        services.system.root.tell(Spawn(host))

    def __len__(self) -> int:
        return self._running

    @property
    def ready(self) -> bool:
        """Whether tasks can be started."""
        return self._start_task is not None

    def run(self, errand: Errand, name: str) -> bool:
        """Start a task; False where the server is starting or ending, and nothing happens."""
        if self._start_task is None:
            return False
        try:
            self._start_task(self._run, errand, name, name=name)
        except ActorStopped:
            return False
        self._running += 1
        return True

    async def _run(self, errand: Errand, name: str) -> None:
        try:
            await errand()
        except Exception as error:
            log.error("errand.crashed", errand=name, exc_info=error)
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()
                self._idle = trio.Event()

    async def _flush(self) -> None:
        if self._running:
            with trio.move_on_after(FLUSH_SECONDS):
                await self._idle.wait()

    def hosted(self, start_task: Callable[..., None] | None) -> None:
        """Take what starts tasks; None at its end."""
        self._start_task = start_task


class ErrandHost(Actor[Message]):
    """The parent of the tasks."""

    __slots__ = ("_errands",)

    def __init__(self, errands: Errands) -> None:
        self._errands = errands

    async def setup(self) -> None:
        """Let tasks be started."""
        self._errands.hosted(self.ctx.start_task)

    async def teardown(self, reason: str) -> None:
        """Start no more."""
        self._errands.hosted(None)

    def snapshot(self) -> Mapping[str, object]:
        """Tell how many there are."""
        return {"errands": len(self._errands)}
