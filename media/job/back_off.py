"""When something outside is tried again. Pure: chance is handed in."""

from __future__ import annotations

import random
from collections.abc import Callable

from media.contract.streaming import OutsideTrouble

ABSENT = (OutsideTrouble.UNREACHABLE, OutsideTrouble.SILENT, OutsideTrouble.ENDED)
ABSENT_SECONDS = 1.0  # between two attempts while nobody is there
JITTER = 0.25  # of a pause, so that those who were refused together do not come back together


class BackOff:
    """Says how long to wait: who is not there is tried at once, and then each second; who answers
    and refuses, after 1, 2, 4 … `longest` seconds, a quarter less or more."""

    def __init__(self, longest: float, chance: Callable[[], float] = random.random) -> None:
        self.longest = longest
        self._chance = chance
        self._attempts = self._refusals = 0

    def pause(self, trouble: OutsideTrouble) -> float:
        """Return the seconds until the next attempt, after this came of the last one."""
        self._attempts += 1
        if trouble in ABSENT:
            self._refusals = 0
            return 0.0 if self._attempts == 1 else min(ABSENT_SECONDS, self.longest)
        pause = min(2.0 ** min(self._refusals, 30), self.longest)
        self._refusals += 1
        return min(pause * (1 + JITTER * (2 * self._chance() - 1)), self.longest)

    def settled(self) -> None:
        """Begin anew, for it went well for a while."""
        self._attempts = self._refusals = 0
