"""An endpoint: a registered place that events are delivered to, while its owner keeps it alive.

It knows no wire: a dialect registers it with the `Directory`, puts events in (`OfferEvent`), and
attaches whatever carries them out (`Subscriber`: an MQTT session, an event stream).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from actors.core import Actor, Message, Request, Timer
from actors.endpoint.outbox import EndpointEvent, OutboxLimits
from actors.endpoint.rules import Delivery, EndpointState, EndpointTerms, Owner
from actors.words.close_reasons import CloseReason
from actors.words.keys import EndpointKey
from actors.words.refusals import EndpointUnknown, TooManySubscribers


class Subscriber(Protocol):
    """The far side of an endpoint: how a dialect carries events to whoever listens.

    Told apart by identity (`eq=False` for a dataclass). One that listens under several names
    attaches once, so that it is shown an event once.
    """

    def deliver(self, delivery: Delivery) -> bool:
        """Send an event; never blocks, never raises.

        False: there is no room now. The same event is shown again after `ResumeDelivery`, and
        nothing before. Events come in the order of their numbers; there are gaps where events were
        acknowledged by another subscriber or, of qos 0, pushed out of a full outbox.
        """

    def close(self, reason: CloseReason, words: str) -> None:
        """Hear that the endpoint is gone, and with it the subscription; as `deliver` does.

        `words` are those of the log, which say more than CRASHED: "crashed: ValueError", or what an
        operator stopped it with.
        """

    @property
    def gone(self) -> bool:
        """Whether nobody is at the other end any more; it is then forgotten, without `close`."""


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """What an endpoint is made from.

    `reminder` renders the event that reminds the owner to give a sign of life; `dialect` is whose
    clients register it, for logs.
    """

    key: EndpointKey
    owner: Owner
    terms: EndpointTerms
    reminder: Callable[[], bytes]
    outbox: OutboxLimits
    subscribers: int = 16
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Renew(Request[None]):
    """Begin a new period, under new terms where there are some. Raises EndpointUnknown."""

    owner: Owner
    terms: EndpointTerms | None = None


@dataclass(frozen=True, slots=True)
class Unregister(Request[None]):
    """End the endpoint; its id is free when this is answered. Raises EndpointUnknown."""

    owner: Owner


@dataclass(frozen=True, slots=True)
class OfferEvent(Request[bool]):
    """Have an event delivered; False when the outbox is full, or the endpoint is not `owner`'s."""

    owner: Owner
    event: EndpointEvent


@dataclass(frozen=True, slots=True)
class Seen:
    """The last event that a subscriber saw, in which life of the endpoint (`Attached.life`)."""

    life: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Attached(Message):
    """`life` tells the numbers of this endpoint from those of another that had its id."""

    life: str


@dataclass(frozen=True, slots=True)
class Attach(Request[Attached]):
    """Let a subscriber in; it is shown nothing until it says `ResumeDelivery`.

    Then it is shown what waits (all of qos 1 that nobody acknowledged), and from then on what
    comes. With `seen`, everything up to there counts as acknowledged and is not shown again, unless
    that was in another life. Raises EndpointUnknown (also for another owner's), TooManySubscribers.
    Attaching again starts anew.
    """

    subscriber: Subscriber
    owner: Owner
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class ResumeDelivery(Message):
    """This subscriber has room for more."""

    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class Detach(Message):
    """This subscriber leaves; it hears nothing more, not even `close`."""

    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class Acknowledge(Message):
    """The event of this number has arrived (MQTT: PUBACK), for all subscribers."""

    sequence: int


@dataclass(frozen=True, slots=True)
class EventWaits(Message):
    """One event that waits: its number, its qos, and what of it may be shown."""

    sequence: int
    qos: int
    masked: bytes


@dataclass(frozen=True, slots=True)
class Described(Message):
    """An endpoint as its owner may see it; `expires_in` is in seconds."""

    id: str
    terms: EndpointTerms
    expires_in: float
    subscribers: int
    waiting: tuple[EventWaits, ...]


@dataclass(frozen=True, slots=True)
class Describe(Request[Described]):
    """Show the endpoint to its owner. Raises EndpointUnknown."""

    owner: Owner


@dataclass(frozen=True, slots=True)
class EndEndpoint(Message):
    """End the endpoint for this reason."""

    reason: CloseReason


@dataclass(frozen=True, slots=True)
class Expire(Message):
    """The timer of a period."""

    generation: int


@dataclass(frozen=True, slots=True)
class Remind(Message):
    """The timer of a reminder."""

    generation: int


