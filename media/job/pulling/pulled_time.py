"""The times of a source outside, made into times of ours that go on. Pure.

Sound and picture of a source have one zero. Positions are seconds since the first packet, plus one
for what comes before it.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_POSITION = 1.0
BACK_SECONDS = 0.5  # by which times may go back, and are those of the same clock
AHEAD_SECONDS = 3.0  # of what arrivals say, and the clock was set
BEHIND_SECONDS = 10.0  # more than a network stalls
APART_SECONDS = 10.0  # between sound and picture, and they have no common zero
CREEP = 0.002  # by which a clock of ours gives way: those of sources are slower by half of it
NOTICED_SECONDS = 0.01  # by which the relation of two clocks is another one
LATE_SECONDS = 0.5  # by which paced media may come too late without a new beginning


@dataclass(frozen=True, slots=True)
class _Seen:
    position: float
    arrival: float


class PulledTime:
    """Puts packets to their positions. Where a clock jumps, what passed between arrivals counts.

    The second kind whose times jump follows the first one, so that both stay in step; times from
    before the jump, which come in between, keep their old place.
    """

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._latest: _Seen | None = None
        self._offsets: list[float] = []  # from seconds to positions, the newest first
        self.jumps = 0

    def restart(self) -> None:
        """Say that times mean something else from now on: the source was opened anew."""
        self._offsets = []

    def place(self, kind: str, seconds: float | None, step: float, arrival: float) -> float:
        """Return the position of a packet; `step` is what the one before lasts, as far as known.

        `seconds` is the source's time, None where it says none. A longer step is not believed than
        one by which a clock may jump.
        """
        before = self._seen.get(kind)
        position = self._position(before, seconds, min(step, AHEAD_SECONDS), arrival)
        self._seen[kind] = found = _Seen(position, arrival)
        if self._latest is None or position >= self._latest.position:
            self._latest = found
        return position

    def _position(
        self, before: _Seen | None, seconds: float | None, step: float, arrival: float
    ) -> float:
        for offset in self._offsets if seconds is not None else ():
            position = seconds + offset  # type: ignore[operator]
            if self._fits(before, position, arrival):
                return position
        if seconds is None and before is not None and self._offsets:
            return before.position + step
        position = self._by_now(arrival)
        if before is not None:
            position = max(position, before.position + step)
        if seconds is not None:
            self.jumps += bool(self._offsets)
            self._offsets = [position - seconds, *self._offsets[:1]]
        return position

    def _fits(self, before: _Seen | None, position: float, arrival: float) -> bool:
        if before is not None:
            step, passed = position - before.position, arrival - before.arrival
            return step >= -BACK_SECONDS and -BEHIND_SECONDS <= step - passed <= AHEAD_SECONDS
        return position >= 0 and abs(position - self._by_now(arrival)) <= APART_SECONDS

    def _by_now(self, arrival: float) -> float:
        if self._latest is None:
            return FIRST_POSITION
        return self._latest.position + max(0.0, arrival - self._latest.arrival)


class PulledClock:
    """Says at which moment a position was: the earliest that any packet came by.

    `version` is another number where that has changed so much that receivers have to be told.
    """

    def __init__(self) -> None:
        self.version = 0
        self._start = self._told = float("inf")
        self._at = 0.0

    def observe(self, position: float, arrival: float) -> None:
        """Take when a packet came."""
        if self.version:
            self._start += CREEP * max(0.0, arrival - self._at)
        self._at = arrival
        self._start = min(self._start, arrival - position)
        if abs(self._start - self._told) > NOTICED_SECONDS:
            self._told = self._start
            self.version += 1

    def restart(self) -> None:
        """Begin anew: what comes now may take longer on its way."""
        self._start = float("inf")

    def moment(self, position: float) -> float:
        """Return time.monotonic at a position; something must have been observed."""
        return position + self._start


class PulledPace:
    """Says when what has no pace of its own goes on: as fast as it is shown."""

    def __init__(self) -> None:
        self._start: float | None = None

    def due(self, position: float, now: float) -> float:
        """Return when a packet goes on. What comes late goes at once, and what follows after it."""
        if self._start is None or now - position - self._start > LATE_SECONDS:
            self._start = now - position
        return self._start + position


class OutputTime:
    """Times of an output of packets that follow each other: those of sources are rounded."""

    def __init__(self, rate: int, tolerance: float) -> None:
        self._rate = rate
        self._tolerance = round(tolerance * rate)
        self._next: int | None = None

    def begin(self, position: float, ticks: int) -> int | None:
        """Return the time of what begins at a position and lasts so long; None if it is too late.

        It goes on where the last one ended, if that is near enough.
        """
        at = round(position * self._rate)
        if self._next is not None and abs(at - self._next) <= self._tolerance:
            at = self._next
        elif self._next is not None and at < self._next:
            return None
        self._next = at + ticks
        return at
