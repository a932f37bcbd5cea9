"""The bounded queue in front of one actor.

Our own rather than a memory channel: an idle one holds no queue at all, messages from the runtime
(`deliver`) are never refused for want of room, and it tells its owner about episodes of fullness.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable
from typing import Protocol

import trio

from actors.core.errors import ActorStopped, MailboxFull


class Watcher(Protocol):
    """Who is told of the end of an actor."""

    def heed_end(self, owner: MailboxOwner, reason: str, *, restarting: bool) -> None:
        """Take note that the actor has ended, for good or to be restarted."""


class MailboxOwner(Protocol):
    """What a mailbox, and the addresses that lead to it, know of the actor behind it."""

    watchers: set[Watcher] | None  # who is told of its end

    def turned_away(self, *, first: bool) -> MailboxFull:
        """Note a message that found no room, the first of an episode or another; return why."""

    def ask_timed_out(self) -> None:
        """Note a request that was not answered in time."""

    async def until_ready(self) -> None:
        """Wait until an incarnation has been set up, or none ever will be."""


class Mailbox:
    """Entries for one reader, any number of writers, at most `capacity` of them waiting."""

    __slots__ = ("_full", "_queue", "_reader", "_writers", "capacity", "closed", "owner", "peak")

    def __init__(self, owner: MailboxOwner, capacity: int) -> None:
        self.owner: MailboxOwner | None = owner  # None once the actor has ended
        self.capacity = capacity
        self.peak = 0
        self.closed: str | None = None  # the reason it was closed for
        self._queue: deque[object] | None = None  # exists only while something waits
        self._reader: trio.lowlevel.Task | None = None  # the owner's task, while it waits
        self._writers: trio.lowlevel.ParkingLot | None = None
        self._full = False

    @property
    def depth(self) -> int:
        """How many entries wait."""
        return 0 if self._queue is None else len(self._queue)

    def put_sparing(self, entry: object, part: int) -> None:
        """Queue an entry, if one part in so many of the room stays free. Raises as `put`."""
        if self._queue is not None and len(self._queue) >= self.capacity - self.capacity // part:
            self._turn_away()
        self.put(entry)

    def put(self, entry: object) -> None:
        """Queue an entry without blocking. Raises MailboxFull or ActorStopped."""
        queue = self._queue
        if queue is None:
            if self.closed is not None:
                raise ActorStopped(self.closed)
            queue = self._queue = deque()
        elif len(queue) >= self.capacity:
            self._turn_away()
        queue.append(entry)
        if len(queue) > self.peak:
            self.peak = len(queue)
        if self._reader is not None:  # as in `wake`: a call saved for every message there is
            trio.lowlevel.reschedule(self._reader)
            self._reader = None

    async def put_when_room(self, entry: object) -> None:
        """Queue an entry, waiting for room as long as it takes. Raises ActorStopped."""
        await trio.lowlevel.checkpoint()
        while self.closed is None and self.depth >= self.capacity:
            if self._writers is None:
                self._writers = trio.lowlevel.ParkingLot()
            await self._writers.park()
        self.put(entry)

    def deliver(self, entry: object) -> None:
        """Queue an entry of the runtime: in order, but never refused. Dropped once closed."""
        if self.closed is None:
            if self._queue is None:
                self._queue = deque()
            self._queue.append(entry)
            self.wake()

    def take(self) -> object | None:
        """Remove and return the next entry, None if there is none. For the owner only."""
        queue = self._queue
        if not queue:
            return None
        entry = queue.popleft()
        if self._writers:
            self._writers.unpark()
        if self._full and len(queue) <= self.capacity // 2:
            self._full = False
        return entry

    def wait(self) -> Awaitable[object]:
        """Return what waits until there may be something to do, to be awaited at once.

        For the owner only. No coroutine, for each would be resumed with every message.
        """
        if self._queue is not None and not self._queue:
            self._queue = None
        self._reader = trio.lowlevel.current_task()
        return trio.lowlevel.wait_task_rescheduled(  # noqa: ASYNC105 -- awaited by the caller
            self._forget_reader
        )

    def wake(self) -> None:
        """Have the owner look again, if it waits."""
        if self._reader is not None:
            trio.lowlevel.reschedule(self._reader)
            self._reader = None

    def close(self, reason: str) -> list[object]:
        """Refuse everything from now on; return what was still waiting."""
        self.closed = reason
        left = list(self._queue or ())
        self._queue = None
        if self._writers is not None:
            self._writers.unpark_all()
        self.wake()
        return left

    def _forget_reader(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._reader = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _turn_away(self) -> None:
        assert self.owner is not None  # noqa: S101 -- a closed mailbox has no queue to be full
        first, self._full = not self._full, True
        raise self.owner.turned_away(first=first)
