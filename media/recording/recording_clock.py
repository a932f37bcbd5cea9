"""When the frames of a stream happened, by their RTP timestamps, on the clock of arrivals.

Each stream counts time on a clock of its own, from a number of its own. A stream's first packet is
placed where it arrived; what follows is placed by timestamps, so that gaps stay gaps and a jittery
network does not show. Where timestamps cannot be right, arrivals count: a sender that paused its
clock, too, leaves a gap as long as nothing came (`lateness.py`), and one whose clock leaps goes on
where it arrives. Streams of one sender also tell, in sender reports, which timestamp belongs to
which moment of the sender's wall clock (RFC 3550, 6.4.1): from the first reports on, video is
placed by them on the audio's time. It moves there gently, since frames before it are written
already; audio is never moved for that, it would be heard.
"""

from __future__ import annotations

from dataclasses import dataclass

from media.recording.lateness import Lateness

_TRUST = 10.0  # seconds that a slow clock, or reports, may place a frame away from its arrival
_LEAP = 2.0  # seconds that timestamps may run ahead of arrivals; more, and the clock was set
_REORDERED = 0.5  # seconds that a picture may be shown before one that is decoded before it
_PACE = 0.25  # of the time since the frame before: how fast a picture moves to where it belongs
_SILENCE = 1.0  # seconds without packets after which a report says nothing of any


@dataclass(frozen=True, slots=True)
class _Report:
    """One sender report: the sender's wall clock in seconds, and the timestamp of that moment."""

    wall: float
    ticks: int


class RecordingClock:
    """Places the frames of one stream; `leader` is the stream of the same sender it goes by.

    `reorders` says that frames may come in another order than they are shown in. Otherwise no frame
    is placed before an earlier one, whatever the stream says and over any restart.
    """

    def __init__(
        self, clock_rate: int, leader: RecordingClock | None = None, *, reorders: bool = False
    ) -> None:
        self._rate = clock_rate
        self._leader = leader
        self._back = round(_REORDERED * clock_rate) if reorders else 0
        self._newest: int | None = None  # timestamp, counted on beyond 32 bits
        self._anchor = (0, 0.0)  # a timestamp and when it arrived
        self._lateness = Lateness()
        self._late_from = 0  # the timestamp from which on a pause would be
        self._report: _Report | None = None
        self._shift: float | None = None  # from the anchor's time to where reports say
        self._placed: float | None = None  # the frame before
        self._latest = float("-inf")  # of all that were placed

    def restart(self, clock_rate: int) -> None:
        """Forget the stream: another one takes its place, and counts from elsewhere."""
        self._rate = clock_rate
        self._newest = self._report = self._shift = self._placed = None

    def hear(self, timestamp: int, arrival: float) -> bool:
        """Note a packet; they come in order. Tell whether it is known where its frame belongs.

        While it is not, `place` must wait, and `settle` is to be called before the next packet.
        """
        newest, lateness = self._newest, self._lateness
        if newest is None:
            self._set(timestamp, max(arrival, self._latest), arrival)
            return True
        ticks = self._count_on(timestamp)
        self._anchor_earlier(ticks, arrival)
        late = arrival - self._by_anchor(ticks)
        if self._leaps(ticks, late):
            usual = arrival - lateness.usual
            self._set(timestamp, max(self._by_anchor(newest), usual), arrival)
        elif ticks > newest:
            self._newest = ticks
            if not lateness.in_question:
                self._late_from = ticks
            lateness.note(late, arrival)
            if lateness.usual > _TRUST:
                self._set(timestamp, arrival, arrival)
        return not lateness.in_question

    def settle(self, now: float, timestamp: int | None = None, *, at_once: bool = False) -> bool:
        """Find out where frames in question belong; tell whether that is known at `now`.

        `timestamp` is that of the packet which is about to be heard.
        """
        if timestamp is not None and self._newest is not None:
            ticks = self._count_on(timestamp)
            at_once |= self._leaps(ticks, now - self._by_anchor(ticks))
        pause = self._lateness.settle(now, at_once=at_once)
        if pause:
            self._anchor = (self._late_from, self._by_anchor(self._late_from) + pause)
            self._report = None
        return pause is not None

    def take_report(self, ntp: int, timestamp: int, arrival: float) -> None:
        """Note a sender report; `ntp` is its 64-bit time stamp."""
        lateness = self._lateness
        if self._newest is None or lateness.in_question or lateness.silent(arrival, _SILENCE):
            return
        if ntp:
            self._report = _Report(ntp / 2**32, self._count_on(timestamp))

    def place(self, timestamp: int) -> float:
        """Return when a frame happened whose packets were heard."""
        ticks = self._count_on(timestamp)
        time = self._by_anchor(ticks)
        wanted = self._by_reports(ticks)
        if wanted is not None:
            self._approach(wanted - time, time)
        if self._shift is not None:
            time += self._shift
        if time >= self._latest:
            self._latest = time
        elif not self._back:
            time = self._latest
        self._placed = time
        return time

    def time_at(self, wall: float) -> float | None:
        """Return when a moment of the sender's wall clock was; None before its first report."""
        if self._report is None:
            return None
        return self._by_anchor(self._report.ticks) + wall - self._report.wall

    def _set(self, timestamp: int, time: float, arrival: float) -> None:
        """Count from this packet on, which happened at `time`."""
        self._newest, self._anchor, self._report = timestamp, (timestamp, time), None
        self._lateness.begin(arrival - time, arrival)

    def _anchor_earlier(self, ticks: int, arrival: float) -> None:
        """Count from a packet that was less late than the first one, while nothing is placed.

        Else one late packet in front of the first keyframe would put the picture into the future.
        """
        time = max(arrival, self._latest)
        if self._placed is None and ticks > self._anchor[0] and self._by_anchor(ticks) > time:
            self._anchor = (ticks, time)
            self._lateness.begin(arrival - time, arrival)

    def _leaps(self, ticks: int, late: float) -> bool:
        """Tell whether the sender's clock was set, back or well ahead of what can be."""
        if self._newest is None:
            return False
        return ticks < self._newest - self._back or late < self._lateness.usual - _LEAP

    def _approach(self, wanted: float, time: float) -> None:
        if self._placed is None:
            self._shift = max(wanted, self._latest - time)
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
