"""Requests for keyframes, at most one a second for each stream; what comes too soon is kept."""

from __future__ import annotations

INTERVAL_SECONDS = 1.0
NEVER = float("inf")


class PacedRequests:
    """Pure: times are handed in. Streams are told apart by their names."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}
        self._kept: set[str] = set()

    def ask(self, name: str, now: float) -> bool:
        """Make a request; tell whether it goes now, or else when `due` says so."""
        if now - self._asked.get(name, -NEVER) < INTERVAL_SECONDS:
            self._kept.add(name)
            return False
        self._kept.discard(name)
        self._asked[name] = now
        return True

    def keep_only(self, names: set[str]) -> None:
        """Forget the streams that are no more."""
        self._asked = {name: at for name, at in self._asked.items() if name in names}
        self._kept &= names

    @property
    def next_due(self) -> float:
        """When the first one that was kept may go; infinite for never."""
        return min((self._asked[name] + INTERVAL_SECONDS for name in self._kept), default=NEVER)

    def due(self, now: float) -> list[str]:
        """Return the streams whose requests go now."""
        if now < self.next_due:  # by the same sum, so that nobody is woken for nothing
            return []
        late = [name for name in self._kept if now >= self._asked[name] + INTERVAL_SECONDS]
        for name in late:
            self._kept.discard(name)
            self._asked[name] = now
        return sorted(late)
