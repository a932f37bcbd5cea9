"""Messages that an actor sends itself later: one clock task for the whole system."""

from __future__ import annotations

import heapq
import math
from typing import Protocol

import trio

from actors.core.message import Message


class TimerOwner(Protocol):
    """Who set a timer."""

    def timer_is_over(self, timer: Timer, *, fired: bool) -> None:
        """Forget a timer; deliver its message if it fired."""


class Timer:
    """A message on its way; `cancel` stops it unless it is in the mailbox already.

    Because it may be in the mailbox already, give the message a generation number wherever the
    state can move on before it is handled.
    """

    __slots__ = ("_owner", "due", "message")

    def __init__(self, due: float, owner: TimerOwner, message: Message) -> None:
        self.due = due
        self.message = message
        self._owner: TimerOwner | None = owner

    @property
    def pending(self) -> bool:
        """Whether it will still fire."""
        return self._owner is not None

    def cancel(self) -> None:
        """Stop it; does nothing when it has fired or was cancelled."""
        self._end(fired=False)

    def fire(self) -> None:
        """Deliver the message; for the clock only."""
        self._end(fired=True)

    def _end(self, *, fired: bool) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.timer_is_over(self, fired=fired)


class Clock:
    """All pending timers of a system, in order of their due time."""

    __slots__ = ("_cancelled", "_count", "_heap", "_sleep")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0  # makes heap entries comparable, and equal times first come first served
        self._cancelled = 0
        self._sleep = trio.CancelScope()

    @property
    def pending(self) -> int:
        """How many timers will still fire."""
        return len(self._heap) - self._cancelled

    @property
    def size(self) -> int:
        """How many timers are kept, dead ones included."""
        return len(self._heap)

    def add(self, timer: Timer) -> None:
        """Schedule a timer."""
        self._count += 1
        heapq.heappush(self._heap, (timer.due, self._count, timer))
        if timer.due < self._sleep.deadline:
            self._sleep.deadline = timer.due

    def cancelled_one(self) -> None:
        """Note that a timer in the heap is dead; sweep when most of them are."""
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled > len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if entry[2].pending]
            heapq.heapify(self._heap)
            self._cancelled = 0

    async def run(self) -> None:
        """Fire timers as they fall due, forever."""
        while True:
            with trio.CancelScope(deadline=self._next_due()) as self._sleep:
                await trio.sleep_forever()
            now = trio.current_time()
            while self._heap and self._heap[0][0] <= now:
                timer = heapq.heappop(self._heap)[2]
                self._cancelled -= not timer.pending
                timer.fire()

    def _next_due(self) -> float:
        return self._heap[0][0] if self._heap else math.inf
