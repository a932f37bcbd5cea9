"""What the receiver of a leg reported last."""

from __future__ import annotations

from media.contract.stats import ReceiverStats
from media.rtp.recent_loss import HOLDS_SECONDS, RecentLoss
from media.rtp.rtcp import ReportBlock
from media.rtp.sender_clock import ntp_time, signed

LONGEST_ROUND_TRIP = 10.0


class ReceiverReports:
    """Reports of one receiver; all None until it sent one."""

    def __init__(self) -> None:
        self.lost: int | None = None
        self.round_trip: float | None = None
        self.limit: int | None = None
        self.fir_number: int | None = None
        self._jitter = 0
        self._reported_at: float | None = None
        self._highest = 0
        self._expected = 0  # since the first report
        self._loss = RecentLoss()

    def stats(self, clock_rate: int, now: float) -> ReceiverStats:
        """Return what was reported last."""
        if self._reported_at is None or now - self._reported_at >= HOLDS_SECONDS:
            return ReceiverStats(self.lost, None, None, None, self.limit)
        fraction, jitter = self._loss.fraction(now), self._jitter / clock_rate
        return ReceiverStats(self.lost, fraction, jitter, self.round_trip, self.limit)

    def take_report(self, block: ReportBlock, arrival: float) -> None:
        """Take what a report says of the leg."""
        if self._reported_at is not None:
            self._expected += signed(block.highest - self._highest)
        self._loss.note(self._expected, block.lost, arrival)
        self._reported_at, self._highest = arrival, block.highest
        self.lost, self._jitter = block.lost, block.jitter
        if block.last_report:
            now = ntp_time(arrival) >> 16 & 0xFFFFFFFF
            round_trip = (now - block.last_report - block.delay & 0xFFFFFFFF) / 65536
            if round_trip < LONGEST_ROUND_TRIP:
                self.round_trip = round_trip
