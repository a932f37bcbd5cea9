"""One client's MQTT session: what it may say when, what it has subscribed to, what it is sent.

Sans-IO: bytes come in by `receive`, and every other method returns the bytes to send. Whether
a token is good and whose an endpoint is, is for `socket.py` to find out. Nothing of a session
outlives its connection: what is owed to an endpoint is kept by its outbox, so CONNACK never reports
a session from before.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.auvious.mqtt import encoding
from api.auvious.mqtt.decoding import UnknownVersion, decode
from api.auvious.mqtt.framing import Framing
from api.auvious.mqtt.packets import Connect, Packet, Publish, Version
from api.auvious.mqtt.primitives import MalformedPacket
from api.auvious.mqtt.properties import Property, Value
from api.auvious.mqtt.reasons import Reason
from api.auvious.mqtt.topics import Subscription
from api.auvious.mqtt.window import Window

S = TypeVar("S")
"""Whose events are sent: `MqttSession` gives it back with each acknowledgement."""


class MqttSessionEnded(Exception):
    """The server ends the session; `answer` is what the client is still told, often nothing."""

    def __init__(self, reason: Reason, why: str, answer: bytes | None = None) -> None:
        super().__init__(why)
        self.reason = reason
        self.why = why
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event as a packet, empty where the client takes none that large.

    `settled` says that nothing will be heard of it any more: it counts as delivered. `packet_id` is
    what will be acknowledged, 0 for nothing.
    """

    packet: bytes
    settled: bool
    packet_id: int = 0


class MqttSession(Generic[S]):
    """`packet_bytes` bounds what the client sends in one packet, `window` what is on its way."""

    __slots__ = (
        "_framing", "_max_packet", "_packet_bytes", "_size", "_window", "connected", "version",
    )  # fmt: skip

    def __init__(self, packet_bytes: int, window: int) -> None:
        self.version = Version.V3_1_1
        self.connected = False
        self._framing = Framing(packet_bytes)
        self._packet_bytes = packet_bytes
        self._size = window
        self._window: Window[tuple[S, int]] = Window(window)
        self._max_packet = 0

    @property
    def kept(self) -> int:
        """The bytes of what came in that are not taken apart yet, or are no whole packet."""
        return self._framing.kept

    def receive(self, data: bytes) -> Iterator[Packet]:
        """Yield what the client says. The first is a Connect, and no other one is.

        Raises Ended for what is no MQTT, breaks its rules, or is not allowed here: to publish.
        """
        try:
            for first, body in self._framing.take(data):
                packet = decode(first, body, self.version)
                self._check(packet)
                yield packet
        except UnknownVersion as error:
            raise self._unknown(error) from None
        except MalformedPacket as error:
            raise self.end(Reason(error.code), error.why) from None

    def _check(self, packet: Packet) -> None:
        if isinstance(packet, Connect):
            if self.connected:
                raise MalformedPacket("a second CONNECT", Reason.PROTOCOL_ERROR)
            self.version = packet.version
        elif not self.connected:
            raise MalformedPacket("no CONNECT", Reason.PROTOCOL_ERROR)
        elif isinstance(packet, Publish):
            raise MalformedPacket("clients may not publish", Reason.NOT_AUTHORIZED)

    def _unknown(self, error: UnknownVersion) -> MqttSessionEnded:
        if self.connected:
            return self.end(Reason.PROTOCOL_ERROR, "a second CONNECT")
        code = Reason.UNSUPPORTED_VERSION
        return MqttSessionEnded(code, error.why, encoding.connack(error.like, code, {}))

    # --- letting in, and ending

    def check(self, connect: Connect) -> None:
        """Look at what a CONNECT asks for, but for who asks. Raises Ended."""
        empty_is_wrong = self.version is Version.V3_1 or (
            self.version is Version.V3_1_1 and not connect.clean
        )
        if not connect.client_id and empty_is_wrong:
            raise self.refuse(Reason.CLIENT_ID_NOT_VALID, "an empty client id")
        if connect.authentication_method:
            raise self.refuse(Reason.BAD_AUTHENTICATION_METHOD, "enhanced authentication")
        if connect.has_will:
            raise self.refuse(Reason.NOT_AUTHORIZED, "a will is to be published")

    def welcome(self, connect: Connect) -> bytes:
        """Let the client in; return the CONNACK."""
        self.connected = True
        self._window = Window(min(self._size, connect.receive_maximum))
        self._max_packet = connect.packet_bytes
        properties: dict[Property, Value] = {
            Property.MAXIMUM_PACKET_SIZE: self._packet_bytes,
            Property.MAXIMUM_QOS: 0,  # of what clients publish: nothing at all (3.2.2.3.4)
            Property.RETAIN_AVAILABLE: 0,
            Property.WILDCARD_SUBSCRIPTION_AVAILABLE: 0,
            Property.SUBSCRIPTION_IDENTIFIER_AVAILABLE: 0,
            Property.SHARED_SUBSCRIPTION_AVAILABLE: 0,
        }
        if connect.session_seconds:
            properties[Property.SESSION_EXPIRY_INTERVAL] = 0
        if not connect.client_id:
            properties[Property.ASSIGNED_CLIENT_IDENTIFIER] = f"quintet-{secrets.token_hex(8)}"
        return encoding.connack(self.version, Reason.SUCCESS, properties) or b""

    def refuse(self, reason: Reason, why: str) -> MqttSessionEnded:
        """Return the end of a session that is not let in."""
        return MqttSessionEnded(reason, why, encoding.connack(self.version, reason, {}))

    def end(self, reason: Reason, why: str) -> MqttSessionEnded:
        """Return the end of this session; before CONNACK nothing can be said of it."""
        answer = encoding.disconnect(self.version, reason, why) if self.connected else None
        return MqttSessionEnded(reason, why, answer)

    # --- subscriptions

    def suback(self, packet_id: int, results: Sequence[int | Reason]) -> bytes:
        return encoding.suback(self.version, packet_id, results)

    def unsuback(self, packet_id: int, results: Sequence[Reason]) -> bytes:
        return encoding.unsuback(self.version, packet_id, results)

    # --- events

    @property
    def is_full(self) -> bool:
        """Whether no message of QoS 1 may be sent before another is acknowledged."""
        return self._window.is_full

    def publish(
        self, sender: S, to: Subscription, number: int, payload: bytes, qos: int, *, again: bool
    ) -> Outgoing | None:
        """Turn an event into a packet; None while it has to wait for acknowledgements.

        `number` is the event's with its sender: `acknowledge` returns the two. It is sent with the
        lower of its QoS and the granted one.
        """
        with_id = bool(qos and to.qos)
        head = len(to.topic) + (2 if with_id else 0) + (1 if self.version is Version.V5 else 0)
        if encoding.packet_bytes(head + len(payload)) > self._max_packet:
            return Outgoing(b"", settled=bool(qos))  # MQTT 5, 3.1.2.11.4: as if delivered
        if with_id and self._window.is_full:
            return None
        packet_id = self._window.send((sender, number)) if with_id else 0
        packet = encoding.publish(self.version, to.topic, payload, packet_id, again=again)
        return Outgoing(packet, settled=bool(qos) and not with_id, packet_id=packet_id)

    def take_back(self, packet_id: int) -> bool:
        """Take back what was not sent, if others are on their way; False, and it stays, if not."""
        if len(self._window) == 1:
            return False
        self._window.acknowledge(packet_id)
        return True

    def acknowledge(self, packet_id: int) -> tuple[S, int] | None:
        """Take a PUBACK; return sender and number of the event, None for an unknown one."""
        return self._window.acknowledge(packet_id)
