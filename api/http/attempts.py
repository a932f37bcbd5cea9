"""What is remembered of failed credentials: records in a table that strangers cannot fill or flush.

Pure but for the lots in which others wait; times are handed in. Who may try what is decided in
`credentials.py`.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict

import trio

LONGEST_CHECK = 30.0  # seconds; an attempt still open after this was forgotten


class Record:
    """What is known of one key: when it failed, when the undecided attempts began."""

    __slots__ = ("decided", "failures", "open")

    def __init__(self) -> None:
        self.failures = array("d")  # times, the oldest first: a tenth of what a deque takes
        self.open = array("d")
        self.decided = trio.lowlevel.ParkingLot()

    @property
    def attempts(self) -> int:
        """How many failed or may yet fail."""
        return len(self.failures) + len(self.open)

    def fail(self, now: float, most: int) -> None:
        """Note a failure; no more than the newest `most` are kept."""
        self.failures.append(now)
        del self.failures[: max(0, len(self.failures) - most)]

    def forgive(self, times: array[float]) -> None:
        """Take out these failures, as far as they are still known."""
        for time in times:
            if time in self.failures:
                self.failures.remove(time)

    def close(self, now: float, window: float) -> None:
        """One open attempt less."""
        del self.open[:1]
        self.forget(now, window)

    def forget(self, now: float, window: float) -> None:
        """Drop what is too old to count."""
        for times, age in ((self.failures, window), (self.open, LONGEST_CHECK)):
            old = next((i for i, time in enumerate(times) if time > now - age), len(times))
            del times[:old]


class Records:
    """At most `capacity` records. A new one takes the place of the one that was not used for the
    longest time; records at their limit are safe as long as there are others.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._rising: OrderedDict[bytes, Record] = OrderedDict()
        self._full: OrderedDict[bytes, Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rising) + len(self._full)

    def find(self, key: bytes) -> Record | None:
        return self._rising.get(key) or self._full.get(key)

    def take(self, key: bytes, now: float, window: float) -> Record:
        """Return the record of this key, a new one where there is none."""
        if record := self._full.get(key):
            return record
        if record := self._rising.get(key):
            self._rising.move_to_end(key)
            return record
        while len(self) >= self._capacity:
            self._evict(now - window)
        self._rising[key] = record = Record()
        return record

    def _evict(self, forgotten: float) -> None:
        """Drop one: a full one whose failures no longer count, else what is not full, else any."""
        table = self._rising or self._full
        first = next(iter(self._full.values()), None)
        if first is not None and all(time <= forgotten for time in first.failures):
            table = self._full
        _, oldest = table.popitem(last=False)
        oldest.decided.unpark_all()

    def settle(self, key: bytes, limit: int) -> None:
        """File a record by what it holds now: at its limit, below it, or nothing at all.

        One that others wait for stays, or a second one of the same key would know nothing of them.
        """
        record = self._rising.pop(key, None) or self._full.pop(key, None)
        if record is not None and (record.attempts or record.decided):
            table = self._full if limit and len(record.failures) >= limit else self._rising
            table[key] = record


def digest(*parts: str) -> bytes:
    """Return the same few bytes for the same parts, however long they are, and for no others."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hashed.update(len(data).to_bytes(8))
        hashed.update(data)
    return hashed.digest()
