"""Where the process stands between its start and its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Protocol

import structlog
import trio

log = structlog.get_logger(__name__)

DrainHook = Callable[[], Awaitable[None]]
ReloadHook = Callable[[], None]
ReadyHook = Callable[[], None]


class OwnProcess(Protocol):
    """The process, for who may stop it or have it read its configuration from inside."""

    def stop(self, exit_code: int, after: float) -> None:
        """Begin to drain after so many seconds, and exit with this code; the first call counts."""

    def reload(self) -> None:
        """Do what SIGHUP does."""


class ServerState(Enum):
    """The states, in their order; none comes back."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPING = "stopping"


class Lifecycle:
    """The state of the process, read by `/-/readyz` and by whoever lets people in.

    `ready_hooks` run when everything does, `drain_hooks` once, all together, when the clients are
    to be told that the server goes; `reload_hooks` after each SIGHUP that found a good
    configuration. `process` is None where the process belongs to another server (`api/asgi.py`).
    """

    def __init__(self) -> None:
        self.state = ServerState.STARTING
        self.ready_hooks: list[ReadyHook] = []
        self.drain_hooks: list[DrainHook] = []
        self.reload_hooks: list[ReloadHook] = []
        self.process: OwnProcess | None = None

    @property
    def ready(self) -> bool:
        """Whether a load balancer should send clients here."""
        return self.state is ServerState.READY

    @property
    def accepting(self) -> bool:
        """Whether somebody new may join; False as soon as the process drains."""
        return self.state in (ServerState.STARTING, ServerState.READY)

    def mark_ready(self) -> None:
        """Everything runs and the listeners accept."""
        if self.state is ServerState.STARTING:
            self.state = ServerState.READY
            for hook in self.ready_hooks:
                hook()

    async def drain(self, delay: float, tell_within: float) -> None:
        """Turn newcomers away for `delay` seconds, then let the hooks tell those inside."""
        self.state = ServerState.DRAINING
        await trio.sleep(delay)
        with trio.move_on_after(tell_within) as scope:
            async with trio.open_nursery() as nursery:
                for hook in self.drain_hooks:
                    nursery.start_soon(hook)
        if scope.cancelled_caught:
            log.warning("server.drain_overran", seconds=tell_within)
        self.state = ServerState.STOPPING
