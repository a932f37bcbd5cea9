"""The sequence numbers of one source: widened, with duplicates told from latecomers."""

from __future__ import annotations

CYCLE = 1 << 16
REMEMBERED = 4096  # packets; ones later than that are taken for another beginning
LONGEST_JUMP = 3000  # more than that forwards is a sender that began anew (RFC 3550, A.1)


class SequenceWindow:
    """Turns 16-bit sequence numbers into ones that only grow, and keeps count of the missing."""

    __slots__ = ("_first", "_seen", "_suspect", "highest", "lost", "refused", "restarts")

    def __init__(self) -> None:
        self.highest = 0  # 0: nothing came yet
        self.lost = 0
        self.refused = 0
        self.restarts = 0
        self._first = 0
        self._seen = [0] * REMEMBERED
        self._suspect = -1

    def accept(self, sequence: int) -> int:
        """Return the wide number; 0 for a duplicate, one too late, or a leap not yet believed.

        A leap is believed when its successor comes; then `restarts` has grown, and numbers go on
        far above all earlier ones.
        """
        highest = self.highest
        if not highest:
            return self._begin(CYCLE + sequence)
        step = (sequence - highest + 0x8000 & 0xFFFF) - 0x8000
        number = highest + step
        if 0 < step <= LONGEST_JUMP:
            self.lost += step - 1
            self.highest = number
        elif -REMEMBERED < step <= 0:
            if self._seen[number % REMEMBERED] == number:
                self.refused += 1
                return 0
            if number > self._first:
                self.lost -= 1
        else:
            return self._leap(sequence)
        self._seen[number % REMEMBERED] = number
        self._suspect = -1
        return number

    def restart(self, sequence: int) -> int:
        """Go on at a new sender's number; return it widened."""
        self.restarts += 1
        return self._begin((self.highest // CYCLE + 2) * CYCLE + sequence)

    def _begin(self, number: int) -> int:
        self._first = self.highest = number
        self._suspect = -1
        # What was sent before the first packet may still come: it never counted as lost.
        self._seen = [0] * REMEMBERED
        self._seen[number % REMEMBERED] = number
        return number

    def _leap(self, sequence: int) -> int:
        if sequence == self._suspect:
            return self.restart(sequence)
        self._suspect = sequence + 1 & 0xFFFF
        self.refused += 1
        return 0
