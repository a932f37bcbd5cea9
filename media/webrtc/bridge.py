"""The way into the asyncio loop that aiortc lives on.

`open_media_loop` encloses everything that uses it: the actor system is opened inside, so whatever
an actor closes while it ends still finds a running loop. Nothing that goes wrong on the loop by
itself (a task nobody waits for, a callback) ends it: it is logged and counted.
"""

from __future__ import annotations

import asyncio
import contextvars
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
import trio
import trio_asyncio

from media.contract.errors import MediaTimeout
from media.webrtc.readers import Readers

# Importing trio_asyncio makes every new event loop of the thread one of its own. Only ours is to
# be: whatever else uses asyncio outside of Trio (a test with a browser) keeps the usual ones.
if not trio.lowlevel.in_trio_run():
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())

R = TypeVar("R")

log = structlog.get_logger("media.webrtc.bridge")

CANCEL_SECONDS = 1.0  # that a step gets to end once it was cancelled
LOGGED_STRAY_ERRORS = 100  # after that many they are only counted


@dataclass(slots=True)
class MediaLoop:
    """A running asyncio loop, called from Trio tasks. `readers` waits for its sockets."""

    loop: asyncio.AbstractEventLoop
    stray_errors: int = 0
    readers: Readers = field(init=False)
    _context: contextvars.Context = field(default_factory=contextvars.copy_context)

    async def call(
        self, step: Callable[..., Coroutine[Any, Any, R]], *args: object, within: float
    ) -> R:
        """Run an asyncio coroutine function and return its result.

        It does not see the caller's context variables. If the caller is cancelled, so is it.
        Raises MediaTimeout when there is no result after `within` seconds; it was cancelled then.
        """
        with trio.move_on_after(within):
            # Made in the loop's own context, which knows the loop and no caller.
            task = self._context.run(self.loop.create_task, step(*args))
            return await trio_asyncio.run_aio_future(task)  # type: ignore[no-any-return]
        raise MediaTimeout(f"no result of {step.__qualname__} within {within} s")

    async def finish(
        self, step: Callable[..., Coroutine[Any, Any, object]], *args: object, within: float
    ) -> bool:
        """Run a step of cleaning up, even if the caller is being cancelled.

        Returns whether it ended within `within` seconds. What it raises counts as a stray error.
        """
        task = self._context.run(self.loop.create_task, step(*args))
        with trio.CancelScope(shield=True):
            if not await self.call(_ended, task, within, within=within + CANCEL_SECONDS):
                log.warning("media.close_timed_out", step=step.__qualname__, seconds=within)
                return False
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stray(error, f"{step.__qualname__} failed")
        return True

    def soon(self, callback: Callable[..., object], *args: object) -> None:
        """Have a plain function called by the loop; what it raises is a stray error."""
        self._context.run(self.loop.call_soon, callback, *args)

    def stray(self, exception: BaseException | None, what: str) -> None:
        """Count an error that nobody waits for, and log where it came from."""
        self.stray_errors += 1
        if self.stray_errors <= LOGGED_STRAY_ERRORS:
            log.error(
                "media.stray_error",
                what=what,
                error=type(exception).__name__ if exception is not None else "",
                where=_where(exception),
            )

    def _on_loop_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # The message of asyncio names the kind of trouble. Its other values and the exception's
        # text may quote a session description, so they stay out of the log.
        self.stray(context.get("exception"), str(context.get("message", "")))


@asynccontextmanager
async def open_media_loop() -> AsyncIterator[MediaLoop]:
    """Run an asyncio loop around a block of Trio code.

    When the block ends, what still runs on the loop is cancelled and waited for.
    """
    async with trio_asyncio.open_loop() as loop, trio.open_nursery() as nursery:
        media_loop = MediaLoop(loop)
        media_loop.readers = Readers(nursery, media_loop.stray)
        loop.set_exception_handler(media_loop._on_loop_error)
        yield media_loop
        nursery.cancel_scope.cancel()


async def _ended(task: asyncio.Task[object], within: float) -> bool:
    """Wait for a task without raising its error; cancel it when the time is over."""
    done, _ = await asyncio.wait({task}, timeout=within)
    if not done:
        task.cancel()
    return bool(done)


def _where(exception: BaseException | None) -> list[str]:
    """Name the innermost code lines of a traceback; source positions only."""
    if exception is None:
        return []
    frames = traceback.extract_tb(exception.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-5:]]
