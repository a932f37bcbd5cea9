"""Long work in slices, so that nobody has to wait for the whole of it."""

from __future__ import annotations

from time import perf_counter

import trio

SLICE_SECONDS = 0.001


class Slices:
    """Lets everybody else run whenever a slice of `seconds` is over.

    Between the steps of its work, each of which is short, a task says `await slices.rest()`. What
    it looks at may have changed by then.
    """

    __slots__ = ("_seconds", "_until")

    def __init__(self, seconds: float = SLICE_SECONDS) -> None:
        self._seconds = seconds
        self._until = perf_counter() + seconds

    async def rest(self) -> None:
        """Go on at once within a slice, else after everybody else who is due."""
        if perf_counter() >= self._until:
            await trio.lowlevel.checkpoint()
            self._until = perf_counter() + self._seconds
