"""A nursery that an actor opens on first use and keeps until it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context as SavedContext
from functools import partial
from typing import Any

import trio


class OwnNursery:
    """Holds the helper tasks and children of one incarnation of one actor.

    A task beside the actor's own keeps it open, so that tasks can be started from within a handler
    and outlive it. Every task starts in the system's saved context: what the caller has in its
    context variables (a request id, the request it answers) does not leak into them.
    """

    __slots__ = ("_context", "_early", "_ended", "_nursery", "_scope")

    def __init__(self, host: trio.Nursery, context: SavedContext, name: str) -> None:
        self._context = context
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery | None = None
        self._early: list[Callable[[], object]] = []
        self._ended = trio.Event()
        context.run(partial(host.start_soon, self._keep_open, name=f"{name} (own nursery)"))

    @property
    def nursery(self) -> trio.Nursery:
        """The open nursery; for code that runs in one of its tasks."""
        assert self._nursery is not None  # noqa: S101 -- its tasks run only after it opened
        return self._nursery

    def start(self, fn: Callable[..., Awaitable[Any]], *args: object, name: str) -> None:
        """Start a task, as soon as the nursery is open. Raises RuntimeError once it closes."""
        if self._scope.cancel_called:
            raise RuntimeError("the actor is ending")
        if self._nursery is None:
            self._early.append(partial(self._start_now, fn, *args, name=name))
        else:
            self._start_now(fn, *args, name=name)

    async def close(self) -> None:
        """Cancel what still runs and wait for its end."""
        self._scope.cancel()
        await self._ended.wait()

    def _start_now(self, fn: Callable[..., Awaitable[Any]], *args: object, name: str) -> None:
        self._context.run(partial(self.nursery.start_soon, fn, *args, name=name))

    def _start_early(self) -> None:
        # Not a loop in `_keep_open`: its variable would keep the last of them for good.
        for start in self._early:
            start()
        self._early.clear()

    async def _keep_open(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self._start_early()
                with self._scope:
                    await trio.sleep_forever()
                nursery.cancel_scope.cancel()
        finally:
            self._ended.set()