class Endpoint(Actor[Message]):
    __slots__ = ("_full", "_life", "_spec", "_state", "_timers")

    kind = "endpoint"
    accepts = (
        Renew, Unregister, OfferEvent, Attach, ResumeDelivery, Detach, Acknowledge, Describe,
        EndEndpoint, Expire, Remind,
    )  # fmt: skip

    def __init__(self, spec: EndpointSpec) -> None:
        self._spec = spec
        self._state: EndpointState[Subscriber] = EndpointState(spec.owner, spec.terms, spec.outbox)
        self._timers: list[Timer] = []
        self._life = secrets.token_hex(4)
        self._full = False

    async def setup(self) -> None:
        self._renew()
        self._log("endpoint.registered", keep_alive=self._state.terms.keep_alive)

    async def handle(self, message: Message) -> object:
        match message:
            case OfferEvent(owner, event):
                return owner == self._state.owner and self._offer(event)
            case Acknowledge(sequence):
                self._state.outbox.acknowledge(sequence)
            case ResumeDelivery(subscriber):
                self._resume(subscriber)
            case Attach():
                return self._attach(message)
            case Detach(subscriber):
                self._forget(subscriber)
            case Renew(owner, terms):
                self._check(owner)
                self._state.terms = terms or self._state.terms
                self._renew()
            case Unregister(owner):
                self._check(owner)
                self.ctx.stop(CloseReason.UNREGISTERED)
            case Describe(owner):
                self._check(owner)
                return self._described()
            case EndEndpoint(reason):
                self.ctx.stop(reason)
            case Expire(generation):
                if generation == self._state.generation:
                    self.ctx.stop(CloseReason.EXPIRED)
            case Remind(generation):
                if generation == self._state.generation:
                    payload = self._spec.reminder()
                    self._offer(EndpointEvent(payload, payload))
        return None

    async def teardown(self, reason: str) -> None:
        undelivered = len(self._state.outbox)
        self._log("endpoint.ended", reason=reason, undelivered=undelivered)
        if undelivered:
            self.ctx.count("events_undelivered", "ended", by=undelivered)
        self._state.outbox.clear()
        why = CloseReason.of(reason)
        for subscriber in self._state.readers:
            if not subscriber.gone:
                subscriber.close(why, reason)

    def snapshot(self) -> Mapping[str, object]:
        return {
            "dialect": self._spec.dialect,
            "id": self._spec.key.id,
            "organization": self._state.owner.organization,
            "user": self._state.owner.user,
            "expires_in": round(self._state.deadline - self.ctx.now(), 1),
            "subscribers": len(self._state.readers),
            "waiting": len(self._state.outbox),
            "waiting_bytes": self._state.outbox.bytes,
        }

    # --- its life

    def _check(self, owner: Owner) -> None:
        if owner != self._state.owner:
            raise EndpointUnknown

    def _renew(self) -> None:
        for timer in self._timers:
            timer.cancel()
        state = self._state
        state.renew(self.ctx.now())
        self._timers = [self.ctx.tell_self_after(state.terms.keep_alive, Expire(state.generation))]
        if state.terms.remind:
            timer = self.ctx.tell_self_after(state.reminder_delay, Remind(state.generation))
            self._timers.append(timer)

    def _described(self) -> Described:
        state = self._state
        waiting = tuple(
            EventWaits(entry.sequence, entry.event.qos, entry.event.masked)
            for entry in state.outbox.after(0)
        )
        left = max(0.0, state.deadline - self.ctx.now())
        return Described(self._spec.key.id, state.terms, left, len(state.readers), waiting)

    def _log(self, event: str, **values: object) -> None:
        self.ctx.log.info(event, dialect=self._spec.dialect, **values)

    # --- its events

    def _offer(self, event: EndpointEvent) -> bool:
        taken = self._state.accept(event)
        if not taken and not self._full:  # once an episode
            outbox = self._state.outbox
            self.ctx.log.warning("outbox.full", waiting=len(outbox), waiting_bytes=outbox.bytes)
        self._full = not taken
        if not taken:
            self.ctx.count("events_undelivered", "full")
        else:
            self.ctx.count("events_sent")
            for subscriber in list(self._state.readers):
                self._show(subscriber)
            self._state.tidy()
        return taken

    def _attach(self, order: Attach) -> Attached:
        self._check(order.owner)
        for subscriber in [each for each in self._state.readers if each.gone]:
            self._forget(subscriber)
        newcomer = order.subscriber not in self._state.readers
        if newcomer and len(self._state.readers) >= self._spec.subscribers:
            raise TooManySubscribers
        seen = order.seen.sequence if order.seen and order.seen.life == self._life else 0
        self._state.outbox.acknowledge_through(seen)
        self._state.join(order.subscriber, seen)
        return Attached(self._life)

    def _resume(self, subscriber: Subscriber) -> None:
        reader = self._state.readers.get(subscriber)
        if reader is not None:
            reader.paused = False
            self._show(subscriber)
            self._state.tidy()

    def _show(self, subscriber: Subscriber) -> None:
        """Hand over what a subscriber has not seen, until it has no room."""
        if subscriber.gone:
            self._forget(subscriber)
            return
        for entry, delivery in self._state.unread(subscriber):
            if not subscriber.deliver(delivery):
                self._state.readers[subscriber].paused = True
                return
            self._state.took(subscriber, entry)

    def _forget(self, subscriber: Subscriber) -> None:
        self._state.readers.pop(subscriber, None)
        self._state.tidy()
