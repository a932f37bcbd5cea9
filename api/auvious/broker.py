"""Every event, copied to an MQTT broker elsewhere (`[auvious.broker]`), for back-office programs.

What a sender had masked is masked in the copy: a broker may keep it. QoS 1: an event may arrive
twice, and is lost only where the queue is full or this process ends.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import trio

from actors.core import (
    Actor,
    ActorError,
    ChildSpec,
    Intensity,
    Message,
    ReplyTo,
    Request,
    Restart,
    Spawn,
    Strategy,
    Supervisor,
)
from api.auvious.broker_link import Address, BrokerLink, BrokerLost

if TYPE_CHECKING:
    from actors.endpoint.outbox import EndpointEvent
    from actors.endpoint.rules import Owner
    from api.auvious.event_settings import AuviousBrokerSettings
    from api.auvious.state import AuviousState

NAME = "auvious_broker"
PATH = f"/{NAME}/publisher"
INFLIGHT = 64  # messages that the broker has not acknowledged
FIRST_PAUSE = 0.5  # seconds
FLUSH_SECONDS = 2.0
LONGEST_TOPIC = 65_535
NOT_IN_A_LEVEL = re.compile(r"[%/+#\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class PublishOutside(Message):
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Flush(Request[None]):
    """Wait until the broker has everything."""


def open_broker(state: AuviousState) -> None:
    """Start to publish, if a broker is configured."""
    settings = state.settings.broker
    if not settings.url:
        return
    services = state.services
    mailbox = services.settings().limits.mailbox_messages
    publisher = ChildSpec(
        "publisher", lambda: Publisher(settings), Restart.PERMANENT, mailbox=mailbox
    )
    supervisor = partial(Supervisor, (publisher,), Strategy.ONE_FOR_ONE, Intensity(10, 60.0))
    services.system.root.tell(Spawn(ChildSpec(NAME, supervisor, Restart.PERMANENT)))
    state.event_listeners.append(partial(hand_over, state))
    services.lifecycle.drain_hooks.append(partial(flush, state))


def hand_over(state: AuviousState, owner: Owner, endpoint: str, event: EndpointEvent) -> None:
    """Give a copy of an event to the publisher; waits never, raises nothing."""
    publisher = state.services.system.registry.find(PATH)
    if publisher is not None:
        levels = (owner.organization, owner.user, endpoint)
        topic = "/".join((state.settings.broker.topic, *map(level, levels)))
        with suppress(ActorError):  # MailboxFull has its own line in the log
            publisher.tell(PublishOutside(topic, event.masked))


async def flush(state: AuviousState) -> None:
    """Let what waits go out before the server stops, within a moment."""
    publisher = state.services.system.registry.find(PATH)
    if publisher is not None:
        with suppress(ActorError):
            await publisher.ask(Flush(), within=FLUSH_SECONDS)


def level(text: str) -> str:
    """Return text as one level of a topic: what has a meaning there is percent-encoded."""
    encoded = NOT_IN_A_LEVEL.sub(lambda found: f"%{ord(found[0]):02X}", text)
    return encoded.encode("utf-8", "replace").decode()


class Publisher(Actor[Message]):
    """Keeps what is to be published, and one connection to the broker, made again when lost."""

    kind = "event_publisher"
    accepts = (PublishOutside, Flush)

    def __init__(
        self, settings: AuviousBrokerSettings, link: Callable[..., BrokerLink] = BrokerLink
    ) -> None:
        self._settings = settings
        self._address = Address.of_url(settings.url)
        self._make_link = link
        self._link: BrokerLink | None = None  # while the broker takes messages
        self._queue: deque[PublishOutside] = deque()
        self._bytes = 0
        self._on_the_way: dict[int, PublishOutside] = {}
        self._flushing: list[ReplyTo[None]] = []
        self._published = self._dropped = 0
        self._full = self._away = False

    async def setup(self) -> None:
        self.ctx.start_task(self._stay_connected)

    async def handle(self, message: Message) -> None:
        match message:
            case PublishOutside():
                self._add(message)
                self._feed()
            case Flush() if self._queue or self._on_the_way:
                self._flushing.append(self.ctx.defer())

    def snapshot(self) -> Mapping[str, object]:
        return {
            "connected": self._link is not None,
            "waiting": len(self._queue) + len(self._on_the_way),
            "published": self._published,
            "dropped": self._dropped,
        }

    def _add(self, message: PublishOutside) -> None:
        waiting = len(self._queue) + len(self._on_the_way)
        settings = self._settings
        room = waiting < settings.queue_events and (
            self._bytes + len(message.payload) <= settings.queue_bytes
        )
        if not room or len(message.topic.encode()) > LONGEST_TOPIC:
            self._dropped += 1
            if not self._full:  # once an episode
                self.ctx.log.warning("broker.queue_full", waiting=waiting, bytes=self._bytes)
            self._full = True
            return
        self._full = False
        self._queue.append(message)
        self._bytes += len(message.payload)

    def _feed(self) -> None:
        while self._link is not None and self._queue and len(self._on_the_way) < INFLIGHT:
            message = self._queue.popleft()
            self._on_the_way[self._link.publish(message.topic, message.payload)] = message

    def _arrived(self, number: int) -> None:
        message = self._on_the_way.pop(number, None)
        if message is None:
            return
        self._published += 1
        self._bytes -= len(message.payload)
        self._feed()
        if not self._queue and not self._on_the_way:
            for asker in self._flushing:
                asker.reply(None)
            self._flushing.clear()

    # --- the connection, in a helper task

    async def _stay_connected(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                link = self._make_link(
                    self._address, self._settings.tls_ca_file, self._ready, self._arrived
                )
                await link.run()
            except BrokerLost as lost:
                if self._link is not None:
                    pause = FIRST_PAUSE
                self._note_loss(str(lost))
            finally:
                self._link = None
            self._queue.extendleft(reversed(self._on_the_way.values()))  # once more, in order
            self._on_the_way.clear()
            await trio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, self._settings.reconnect_seconds)

    def _ready(self, link: BrokerLink) -> None:
        self._link = link
        self._away = False
        self.ctx.log.info("broker.connected", host=self._address.host, port=self._address.port)
        self._feed()

    def _note_loss(self, reason: str) -> None:
        if not self._away:  # once an episode
            self.ctx.log.warning(
                "broker.lost", host=self._address.host, port=self._address.port, reason=reason
            )
        self._away = True
