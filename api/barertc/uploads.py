"""Files on their way in: four at a time in the process, and so many bytes of them at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from api.barertc.errors import UploadsBusy

AT_A_TIME = 4
WAIT_SECONDS = 30.0


class Uploads:
    """Who has a turn may decode and resize a file; `most_bytes` bounds all that have or wait for
    one, in bytes of their messages."""

    def __init__(self, most_bytes: Callable[[], int]) -> None:
        self._most_bytes = most_bytes
        self._turns = trio.Semaphore(AT_A_TIME, max_value=AT_A_TIME)
        self.held = 0

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncIterator[None]:
        """Wait for a turn with a message of that size. Raises UploadsBusy."""
        if self.held + size > self._most_bytes():
            raise UploadsBusy
        self.held += size
        try:
            with trio.move_on_after(WAIT_SECONDS) as waiting:
                await self._turns.acquire()
            if waiting.cancelled_caught:
                raise UploadsBusy
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self.held -= size
