"""The rules of an endpoint: whose it is, until when it lives, and what its readers have seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from actors.endpoint.outbox import EndpointEvent, Outbox, OutboxLimits, QueuedEvent

REMIND_AFTER = 2 / 3  # of the period

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of an organisation: only the two together say whose an endpoint is."""

    organization: str
    user: str


@dataclass(frozen=True, slots=True)
class Quota:
    """How many endpoints may live: of one user, of one organisation, in the whole realm."""

    per_user: int = 100
    per_organization: int = 10_000
    total: int = 20_000


@dataclass(frozen=True, slots=True)
class EndpointTerms:
    """What an endpoint was registered with: seconds between signs of life, and a reminder or not.

    A later registration by the same owner brings new ones.
    """

    keep_alive: float
    remind: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a subscriber.

    `sequence` numbers the events of this endpoint from 1. `redelivered` says that an earlier
    subscriber was shown it (MQTT: the DUP flag); never set with qos 0. `source` is who sent it.
    """

    sequence: int
    qos: int
    payload: bytes = field(repr=False)
    redelivered: bool
    source: str = ""


@dataclass(slots=True)
class ReadingPosition:
    """How far a subscriber has read; `paused` until it says that it has room.

    Events of qos 0 up to `hears_after` are not for it: they came before it did.
    """

    cursor: int
    joined_at: int
    hears_after: int
    paused: bool = True

    def delivery(self, entry: QueuedEvent) -> Delivery:
        again = entry.shown and entry.sequence <= self.joined_at
        event = entry.event
        redelivered = bool(event.qos) and again
        return Delivery(entry.sequence, event.qos, event.payload, redelivered, event.source)


@dataclass(slots=True)
class EndpointState(Generic[R]):
    """One registered place that events are delivered to; `R` is what reads them.

    `generation` numbers the periods, for timers of former ones.
    """

    owner: Owner
    terms: EndpointTerms
    limits: OutboxLimits
    deadline: float = 0.0
    generation: int = 0
    outbox: Outbox = field(init=False)
    readers: dict[R, ReadingPosition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.limits)

    def renew(self, now: float) -> None:
        """Begin a new period; timers of the former one mean nothing any more."""
        self.generation += 1
        self.deadline = now + self.terms.keep_alive

    @property
    def reminder_delay(self) -> float:
        """Seconds from the begin of a period to its reminder."""
        return self.terms.keep_alive * REMIND_AFTER

    def join(self, reader: R, after: int) -> None:
        """Let a subscriber in, paused, whose first event is the one after number `after`.

        With 0 it has seen nothing, and of what came earlier is shown qos 1 only.
        """
        last = self.outbox.last
        self.readers[reader] = ReadingPosition(min(after, last), last, min(after, last) or last)

    def unread(self, reader: R) -> Iterator[tuple[QueuedEvent, Delivery]]:
        """Yield what this subscriber is to be shown, in order; nothing while it is paused."""
        place = self.readers.get(reader)
        if place is not None and not place.paused:
            for entry in self.outbox.after(place.cursor):
                if entry.event.qos or entry.sequence > place.hears_after:
                    yield entry, place.delivery(entry)
                else:
                    place.cursor = entry.sequence

    def accept(self, event: EndpointEvent) -> bool:
        """Keep an event for delivery; False when the outbox is full."""
        return self.outbox.add(event) is not None

    def took(self, reader: R, entry: QueuedEvent) -> None:
        """Note that a subscriber took an event."""
        entry.shown = True
        self.readers[reader].cursor = entry.sequence

    def tidy(self) -> None:
        """Forget the events of qos 0 that nobody is still to be shown."""
        behind = [reader.cursor for reader in self.readers.values()]
        self.outbox.forget_best_effort(min(behind, default=self.outbox.last))
