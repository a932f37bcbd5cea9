"""When the units of one stream were captured, on the clock that all streams share.

By the sender's reports; before there is one, by arrivals. Times follow the RTP timestamps, so that
a jittery network does not show, and move gently to where a new report places them. Only a leap is
taken at once: of a sender's clock that was set, or that stood still while the sender paused.
"""

from __future__ import annotations

from media.rtp.sender_clock import signed

PLAUSIBLE_SECONDS = 5.0  # between what a report says of a packet's time, and its arrival
LEAP_SECONDS = 0.5  # to where a stream belongs, from which on it goes there at once
PACES = {"audio": 0.02, "video": 0.25}  # of the time that passes: how fast it goes there else


class CodedClock:
    """Pure. Timestamps come in the order of decoding."""

    def __init__(self, kind: str, clock_rate: int) -> None:
        self._rate = clock_rate
        self._pace = PACES[kind]
        self._ticks: int | None = None  # the newest timestamp, widened
        self._anchor = (0, 0.0)  # a timestamp, and its moment
        self._report: tuple[int, float] | None = None
        self.backward = False  # the last picture is shown before one that came before it

    @property
    def told(self) -> bool:
        """Whether the sender has reported."""
        return self._report is not None

    def take_report(self, timestamp: int, moment: float) -> None:
        """Take when a timestamp was captured."""
        self._report = (timestamp, moment)

    def moment(self, timestamp: int, arrival: float) -> float:
        """Return when the unit with this timestamp, which came at `arrival`, was captured."""
        newest = self._ticks
        if newest is None:
            self._ticks = timestamp
            self._anchor = (timestamp, self._reported(timestamp, arrival) or arrival)
            return self._anchor[1]
        ticks = newest + signed(timestamp - newest)
        passed = max(0, ticks - newest) / self._rate
        time = self._anchor[1] + (ticks - self._anchor[0]) / self._rate
        away = self._wanted(timestamp, arrival, time) - time
        if abs(away) <= LEAP_SECONDS:
            limit = self._pace * passed
            away = min(limit, max(-limit, away))
        self.backward = ticks < newest and abs(away) <= LEAP_SECONDS
        if not self.backward:
            self._ticks, self._anchor = ticks, (ticks, time + away)
        return time + away

    def _wanted(self, timestamp: int, arrival: float, time: float) -> float:
        reported = self._reported(timestamp, arrival)
        if reported is not None:
            return reported
        return time if 0 <= arrival - time < PLAUSIBLE_SECONDS else arrival

    def _reported(self, timestamp: int, arrival: float) -> float | None:
        if self._report is None:
            return None
        reported, moment = self._report
        captured = moment + signed(timestamp - reported) / self._rate
        return captured if abs(captured - arrival) < PLAUSIBLE_SECONDS else None
