"""From the RTP timestamps of one source to the times of our clock."""

from __future__ import annotations

from media.rtp.sender_clock import SenderClock, signed

PLAUSIBLE_SECONDS = 5.0


class Timeline:
    """Tells when a packet was captured: by the sender's reports, until the first one by arrival."""

    def __init__(self, clock_rate: int, sender: SenderClock) -> None:
        self._rate = clock_rate
        self._sender = sender
        self._report: tuple[int, int] | None = None

    def observe_report(self, ntp: int, timestamp: int, arrival: float) -> None:
        """Take a sender report; it was on its way until `arrival`."""
        self._sender.observe(ntp, arrival)
        self._report = (ntp, timestamp)

    def time_of_report(self, ntp: int) -> float:
        """Return the time of our clock at the sender's `ntp`, which was observed."""
        return self._sender.to_ours(ntp)

    def forget(self) -> None:
        """Begin anew with a sender that began anew."""
        self._report = None

    def capture_time(self, timestamp: int, arrival: float) -> float:
        """Return when the packet with `timestamp`, which came at `arrival`, was captured."""
        if self._report is None:
            return arrival
        ntp, reported = self._report
        captured = self._sender.to_ours(ntp) + signed(timestamp - reported) / self._rate
        return captured if abs(captured - arrival) < PLAUSIBLE_SECONDS else arrival
