"""What the server says, as the bytes of one packet each (3.1.1 and 5.0, chapter 3). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from api.auvious.mqtt.packets import Kind, Version
from api.auvious.mqtt.primitives import length, short, text
from api.auvious.mqtt.properties import Properties, Property, write_properties
from api.auvious.mqtt.reasons import CONNACK_3, SUBACK_FAILURE_3, Reason

PINGRESP = bytes((Kind.PINGRESP << 4, 0))


def connack(version: Version, reason: Reason, properties: Properties) -> bytes | None:
    """Answer a CONNECT; None where the version has no word for the reason.

    There is never a session from before: what an endpoint is owed is kept by the endpoint.
    """
    if version is Version.V5:
        return _packet(Kind.CONNACK << 4, bytes((0, reason)) + write_properties(properties))
    code = CONNACK_3.get(reason)
    return None if code is None else _packet(Kind.CONNACK << 4, bytes((0, code)))


def suback(version: Version, packet_id: int, results: Sequence[int | Reason]) -> bytes:
    """Answer a SUBSCRIBE: a granted QoS, or the reason of a refusal, for each wish."""
    if version is Version.V5:
        body = short(packet_id) + b"\0" + bytes(results)
    else:
        body = short(packet_id) + bytes(min(code, SUBACK_FAILURE_3) for code in results)
    return _packet(Kind.SUBACK << 4, body)


def unsuback(version: Version, packet_id: int, results: Sequence[Reason]) -> bytes:
    """Answer an UNSUBSCRIBE; only MQTT 5 tells what became of each topic."""
    told = b"\0" + bytes(results) if version is Version.V5 else b""
    return _packet(Kind.UNSUBACK << 4, short(packet_id) + told)


def packet_bytes(body: int) -> int:
    """Return how long a packet is whose body has so many bytes."""
    return 1 + len(length(body)) + body


def publish(
    version: Version, topic: bytes, payload: bytes, packet_id: int = 0, *, again: bool = False
) -> bytes:
    """Deliver a message: at QoS 1 with a packet identifier, at QoS 0 without (0).

    `topic` comes as `text` writes it; `again` sets DUP.
    """
    flags = (0b0010 if packet_id else 0) | (0b1000 if again and packet_id else 0)
    head = topic + (short(packet_id) if packet_id else b"")
    if version is Version.V5:
        head += b"\0"  # no properties
    return bytes((Kind.PUBLISH << 4 | flags,)) + length(len(head) + len(payload)) + head + payload


def disconnect(version: Version, reason: Reason, why: str = "") -> bytes | None:
    """Say that the server ends the session; only MQTT 5 can."""
    if version is not Version.V5:
        return None
    properties: Properties = {Property.REASON_STRING: why} if why else {}
    return _packet(Kind.DISCONNECT << 4, bytes((reason,)) + write_properties(properties))


def written_topic(topic: str) -> bytes:
    return text(topic)


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + length(len(body)) + body
