"""One session's ear at one endpoint: what the endpoint's actor shows its events to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from api.auvious.mqtt.topics import Subscription

if TYPE_CHECKING:
    from actors.core import Message, Ref
    from actors.endpoint.rules import Delivery
    from actors.words.close_reasons import CloseReason


class Hearer(Protocol):
    """The client behind its listeners; nothing here waits or raises."""

    gone: bool

    def hear(self, listener: MqttListener, delivery: Delivery) -> bool:
        """Send an event on; False when there is no room."""

    def lose(self, listener: MqttListener, reason: CloseReason, words: str) -> None:
        """Hear that an endpoint has ended."""

    def displace(self) -> None:
        """Hear that the same client has come back in another session."""


@dataclass(eq=False, slots=True)
class MqttListener:
    """A `Subscriber` of an endpoint (`actors/endpoint/endpoint.py`), for all topics that name it.

    `starved` while it was refused room and has not been told of new; `left` once unsubscribed.
    """

    endpoint: str
    ref: Ref[Message]
    hearer: Hearer
    subscription: Subscription = field(default_factory=Subscription)
    starved: bool = False
    left: bool = False

    @property
    def gone(self) -> bool:
        return self.left or self.hearer.gone

    def deliver(self, delivery: Delivery) -> bool:
        return self.hearer.hear(self, delivery)

    def close(self, reason: CloseReason, words: str) -> None:
        self.hearer.lose(self, reason, words)
