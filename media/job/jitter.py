"""Packets of one sender in order of their time, and how long they had better wait.

Pure: it has no clock, and knows no codec. Times are counted in samples of 48 kHz whatever the clock
of the stream; sequence numbers are not needed, for each packet of sound has a time of its own.

The delay follows what is measured: what a packet took, compared with the quickest ones of the last
ten seconds. A sender's clock that drifts moves those, and so does nothing else.
"""

from __future__ import annotations

from bisect import insort
from collections import deque

from media.job.pcm import RATE

SHORTEST, LONGEST = 0.02, 0.2  # seconds that packets wait for those that are late
MARGIN = 0.01  # seconds more than was needed
SHARE_IN_TIME = 0.97  # of the packets, that shall be there when they are played
MEASURED = 256  # packets
MEASURED_EVERY = 16
WINDOWS = 10  # of a second each, in which the quickest packet is remembered
TOO_EARLY = 0.3  # seconds before the quickest one: a clock that was set, or garbage
AGREE, AGREEING = 0.04, 4  # so many packets so close to each other are believed
MOST_PACKETS, MOST_BYTES = 128, 1 << 16


class JitterBuffer:
    """Takes packets as they come, gives them in order, once each.

    After a leap of the sender's clock `leaps` has grown, what was held is gone, and times have
    nothing to do with those before.
    """

    def __init__(self, clock_rate: int) -> None:
        self.late = self.repeated = self.overflowed = self.leaps = 0
        self.delay = SHORTEST
        self._scale = RATE // clock_rate
        self._highest: int | None = None  # time of the newest packet, widened
        self._done = -(1 << 62)  # what is before this time was given, or is given up
        self._held: list[tuple[int, bytes]] = []
        self._bytes = 0
        self._quickest: deque[tuple[int, float]] = deque(maxlen=WINDOWS)
        self._base = 0.0
        self._transits: deque[float] = deque(maxlen=MEASURED)
        self._unmeasured = 0
        self._strange: deque[float] = deque(maxlen=AGREEING)

    @property
    def begun(self) -> bool:
        """Return whether anything came yet."""
        return self._highest is not None

    @property
    def place(self) -> float:
        """Return the moment at which time 0 is to be played."""
        return self._base + self.delay

    @property
    def held(self) -> int:
        """Return how many packets wait."""
        return len(self._held)

    def widen(self, timestamp: int) -> int | None:
        """Return a time of the stream in samples of 48 kHz, None before anything came."""
        if self._highest is None:
            return None
        known = self._highest // self._scale
        step = (timestamp - known + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
        return (known + step) * self._scale

    def push(self, timestamp: int, payload: bytes, arrival: float) -> None:
        """Take a packet; `timestamp` as in its header, arrival in seconds of any clock."""
        time = self.widen(timestamp)
        if time is None:
            time = timestamp * self._scale
            self._begin(arrival - time / RATE, arrival)
        transit = arrival - time / RATE
        if not self._base - TOO_EARLY <= transit <= self._base + LONGEST:
            self._strange.append(transit)
            believed = len(self._strange) == AGREEING
            if not believed or max(self._strange) - min(self._strange) > AGREE:
                self.late += 1
                return
            self.leaps += 1
            self._forget()
            self._begin(transit, arrival)
        else:
            self._strange.clear()
            self._measure(transit, arrival)
        self._highest = time if self._highest is None else max(self._highest, time)
        self._hold(time, payload)

    def pop(self, before: int) -> tuple[int, bytes] | None:
        """Return the next packet that begins before a time: its own time, and its payload."""
        while self._held and self._held[0][0] < self._done:
            self._bytes -= len(self._held.pop(0)[1])
            self.late += 1
        if not self._held or self._held[0][0] >= before:
            return None
        time, payload = self._held.pop(0)
        self._bytes -= len(payload)
        self._done = time + 1
        return time, payload

    def give_up(self, before: int) -> None:
        """Give and take nothing any more from before this time."""
        self._done = max(self._done, before)

    def _hold(self, time: int, payload: bytes) -> None:
        if time < self._done:
            self.late += 1
            return
        if any(time == each for each, _ in self._held):
            self.repeated += 1
            return
        insort(self._held, (time, payload))
        self._bytes += len(payload)
        while len(self._held) > MOST_PACKETS or self._bytes > MOST_BYTES:
            self._bytes -= len(self._held.pop(0)[1])
            self.overflowed += 1

    def _begin(self, transit: float, arrival: float) -> None:
        self._base = transit
        self._quickest.append((int(arrival), transit))
        self._transits.append(transit)

    def _forget(self) -> None:
        self._highest = None
        self._done = -(1 << 62)
        self._held.clear()
        self._bytes = 0
        self._quickest.clear()
        self._transits.clear()
        self._strange.clear()

    def _measure(self, transit: float, arrival: float) -> None:
        window = int(arrival)
        if not self._quickest or window > self._quickest[-1][0]:
            self._quickest.append((window, transit))
        elif transit < self._quickest[-1][1]:
            self._quickest[-1] = (self._quickest[-1][0], transit)
        self._base = min(each for _, each in self._quickest)
        self._transits.append(transit)
        self._unmeasured += 1
        if self._unmeasured >= MEASURED_EVERY or transit > self.place:
            self._unmeasured = 0
            usual = sorted(self._transits)[int((len(self._transits) - 1) * SHARE_IN_TIME)]
            self.delay = min(LONGEST, max(SHORTEST, usual - self._base + MARGIN))
