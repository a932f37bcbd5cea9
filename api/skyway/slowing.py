"""What slows down who asks in vain: published clients poll again at once after an error.

Each refusal of one client's poll at one path comes a little later than the one before.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import trio

from api.http.credentials import address_key

STEP_SECONDS = 0.1
LONGEST_SECONDS = 2.0
FORGOTTEN_SECONDS = 30.0
MOST = 10_000  # clients and paths that are remembered


@dataclass(slots=True)
class Refusals:
    times: int
    last: float


class Slowing:
    """Counts refusals by client and path; the one that was not refused for longest goes first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._refusals: OrderedDict[tuple[str, str], Refusals] = OrderedDict()
        self._draining = trio.Event()

    def __len__(self) -> int:
        return len(self._refusals)

    def next_delay(self, address: str, path: str, now: float) -> float:
        """Count one more refusal, and return the seconds that it is to wait."""
        key = (address_key(address), path)
        known = self._refusals.pop(key, None)
        times = known.times if known and now - known.last < FORGOTTEN_SECONDS else 0
        self._refusals[key] = Refusals(times + 1, now)
        while len(self._refusals) > self._most:
            self._refusals.popitem(last=False)
        return min(STEP_SECONDS * (times + 1), LONGEST_SECONDS)

    async def wait(self, address: str, path: str) -> None:
        """Wait as long as this refusal has to."""
        seconds = self.next_delay(address, path[:512], trio.current_time())
        with trio.move_on_after(seconds):
            await self._draining.wait()

    def drain(self) -> None:
        """Have nobody wait any more."""
        self._draining.set()
