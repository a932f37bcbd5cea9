"""When things were captured: clocks of senders, told in the time of ours."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds of a clock that never steps; arrivals are given in the same one (time.monotonic)."""

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_OFFSET = time.time() - time.monotonic()  # fixed, so that our own NTP time never steps either


def ntp_time(now: float) -> int:
    """Return our clock's time as a 64-bit NTP timestamp."""
    return int((now + _OFFSET + NTP_EPOCH) * (1 << 32)) & (1 << 64) - 1


def time_of(ntp: int) -> float:
    """Return our clock's time of what `ntp_time` gave."""
    return ntp / (1 << 32) - NTP_EPOCH - _OFFSET


def ntp_seconds(ntp: int) -> float:
    """Return a 64-bit NTP timestamp in seconds since 1900, whatever its sender's clock says."""
    return ntp / (1 << 32)


def signed(difference: int) -> int:
    """Return a difference of RTP timestamps, which wrap at 32 bits, as a step either way."""
    return (difference + 0x80000000 & 0xFFFFFFFF) - 0x80000000


class SenderClock:
    """What the clock of one sender is ahead of ours; shared by all its streams.

    Streams that share one stay in step with each other, such as a camera and its microphone.
    """

    STEP_SECONDS = 1.0
    LEAK = 0.05

    def __init__(self) -> None:
        self._offset: float | None = None

    def observe(self, ntp: int, arrival: float) -> None:
        """Note that a report written at `ntp` came at `arrival`.

        The report that took the shortest way counts; slowly, so do the others, for clocks drift.
        """
        offset = arrival - ntp_seconds(ntp)
        before = self._offset
        if before is None or not before <= offset <= before + self.STEP_SECONDS:
            self._offset = offset
        else:
            self._offset = before + (offset - before) * self.LEAK

    def to_ours(self, ntp: int) -> float:
        """Return the time of our clock at the sender's `ntp`; observe it first."""
        return ntp_seconds(ntp) + (self._offset or 0.0)


class OurClock(SenderClock):
    """The clock of who reports in our time (`ntp_time`): what it says need not be guessed."""

    def observe(self, ntp: int, arrival: float) -> None:
        """Do nothing: how long a report took says nothing, it may tell of what was long before."""

    def to_ours(self, ntp: int) -> float:
        """Return the time of our clock at `ntp`."""
        return time_of(ntp)
