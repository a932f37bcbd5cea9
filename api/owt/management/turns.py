"""Who changes what, one after the other: changes of one thing that come at a time take turns.

The store compares and swaps, so that changes by other processes are not lost either; but among many
at a time most would be compared in vain, and published clients do not try again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from actors.words.refusals import Busy


class Turns:
    """Turns by key, in order of coming; a key is known as long as somebody has or awaits one."""

    def __init__(self) -> None:
        self._locks: dict[str, trio.Lock] = {}
        self._waiting = 0

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def of(self, key: str, most: int, seconds: float) -> AsyncIterator[bool]:
        """Have one's turn; tell whether it had to be waited for.

        Raises Busy where `most` wait for any turn already, and after so many seconds.
        """
        lock = self._locks.setdefault(key, trio.Lock())
        waited = lock.locked()
        await self._acquire(lock, most, seconds)
        try:
            yield waited
        finally:
            lock.release()
            if not lock.locked():  # else it is somebody else's by now
                del self._locks[key]

    async def _acquire(self, lock: trio.Lock, most: int, seconds: float) -> None:
        if not lock.locked():
            lock.acquire_nowait()
            return
        if self._waiting >= most:
            raise Busy
        self._waiting += 1
        try:
            with trio.move_on_after(seconds) as patience:
                await lock.acquire()
        finally:
            self._waiting -= 1
        if patience.cancelled_caught:
            raise Busy
