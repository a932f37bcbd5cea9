"""The packets of one source that are missing and asked for again (generic NACK, RFC 4585)."""

from __future__ import annotations

LIMIT = 512
RETRY_SECONDS = 0.05  # grows with each try up to LONGEST_RETRY
LONGEST_RETRY = 0.2
GIVE_UP_SECONDS = 1.0


class MissingPackets:
    """Remembers gaps until they are filled, too old or too many. Numbers are wide ones."""

    __slots__ = ("_asked", "_next")

    def __init__(self) -> None:
        self._asked: dict[int, tuple[float, int]] = {}  # since when, and how often
        self._next = 0.0

    def __len__(self) -> int:
        return len(self._asked)

    def open_gap(self, first: int, after: int, now: float) -> list[int]:
        """Note that [first, after) is missing; return what to ask for at once.

        Nothing is returned, and all is forgotten, when more are missing than are worth asking for:
        what the receivers need then is a keyframe.
        """
        if len(self._asked) + after - first > LIMIT:
            self._asked.clear()
            return []
        if not self._asked:
            self._next = now + RETRY_SECONDS
        wanted = list(range(first, after))
        self._asked.update((number, (now, 1)) for number in wanted)
        return wanted

    def fill(self, number: int) -> bool:
        """Note that a late packet came; tell whether it had been asked for."""
        return self._asked.pop(number, None) is not None

    def forget(self) -> None:
        """Give up all, because the sender began anew."""
        self._asked.clear()

    def due(self, now: float) -> tuple[list[int], int]:
        """Return what to ask for again now, and how many were given up for good."""
        if now < self._next or not self._asked:
            return [], 0
        self._next = now + RETRY_SECONDS
        old = [number for number, (since, _) in self._asked.items() if _is_old(since, now)]
        for number in old:
            del self._asked[number]
        again = [n for n, (since, tries) in self._asked.items() if _is_due(since, tries, now)]
        for number in again:
            since, tries = self._asked[number]
            self._asked[number] = (since, tries + 1)
        return again, len(old)


def _is_old(since: float, now: float) -> bool:
    return now - since >= GIVE_UP_SECONDS


def _is_due(since: float, tries: int, now: float) -> bool:
    """Tries follow after 50, 100, 150 and then every 200 ms, counted from the first one."""
    growing = int(LONGEST_RETRY / RETRY_SECONDS)
    steps = sum(min(step, growing) for step in range(1, tries + 1))
    # A tick that comes a little early must not cost a whole round.
    return now - since >= steps * RETRY_SECONDS - RETRY_SECONDS / 10
