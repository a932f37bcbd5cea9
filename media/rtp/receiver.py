"""What the receiver of a leg reported last."""

from __future__ import annotations

from media.contract.stats import ReceiverStats
from media.rtp.rtcp import ReportBlock
from media.rtp.sender_clock import ntp_time

LONGEST_ROUND_TRIP = 10.0


class ReceiverReports:
    """Reports of one receiver; all None until it sent one."""

    def __init__(self) -> None:
        self.lost: int | None = None
        self.fraction_lost: float | None = None
        self.round_trip: float | None = None
        self.limit: int | None = None
        self.fir_number: int | None = None
        self._jitter: int | None = None

    def stats(self, clock_rate: int) -> ReceiverStats:
        """Return what was reported last."""
        jitter = None if self._jitter is None else self._jitter / clock_rate
        return ReceiverStats(self.lost, self.fraction_lost, jitter, self.round_trip, self.limit)

    def take_report(self, block: ReportBlock, arrival: float) -> None:
        """Take what a report says of the leg."""
        self.lost = block.lost
        self.fraction_lost = block.fraction_lost / 256
        self._jitter = block.jitter
        if block.last_report:
            now = ntp_time(arrival) >> 16 & 0xFFFFFFFF
            round_trip = (now - block.last_report - block.delay & 0xFFFFFFFF) / 65536
            if round_trip < LONGEST_ROUND_TRIP:
                self.round_trip = round_trip
