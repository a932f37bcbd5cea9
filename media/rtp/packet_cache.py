"""The packets that a leg sent last, to be sent again when the receiver misses one."""

from __future__ import annotations

from media.rtp.rtp_packet import RtpPacket
from media.rtp.splice import Segment

SIZE = 512  # a power of two
PAUSE_SECONDS = 0.02  # a packet is not sent again sooner; receivers ask twice within a round trip
MOST_TIMES = 10
BUDGET = 512.0  # packets that may be sent again at a stretch
BUDGET_PER_PACKET = 0.5  # in the long run, half of what the leg sends


class PacketCache:
    """Keeps packets with the offsets they left under, by the wide sequence number they left with.

    Packets are shared by all legs of a source, so an entry costs no copy of the payload. The leg
    writes `slots[number % SIZE] = (number, packet, segment)` itself, for each packet it sends.
    """

    __slots__ = ("_again", "_budget", "_newest", "slots")

    def __init__(self) -> None:
        self.slots: list[tuple[int, RtpPacket, Segment] | None] = [None] * SIZE
        self._again: dict[int, tuple[float, int]] = {}
        self._budget = BUDGET
        self._newest = 0

    def take_again(self, number: int, newest: int, now: float) -> tuple[RtpPacket, Segment] | None:
        """Return what left as `number`, where `newest` left last.

        None if it is gone, or if it or too much else was sent again of late.
        """
        slot = self.slots[number % SIZE]
        if slot is None or slot[0] != number:
            return None
        self._earn(newest)
        at, times = self._again.get(number, (float("-inf"), 0))
        if now - at < PAUSE_SECONDS or times >= MOST_TIMES or self._budget < 1.0:
            return None
        self._again[number] = (now, times + 1)
        self._budget -= 1.0
        return slot[1], slot[2]

    def _earn(self, newest: int) -> None:
        if newest == self._newest:
            return
        earned = (newest - self._newest) * BUDGET_PER_PACKET
        self._budget = min(BUDGET, self._budget + earned)
        self._newest = newest
        if len(self._again) > SIZE:
            self._again = {n: tried for n, tried in self._again.items() if n > newest - SIZE}
