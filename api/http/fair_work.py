"""Work that grows with its input: in threads, a few at a time, fair between those who ask for it.

Passwords, pictures, masks, patches: each kind of work has a `FairWork` of its own. Whoever asks for
much waits behind himself; others have their turn after at most one piece of work of each.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import trio

from actors.words.refusals import Busy
from api.http.fair_line import FairLine, LineFull, LineLimits

if TYPE_CHECKING:
    from api.settings import LimitSettings

R = TypeVar("R")


def line_limits(limits: LimitSettings, *, places: int = 1, of_one: int = 1) -> LineLimits:
    """Return what limits.work_… say of one kind of work.

    `places` is how many threads it may have: more than one gains nothing for what is written in
    Python, and halves what is left for everybody else. `of_one`: those of one owner. All that waits
    may be of one, who may be five hundred people behind one address: he gives way to newcomers.
    """
    places = min(places, limits.work_threads)
    return LineLimits(
        places=places,
        places_of_one=min(of_one, places),
        waiting=limits.work_waiting,
        waiting_of_one=limits.work_waiting,
        waiting_bytes=limits.work_waiting_bytes,
        waiting_bytes_of_one=limits.work_waiting_bytes,
    )


class _Ticket:
    """Somebody who waits; `refused` if he had to give way."""

    __slots__ = ("decided", "placed", "refused")

    def __init__(self) -> None:
        self.decided = trio.Event()
        self.placed = False
        self.refused = False


class FairWork:
    """One kind of work. `limits` is asked for each piece: they may change meanwhile."""

    def __init__(self, limits: Callable[[], LineLimits]) -> None:
        self._limits = limits
        self._line: FairLine[_Ticket] = FairLine(limits())
        self._unlimited = trio.CapacityLimiter(math.inf)  # the line limits

    @property
    def waiting(self) -> int:
        """How many pieces of work wait."""
        return self._line.waiting

    @property
    def at_work(self) -> int:
        """How many have a place."""
        return self._line.placed

    async def run(self, owner: str, work: Callable[[], R], size: int = 0) -> R:
        """Do this in a thread when it is the owner's turn; `size` is how many bytes wait with it.

        Waits: give it a deadline. Cancelled, it leaves the thread to end by itself, which keeps its
        place until then. Raises Busy where no more can wait, and what the work raises.
        """
        await self.enter(owner, size)
        began = False
        token = trio.lowlevel.current_trio_token()

        def in_thread() -> R:
            nonlocal began
            began = True
            try:
                return work()
            finally:
                with suppress(trio.RunFinishedError):
                    token.run_sync_soon(partial(self.leave, owner))

        try:
            await trio.lowlevel.checkpoint_if_cancelled()
        except BaseException:
            self.leave(owner)
            raise
        try:  # from here on a cancellation only abandons the thread, which begins all the same
            return await trio.to_thread.run_sync(
                in_thread, abandon_on_cancel=True, limiter=self._unlimited
            )
        except RuntimeError:
            if not began:  # the system has no more threads
                self.leave(owner)
            raise

    @asynccontextmanager
    async def turn(self, owner: str, size: int = 0) -> AsyncIterator[None]:
        """Have a place meanwhile. Raises Busy where no more can wait."""
        await self.enter(owner, size)
        try:
            yield
        finally:
            self.leave(owner)

    async def enter(self, owner: str, size: int = 0) -> None:
        """Wait for a place, which `leave` gives back. Raises Busy where no more can wait."""
        self._line.limits = self._limits()
        ticket = _Ticket()
        try:
            gone = self._line.join(owner, ticket, size)
        except LineFull:
            raise Busy from None
        for other in gone:
            other.refused = True
            other.decided.set()
        self._call()
        try:
            await ticket.decided.wait()
        except trio.Cancelled:
            if ticket.placed:
                self.leave(owner)
            else:
                self._line.leave(owner, ticket)
            raise
        if ticket.refused:
            raise Busy

    def leave(self, owner: str) -> None:
        """Give a place back, to whoever is next."""
        self._line.done(owner)
        self._call()

    def _call(self) -> None:
        while (ticket := self._line.call()) is not None:
            ticket.placed = True
            ticket.decided.set()
