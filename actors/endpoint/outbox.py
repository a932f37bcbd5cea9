"""What an endpoint still has to deliver: numbered, bounded, at most once or until acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EndpointEvent:
    """One event as it was sent.

    `payload` is delivered byte for byte; `masked` is what may be logged or inspected, and is the
    same object where nothing is masked; a repr shows neither. `qos` is 0 (at most once) or 1 (until
    acknowledged).
    """

    payload: bytes = field(repr=False)
    masked: bytes = field(repr=False)
    qos: int = 0

    @property
    def size(self) -> int:
        """Bytes it takes in an outbox."""
        return len(self.payload) + (0 if self.masked is self.payload else len(self.masked))


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """How many events, and how many bytes of them, one outbox keeps."""

    events: int = 1000
    bytes: int = 4_194_304


@dataclass(slots=True)
class QueuedEvent:
    """An event that waits; `shown` once a subscriber has taken it."""

    sequence: int
    event: EndpointEvent
    shown: bool = False


class Outbox:
    """The events of one endpoint in the order they came, numbered from 1.

    When it is full, the oldest of qos 0 make room; where that is not enough, the newcomer is turned
    away: what is to be acknowledged is never dropped.
    """

    __slots__ = ("_best_effort", "_best_effort_bytes", "_bytes", "_entries", "_limits", "last")

    def __init__(self, limits: OutboxLimits) -> None:
        self._limits = limits
        self._entries: dict[int, QueuedEvent] = {}
        self._best_effort: deque[int] = deque()
        self._bytes = self._best_effort_bytes = 0
        self.last = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """Bytes of all that waits."""
        return self._bytes

    def add(self, event: EndpointEvent) -> QueuedEvent | None:
        """Number an event and keep it; None where there is no room even without qos 0."""
        firm = len(self._entries) - len(self._best_effort)
        if self._is_over(firm + 1, self._bytes - self._best_effort_bytes + event.size):
            return None
        while self._is_over(len(self._entries) + 1, self._bytes + event.size):
            self._drop(self._best_effort.popleft())
        self.last += 1
        entry = self._entries[self.last] = QueuedEvent(self.last, event)
        self._bytes += event.size
        if event.qos == 0:
            self._best_effort.append(self.last)
            self._best_effort_bytes += event.size
        return entry

    def after(self, sequence: int) -> Iterator[QueuedEvent]:
        """Yield what waits with a higher number, in order; it may not change meanwhile."""
        if self.last - sequence < len(self._entries):  # nearly all has been read
            for number in range(sequence + 1, self.last + 1):
                if number in self._entries:
                    yield self._entries[number]
            return
        for number, entry in self._entries.items():
            if number > sequence:
                yield entry

    def acknowledge(self, sequence: int) -> None:
        """Forget an event that has arrived; nothing happens for one that is not kept."""
        entry = self._entries.get(sequence)
        if entry is not None and entry.event.qos:
            self._drop(sequence)

    def acknowledge_through(self, sequence: int) -> None:
        """Forget every event up to this number that is to be acknowledged."""
        for number in [number for number in self._entries if number <= sequence]:
            self.acknowledge(number)

    def forget_best_effort(self, through: int) -> None:
        """Forget the events of qos 0 up to this number: every subscriber has gone past them."""
        while self._best_effort and self._best_effort[0] <= through:
            self._drop(self._best_effort.popleft())

    def _drop(self, sequence: int) -> None:
        event = self._entries.pop(sequence).event
        self._bytes -= event.size
        if event.qos == 0:
            self._best_effort_bytes -= event.size

    def _is_over(self, events: int, size: int) -> bool:
        return events > self._limits.events or size > self._limits.bytes
