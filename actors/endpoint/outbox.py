"""What an endpoint still has to deliver: numbered, bounded, at most once or until acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

OTHERS = 8  # one part in so many of an outbox is for others than the source that fills it


@dataclass(frozen=True, slots=True)
class EndpointEvent:
    """One event as it was sent.

    `payload` is delivered byte for byte; `masked` is what may be logged or inspected, and is the
    same object where nothing is masked; a repr shows neither. `qos` is 0 (at most once) or 1 (until
    acknowledged). `source` is who sent it, "" for the server.
    """

    payload: bytes = field(repr=False)
    masked: bytes = field(repr=False)
    qos: int = 0
    source: str = ""

    @property
    def size(self) -> int:
        """Bytes it takes in an outbox."""
        return len(self.payload) + (0 if self.masked is self.payload else len(self.masked))


class RoomForEvents(Protocol):
    """What there is for the payloads of many outboxes together."""

    def take(self, payload: bytes) -> bool:
        """Keep one until it is given back; False where it does not fit."""

    def give(self, payload: bytes) -> None:
        """Give one back."""


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """How many events, and how many bytes of them, one outbox keeps; `room` is that of all."""

    events: int = 1000
    bytes: int = 4_194_304
    room: RoomForEvents | None = field(default=None, compare=False)

    @property
    def of_one_source(self) -> OutboxLimits:
        """What may be of one source; of a large event there may always be one."""
        return OutboxLimits(self.events - self.events // OTHERS, self.bytes - self.bytes // OTHERS)


@dataclass(slots=True)
class SourceUse:
    """What waits of one source, and how much of it is of qos 0."""

    events: int = 0
    bytes: int = 0
    best_effort: int = 0
    best_effort_bytes: int = 0

    def add(self, event: EndpointEvent, sign: int) -> None:
        """Count one more, or with -1 one less."""
        self.events += sign
        self.bytes += sign * event.size
        if event.qos == 0:
            self.best_effort += sign
            self.best_effort_bytes += sign * event.size


@dataclass(slots=True)
class QueuedEvent:
    """An event that waits; `shown` once a subscriber has taken it."""

    sequence: int
    event: EndpointEvent
    shown: bool = False


class Outbox:
    """The events of one endpoint in the order they came, numbered from 1.

    When it is full, the oldest of qos 0 make room; where that is not enough, or there is no room in
    all, the newcomer is turned away: what is to be acknowledged is never dropped. A source leaves
    one part in OTHERS to others: beyond that, the oldest of its own make room, or none.
    """

    __slots__ = (
        "_best_effort", "_best_effort_bytes", "_bytes", "_entries", "_limits", "_sources", "last",
    )  # fmt: skip

    def __init__(self, limits: OutboxLimits) -> None:
        self._limits = limits
        self._entries: dict[int, QueuedEvent] = {}
        self._best_effort: deque[int] = deque()
        self._sources: dict[str, SourceUse] = {}
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
        if not self._make_room_of_source(event):
            return None
        while self._is_over(len(self._entries) + 1, self._bytes + event.size):
            self._drop(self._best_effort.popleft())
        if not self._take(event):
            return None
        self.last += 1
        entry = self._entries[self.last] = QueuedEvent(self.last, event)
        self._bytes += event.size
        if event.source:
            self._sources.setdefault(event.source, SourceUse()).add(event, 1)
        if event.qos == 0:
            self._best_effort.append(self.last)
            self._best_effort_bytes += event.size
        return entry

    def _make_room_of_source(self, event: EndpointEvent) -> bool:
        """Drop the oldest of qos 0 of its source while it has its part; False where it keeps it."""
        used = self._sources.get(event.source)
        if used is None:
            return True
        most = self._limits.of_one_source
        firm, size = used.events - used.best_effort, used.bytes - used.best_effort_bytes
        if firm + 1 > most.events or size + event.size > most.bytes:
            return False
        mine = (at for at in list(self._best_effort) if self._is_of(at, event.source))
        while used.events + 1 > most.events or used.bytes + event.size > most.bytes:
            number = next(mine)
            self._best_effort.remove(number)
            self._drop(number)
        return True

    def _is_of(self, number: int, source: str) -> bool:
        return self._entries[number].event.source == source

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
        self._give(event)
        self._bytes -= event.size
        if event.qos == 0:
            self._best_effort_bytes -= event.size
        if event.source:
            used = self._sources[event.source]
            used.add(event, -1)
            if not used.events:
                del self._sources[event.source]

    def clear(self) -> None:
        """Keep nothing any more."""
        for sequence in list(self._entries):
            self._drop(sequence)
        self._best_effort.clear()

    def _take(self, event: EndpointEvent) -> bool:
        room = self._limits.room
        if room is None:
            return True
        if not room.take(event.payload):
            return False
        if event.masked is event.payload or room.take(event.masked):
            return True
        room.give(event.payload)
        return False

    def _give(self, event: EndpointEvent) -> None:
        room = self._limits.room
        if room is not None:
            room.give(event.payload)
            if event.masked is not event.payload:
                room.give(event.masked)

    def _is_over(self, events: int, size: int) -> bool:
        return events > self._limits.events or size > self._limits.bytes
