"""When the packets of one connection came, as its sender is told (transport-wide feedback).

draft-holmer-rmcat-transport-wide-cc-extensions-01: the sender numbers all packets of a connection
in a header extension, over all its streams, and finds out from their arrival what the path takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from media.rtp.sequence import CYCLE

INTERVAL_SECONDS = 0.05  # between feedbacks, at least
TICKS_PER_SECOND = 4000  # of 250 µs, in which arrivals are told
TICKS_PER_REFERENCE = 256  # the reference time counts 64 ms
MOST_DELTA = 0x7FFF  # ticks between two packets in one feedback
MOST_TOLD = 200  # arrivals in one feedback, which keeps it below 1,200 bytes
MOST_PENDING = 2048  # numbers not told yet; beyond that the sender has lost count, or we have
REORDERED_SECONDS = 0.5  # for which a packet is remembered that was told already

MISSING, NEAR, FAR = range(3)  # what is told of a packet: not here, or its delta takes 1 or 2 bytes
LONGEST_RUN = 0x1FFF
BITS, PAIRS = 14, 7  # packets in a vector of one bit each, or of two


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one feedback tells: `ticks[i]` is when packet `first + i` came, None if it did not.

    Both are wide, ticks are of 250 µs of our clock; the last packet is one that came.
    """

    first: int
    ticks: tuple[int | None, ...]
    count: int


class Arrivals:
    """Notes packets by their 16-bit numbers, and tells now and then what is new."""

    def __init__(self) -> None:
        self._ticks: dict[int, int] = {}
        self._highest = 0
        self._first = 1  # from here on there is something to tell
        self._forgotten = 0  # the highest number of which it is not known any more if it came
        self._told_at = float("-inf")
        self._count = 0

    def note(self, sequence: int, arrival: float) -> None:
        """Note a packet; only the first one of its number counts."""
        highest = self._highest
        if not highest:
            number = CYCLE + sequence
        else:
            number = highest + (sequence - highest + 0x8000 & 0xFFFF) - 0x8000
        if not highest or abs(number - highest) >= MOST_PENDING:
            self._begin(number)
        elif number in self._ticks:
            return
        if number > self._highest:
            self._highest = number
            self._first = max(self._first, number - MOST_PENDING + 1)
            if len(self._ticks) >= 2 * MOST_PENDING:
                kept = number - MOST_PENDING
                self._ticks = {n: ticks for n, ticks in self._ticks.items() if n > kept}
        elif number < self._first:
            self._first = number
        self._ticks[number] = int(arrival * TICKS_PER_SECOND)

    def due(self, now: float) -> list[Feedback]:
        """Return what is to be told now: every packet since the last time, and what came late.

        Packets around one that came late are told again, as they would else pass for lost.
        """
        if now - self._told_at < INTERVAL_SECONDS or self._first > self._highest:
            return []
        self._told_at = now
        found = []
        first = self._first
        for last in self._ends():
            ticks = tuple(self._ticks.get(number) for number in range(first, last + 1))
            found.append(Feedback(first, ticks, self._count))
            self._count = self._count + 1 & 0xFF
            first = last + 1
        self._first = self._highest + 1
        self._forget_before(int((now - REORDERED_SECONDS) * TICKS_PER_SECOND))
        return found

    def take_back(self, feedback: Feedback) -> None:
        """Tell this again, and what was due with it behind it: it could not leave.

        What has been forgotten meanwhile is told no more: it would pass for lost.
        """
        self._first = max(feedback.first, self._forgotten + 1)
        self._count = feedback.count

    def _begin(self, number: int) -> None:
        """Begin at a number that has nothing to do with those before."""
        self._ticks.clear()
        self._forgotten = 0
        self._highest = self._first = number

    def _forget_before(self, old: int) -> None:
        """Forget the packets that came before a time; they stand in the order they came in."""
        gone = []
        for number, ticks in self._ticks.items():
            if ticks >= old:
                break
            gone.append(number)
        for number in gone:
            del self._ticks[number]
        self._forgotten = max(gone, default=self._forgotten)

    def _ends(self) -> list[int]:
        """Return the number that each feedback ends with."""
        ends: list[int] = []
        told, before = 0, None
        came = self._ticks
        numbers = [number for number in range(self._first, self._highest + 1) if number in came]
        for at, number in enumerate(numbers):
            ticks = came[number]
            apart = before is not None and abs(ticks - before) > MOST_DELTA
            if told == MOST_TOLD or apart:
                ends.append(numbers[at - 1])
                told = 0
            told, before = told + 1, ticks
        return [*ends, *numbers[-1:]]


def write_feedback(sender: int, ssrc: int, feedback: Feedback) -> bytes:
    """Return the RTCP packet, by the receiver `sender`; `ssrc` is any stream of the connection."""
    came = [ticks for ticks in feedback.ticks if ticks is not None]
    reference = came[0] // TICKS_PER_REFERENCE
    before = reference * TICKS_PER_REFERENCE
    symbols: list[int] = []
    deltas = bytearray()
    for ticks in feedback.ticks:
        if ticks is None:
            symbols.append(MISSING)
            continue
        delta, before = ticks - before, ticks
        if 0 <= delta <= 0xFF:
            symbols.append(NEAR)
            deltas.append(delta)
        else:
            symbols.append(FAR)
            deltas += delta.to_bytes(2, "big", signed=True)
    body = sender.to_bytes(4) + ssrc.to_bytes(4)
    body += (feedback.first & 0xFFFF).to_bytes(2) + len(symbols).to_bytes(2)
    body += (reference & 0xFFFFFF).to_bytes(3) + bytes([feedback.count])
    body += b"".join(chunk.to_bytes(2) for chunk in _chunks(symbols)) + deltas
    padding = -len(body) % 4
    if padding:
        body += bytes(padding - 1) + bytes([padding])
    return bytes([0xAF if padding else 0x8F, 205]) + (len(body) // 4).to_bytes(2) + body


def _chunks(symbols: Sequence[int]) -> list[int]:
    """Put symbols into chunks: long runs as such, others with one bit each or, if need be, two."""
    chunks = []
    at = 0
    while at < len(symbols):
        part = symbols[at : at + BITS]
        run = len(list(next(groupby(islice(symbols, at, at + LONGEST_RUN)))[1]))
        if run >= len(part) or (run >= PAIRS and FAR in part):
            chunks.append(symbols[at] << 13 | run)
            at += run
        elif FAR not in part:
            chunks.append(2 << 14 | _packed(part, BITS, 1))
            at += BITS
        else:
            chunks.append(3 << 14 | _packed(part[:PAIRS], PAIRS, 2))
            at += PAIRS
    return chunks


def _packed(symbols: Sequence[int], places: int, bits: int) -> int:
    """Return symbols side by side, the first one highest, and nothing in the places left over."""
    value = 0
    for symbol in symbols:
        value = value << bits | symbol
    return value << bits * (places - len(symbols))
