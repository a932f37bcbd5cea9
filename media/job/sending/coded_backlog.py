"""Units that wait to be sent, within a bound: whoever is too slow misses some, up to a keyframe."""

from __future__ import annotations

from media.job.sending.coded_unit import CodedUnit

MOST_UNITS, MOST_BYTES = 2048, 16 << 20


class CodedBacklog:
    """Pure. Where there is no room all that waits is dropped, and pictures up to a keyframe."""

    def __init__(self, most_units: int = MOST_UNITS, most_bytes: int = MOST_BYTES) -> None:
        self._most_units = most_units
        self._most_bytes = most_bytes
        self._units: list[CodedUnit] = []
        self._bytes = 0
        self.dropped = 0
        self.waiting = False  # for a keyframe

    def __len__(self) -> int:
        return len(self._units)

    def put(self, unit: CodedUnit) -> None:
        """Add a unit, or drop what there is no room for."""
        if len(self._units) >= self._most_units or self._bytes + len(unit.data) > self._most_bytes:
            self.clear()
        if unit.keyframe and unit.kind == "video":
            self.waiting = False
        if (unit.kind == "video" and self.waiting) or len(unit.data) > self._most_bytes:
            self.dropped += 1
            return
        self._units.append(unit)
        self._bytes += len(unit.data)

    def clear(self) -> None:
        """Drop all that waits; pictures go on with a keyframe if there were any."""
        self.dropped += len(self._units)
        self.waiting |= any(unit.kind == "video" for unit in self._units)
        self._units, self._bytes = [], 0

    def take(self) -> list[CodedUnit]:
        """Return all that waits, in order, and keep nothing of it."""
        units, self._units, self._bytes = self._units, [], 0
        return units
