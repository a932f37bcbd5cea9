"""When each step of sound is due, and which time it has. It is handed the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from media.job.pcm import RATE, STEP, STEP_SECONDS

MOST_LATE = 0.2  # seconds that are caught up; the rest is left out
FIRST_POSITION = RATE  # above the times that encoders give what they put in front
TOLD_EVERY = 1.0  # seconds between two tellings of how times and moments relate


@dataclass(frozen=True, slots=True)
class Due:
    """A step: its moment in seconds, and the position of its first sample.

    `told`: whether how the two relate shall be told with it.
    """

    moment: float
    position: int
    told: bool


class StepSchedule:
    """One step every 20 ms from the first call on, however late it is called."""

    def __init__(self) -> None:
        self.skipped = 0  # steps
        self._first: float | None = None
        self._done = 0  # steps, those left out too
        self._told = float("-inf")

    @property
    def next(self) -> float:
        """Return when the next step is due; 0 before the first."""
        return 0.0 if self._first is None else self._first + self._done * STEP_SECONDS

    def tell_again(self) -> None:
        """Have the next step tell, for there is a new output."""
        self._told = float("-inf")

    def due(self, now: float) -> Iterator[Due]:
        """Return the steps that are due, and leave out those that are too late."""
        if self._first is None:
            self._first = now
        late = int((now - self.next) / STEP_SECONDS)
        if late * STEP_SECONDS > MOST_LATE:
            left_out = late - int(MOST_LATE / STEP_SECONDS)
            self._done += left_out
            self.skipped += left_out
        while self.next <= now:
            moment = self.next
            told = moment - self._told >= TOLD_EVERY
            if told:
                self._told = moment
            position = FIRST_POSITION + self._done * STEP
            self._done += 1
            yield Due(moment, position, told)
