"""Pace of a websocket: how fast its frames may come, and how long it may stay silent.

`RateWindow` and `FrameRate` delay a reader; `Keeper` is the one ticker of a listener that pings its
sockets and drops those that no longer answer. None knows a dialect or a carrier. Each tick has a
boundary of its own: what raises in one ends that one.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from math import inf
from typing import Generic, Protocol, TypeVar

import structlog
import trio

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0
LATE_SECONDS = 2.0  # of a tick, that nobody is to be blamed for
WINDOW_STAMPS = 1024
FRAME_BURST = 1024  # one message of 1 MiB in pieces of 4 KiB is 256 of them


class RateWindow:
    """A sliding window: at most `per_second` turns in any second; 0 means no limit.

    With a `burst` above that, so many turns in the time that as many take at `per_second`.
    Above 1,024 turns the window is shortened in proportion (100,000/s is 1,024 in 10 ms), so that
    the memory of one socket stays within 8 KiB whatever the limit.
    """

    __slots__ = ("_capacity", "_next", "_seconds", "_stamps")

    def __init__(self, per_second: int, burst: int = 0) -> None:
        self._capacity = min(max(per_second, burst), WINDOW_STAMPS) if per_second else 0
        self._seconds = self._capacity / per_second if per_second else 0.0
        self._stamps: array[float] | None = None  # made with the first turn: most sockets are idle
        self._next = 0

    def take(self, now: float) -> float:
        """Take the next turn and return how many seconds it has to wait for (0.0: go on)."""
        capacity = self._capacity
        if not capacity:
            return 0.0
        stamps = self._stamps
        if stamps is None:
            stamps = self._stamps = array("d")
        if len(stamps) < capacity:
            stamps.append(now)
            return 0.0
        slot = self._next
        turn = stamps[slot] + self._seconds
        if turn < now:
            turn = now
        stamps[slot] = turn
        self._next = slot + 1 if slot + 1 < capacity else 0
        return turn - now


class FrameRate:
    """So many frames a second in the long run, FRAME_BURST of them at once; 0 means no limit."""

    __slots__ = ("_each", "_paid_until")

    def __init__(self, per_second: int) -> None:
        self._each = 1.0 / per_second if per_second else 0.0
        self._paid_until = -inf

    def take(self, now: float, frames: int) -> float:
        """Take the next turns and return how many seconds the last has to wait for."""
        since = max(self._paid_until, now - FRAME_BURST * self._each)
        self._paid_until = since + frames * self._each
        return max(0.0, self._paid_until - now)


class Kept(Protocol):
    """What a `Keeper` keeps: something to be told the time now and then."""

    def tick(self, now: float) -> None:
        """Do what is due at `now` (seconds of the Trio clock); never blocks."""

    def excuse(self, seconds: float) -> None:
        """Leave so many seconds that have just passed out of all waiting for the other side.

        We stood still: what it has sent is not read yet, and nothing was sent that it would answer.
        """


K = TypeVar("K", bound=Kept)


class Keeper(Generic[K]):
    """One ticker for all sockets of a listener, instead of a timer task for each.

    A tick that comes much later than due excuses everyone first. What a tick raises is handed to
    `crashed`, which is to end that one; it is ticked until it is discarded.
    """

    def __init__(self, crashed: Callable[[K, Exception], None]) -> None:
        self._crashed = crashed
        self._kept: set[K] = set()
        self._anyone = trio.Event()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, kept: K) -> None:
        """Tick this one from now on."""
        self._kept.add(kept)
        self._anyone.set()

    def discard(self, kept: K) -> None:
        """Tick it no more."""
        self._kept.discard(kept)

    async def run(self) -> None:
        """Tick everyone once a second, for ever; asleep while there is nobody."""
        while True:
            await self._anyone.wait()
            if not self._kept:
                self._anyone = trio.Event()
                continue
            due = trio.current_time() + TICK_SECONDS
            await trio.sleep_until(due)
            now = trio.current_time()
            late = now - due if now - due > LATE_SECONDS else 0.0
            for kept in tuple(self._kept):
                try:
                    if late:
                        kept.excuse(late)
                    kept.tick(now)
                except Exception as error:  # noqa: BLE001  the connection boundary
                    self._end(kept, error)

    def _end(self, kept: K, error: Exception) -> None:
        try:
            self._crashed(kept, error)
        except Exception:
            log.exception("connection.crashed", at="end")
            self.discard(kept)
