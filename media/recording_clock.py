"""When the frames of a stream happened, by their RTP timestamps, on the clock of arrivals.

Each stream counts time on a clock of its own, from a number of its own. A stream's first packet is
placed where it arrived; what follows is placed by timestamps alone, so that gaps stay gaps and a
jittery network does not show. Streams of one sender also tell, in sender reports, which timestamp
belongs to which moment of the sender's wall clock (RFC 3550, 6.4.1): from the first reports on,
video is placed by them on the audio's time. It moves there gently, since frames before it are
written already; audio never moves, for that would be heard.
"""

from __future__ import annotations

from dataclasses import dataclass

_TRUST = 10.0  # seconds that timestamps may be away from arrivals; beyond, the sender began anew
_PACE = 0.25  # of the time since the frame before: how fast a picture moves to where it belongs


@dataclass(frozen=True, slots=True)
class _Report:
    """One sender report: the sender's wall clock in seconds, and the timestamp of that moment."""

    wall: float
    ticks: int


class RecordingClock:
    """Places the frames of one stream; `leader` is the stream of the same sender it goes by."""

    def __init__(self, clock_rate: int, leader: RecordingClock | None = None) -> None:
        self._rate = clock_rate
        self._leader = leader
        self._newest: int | None = None  # timestamp, counted on beyond 32 bits
        self._anchor = (0, 0.0)  # a timestamp and when it arrived
        self._report: _Report | None = None
        self._shift: float | None = None  # from the anchor's time to where reports say
        self._placed: float | None = None  # the frame before

    def restart(self) -> None:
        """Forget the stream: another one takes its place, and counts from elsewhere."""
        self._newest = self._report = self._shift = self._placed = None

    def hear(self, timestamp: int, arrival: float) -> None:
        """Note a packet; they come in order."""
        ticks = self._count_on(timestamp)
        if self._newest is None or abs(self._by_anchor(ticks) - arrival) > _TRUST:
            self.restart()
            self._newest, self._anchor = timestamp, (timestamp, arrival)
        else:
            self._newest = max(self._newest, ticks)

    def take_report(self, ntp: int, timestamp: int) -> None:
        """Note a sender report; `ntp` is its 64-bit time stamp."""
        if ntp and self._newest is not None:
            self._report = _Report(ntp / 2**32, self._count_on(timestamp))

    def place(self, timestamp: int) -> float:
        """Return when a frame happened whose packets were heard."""
        ticks = self._count_on(timestamp)
        time = self._by_anchor(ticks)
        wanted = self._by_reports(ticks)
        if wanted is not None:
            self._approach(wanted - time, time)
        self._placed = time + (self._shift or 0.0)
        return self._placed

    def time_at(self, wall: float) -> float | None:
        """Return when a moment of the sender's wall clock was; None before its first report."""
        if self._report is None:
            return None
        return self._by_anchor(self._report.ticks) + wall - self._report.wall

    def _approach(self, wanted: float, time: float) -> None:
        if self._placed is None:
            self._shift = wanted
            return
        shift = self._shift or 0.0
        pace = _PACE * max(0.0, time + shift - self._placed)
        self._shift = shift + min(pace, max(-pace, wanted - shift))

    def _by_anchor(self, ticks: int) -> float:
        return self._anchor[1] + (ticks - self._anchor[0]) / self._rate

    def _by_reports(self, ticks: int) -> float | None:
        if self._leader is None or self._report is None:
            return None
        wall = self._report.wall + (ticks - self._report.ticks) / self._rate
        time = self._leader.time_at(wall)
        if time is None or abs(time - self._by_anchor(ticks)) > _TRUST:
            return None  # one of the clocks was set meanwhile, or never
        return time

    def _count_on(self, timestamp: int) -> int:
        if self._newest is None:
            return timestamp
        ahead = (timestamp - self._newest) & 0xFFFFFFFF
        return self._newest + (ahead if ahead < 0x80000000 else ahead - 0x100000000)
