"""Files on their way in: so many at a time in the process, and so many bytes of them at all.

A message larger than `limits.message_bytes` has a place from before it is read until it was dealt
with (`SocketLimits.intake`; polling takes one for the whole request). A turn is what every file
needs to be decoded and resized: nobody waits for a place while he has a turn. Turns go round among
addresses, so that one with many files does not keep others waiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio

from actors.words.refusals import Busy
from api.barertc.errors import UploadsBusy
from api.http.credentials import address_key
from api.http.fair_line import LineLimits
from api.http.fair_work import FairWork

AT_A_TIME = 4
OF_ONE = 2  # of an address
MOST_WAITING, MOST_OF_ONE = 1024, 256  # for a turn
WAIT_SECONDS = 30.0  # for a turn
ENTER_SECONDS = 60.0  # for a place
SPARE = 8  # of all bytes, an eighth is kept for files that need no place


class _Newcomer:
    """A message that waits for a place."""

    __slots__ = ("called", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.called = trio.Event()


class Uploads:
    """`most_bytes` bounds the messages that have a place or a turn, or wait for a turn, in bytes.

    `slowest` is the rate with which a large one must come in, in bytes per second.
    """

    def __init__(self, most_bytes: Callable[[], int], slowest: Callable[[], int]) -> None:
        self._most_bytes = most_bytes
        self._slowest = slowest
        self._turns = FairWork(self._limits)
        self._line: deque[_Newcomer] = deque()
        self.places = 0  # that are taken
        self.coming = 0  # bytes of those
        self.held = 0  # bytes of all

    # --- places

    async def enter(self, size: int) -> bool:
        """Wait in line for a place; see `api.http.sockets.Intake`."""
        if not self._line and self._fits(size):
            self._take(size)
            return True
        if size > self._room:
            return False
        newcomer = _Newcomer(size)
        self._line.append(newcomer)
        try:
            with trio.move_on_after(ENTER_SECONDS):
                await newcomer.called.wait()
        except trio.Cancelled:
            if newcomer.called.is_set():
                self.leave(size)
            raise
        finally:
            if not newcomer.called.is_set():
                self._line.remove(newcomer)
                self._call()  # he may have stood in the way of smaller ones
        return newcomer.called.is_set()

    def leave(self, size: int) -> None:
        """Give a place back, to who waits first."""
        self.places -= 1
        self.coming -= size
        self.held -= size
        self._call()

    @property
    def slowest(self) -> int:
        """The bytes per second with which a large message must come in."""
        return self._slowest()

    @contextmanager
    def place(self, size: int) -> Iterator[None]:
        """Have a place meanwhile. Raises UploadsBusy if there is none right now."""
        if self._line or not self._fits(size):
            raise UploadsBusy
        self._take(size)
        try:
            yield
        finally:
            self.leave(size)

    def _fits(self, size: int) -> bool:
        rest = min(self._most_bytes() - self.held, self._room - self.coming)
        return self.places < AT_A_TIME and size <= rest

    @property
    def _room(self) -> int:
        """The bytes for which there may be places."""
        most = self._most_bytes()
        return most - most // SPARE

    def _take(self, size: int) -> None:
        self.places += 1
        self.coming += size
        self.held += size

    def _call(self) -> None:
        while self._line and self._fits(self._line[0].size):
            newcomer = self._line.popleft()
            self._take(newcomer.size)
            newcomer.called.set()

    # --- turns

    @asynccontextmanager
    async def turn(self, size: int, address: str) -> AsyncIterator[None]:
        """Wait for a turn with a message of that size, 0 for one with a place.

        Raises UploadsBusy.
        """
        owner = address_key(address)
        if self.held + size > self._most_bytes():
            raise UploadsBusy
        self.held += size
        try:
            await self._await_turn(owner)
            try:
                yield
            finally:
                self._turns.leave(owner)
        finally:
            self.held -= size
            self._call()

    async def _await_turn(self, owner: str) -> None:
        try:
            with trio.move_on_after(WAIT_SECONDS):
                await self._turns.enter(owner)
                return
        except Busy:
            pass
        raise UploadsBusy

    def _limits(self) -> LineLimits:
        most = self._most_bytes()
        return LineLimits(AT_A_TIME, OF_ONE, MOST_WAITING, MOST_OF_ONE, most, most)
