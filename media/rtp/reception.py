"""How well one stream is received: jitter, and what a receiver report says (RFC 3550, 6.4)."""

from __future__ import annotations

from media.rtp.rtcp import ReportBlock
from media.rtp.sender_clock import signed


class Reception:
    """Watches packets in order of sending. `arrival` is that of the latest one."""

    def __init__(self, clock_rate: int) -> None:
        self.arrival = float("-inf")
        self._rate = clock_rate
        self._timestamp = 0
        self._jitter = 0.0
        self._report: tuple[int, float] | None = None
        self._told = (0, 0)  # highest and lost at the last report of ours

    @property
    def jitter(self) -> float:
        """The interarrival jitter in seconds."""
        return self._jitter / self._rate

    def observe(self, timestamp: int, arrival: float) -> None:
        """Note a packet that is newer than all before."""
        since = arrival - self.arrival
        if since < 10.0:  # else it is the first one, or the first after a pause
            off = since * self._rate - signed(timestamp - self._timestamp)
            self._jitter += (abs(off) - self._jitter) / 16
        self._timestamp, self.arrival = timestamp, arrival

    def observe_report(self, ntp: int, arrival: float) -> None:
        """Note a report of the sender, written at `ntp`."""
        self._report = (ntp >> 16 & 0xFFFFFFFF, arrival)

    def forget(self) -> None:
        """Begin anew with a sender that began anew."""
        self.arrival = float("-inf")
        self._report = None

    def report(self, ssrc: int, highest: int, lost: int, now: float) -> ReportBlock:
        """Return the block of a report, and count the fraction lost from here on anew."""
        before_highest, before_lost = self._told
        self._told = (highest, lost)
        expected, missing = highest - before_highest, lost - before_lost
        fraction = 0
        if before_highest and expected > 0 and missing > 0:
            fraction = min(255, (missing << 8) // expected)
        last, delay = 0, 0
        if self._report is not None:
            last, delay = self._report[0], int((now - self._report[1]) * 65536)
        jitter = min(int(self._jitter), 0xFFFFFFFF)
        return ReportBlock(ssrc, fraction, lost, highest, jitter, last, delay)
