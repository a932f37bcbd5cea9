"""The properties that MQTT 5 adds to packets (5.0, section 2.2.2): which there are, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

from api.auvious.mqtt import primitives
from api.auvious.mqtt.primitives import MalformedPacket, PacketReader

PROTOCOL_ERROR = 0x82


class Property(IntEnum):
    """The identifiers of properties, in the words of the standard."""

    PAYLOAD_FORMAT_INDICATOR = 0x01
    MESSAGE_EXPIRY_INTERVAL = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_IDENTIFIER = 0x0B
    SESSION_EXPIRY_INTERVAL = 0x11
    ASSIGNED_CLIENT_IDENTIFIER = 0x12
    AUTHENTICATION_METHOD = 0x15
    AUTHENTICATION_DATA = 0x16
    REQUEST_PROBLEM_INFORMATION = 0x17
    WILL_DELAY_INTERVAL = 0x18
    REQUEST_RESPONSE_INFORMATION = 0x19
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28
    SUBSCRIPTION_IDENTIFIER_AVAILABLE = 0x29
    SHARED_SUBSCRIPTION_AVAILABLE = 0x2A


P = Property
Value = int | str | bytes
Properties = Mapping[Property, Value]

OF_CONNECT = frozenset(
    {
        P.SESSION_EXPIRY_INTERVAL, P.RECEIVE_MAXIMUM, P.MAXIMUM_PACKET_SIZE, P.TOPIC_ALIAS_MAXIMUM,
        P.REQUEST_RESPONSE_INFORMATION, P.REQUEST_PROBLEM_INFORMATION, P.USER_PROPERTY,
        P.AUTHENTICATION_METHOD, P.AUTHENTICATION_DATA,
    }
)  # fmt: skip
OF_WILL = frozenset(
    {
        P.WILL_DELAY_INTERVAL, P.PAYLOAD_FORMAT_INDICATOR, P.MESSAGE_EXPIRY_INTERVAL,
        P.CONTENT_TYPE, P.RESPONSE_TOPIC, P.CORRELATION_DATA, P.USER_PROPERTY,
    }
)  # fmt: skip
OF_PUBACK = frozenset({P.REASON_STRING, P.USER_PROPERTY})
OF_SUBSCRIBE = frozenset({P.SUBSCRIPTION_IDENTIFIER, P.USER_PROPERTY})
OF_UNSUBSCRIBE = frozenset({P.USER_PROPERTY})
OF_DISCONNECT = frozenset({P.SESSION_EXPIRY_INTERVAL, P.REASON_STRING, P.USER_PROPERTY})


def _flag(reader: PacketReader) -> int:
    value = reader.byte()
    if value > 1:
        raise MalformedPacket("a flag that is neither 0 nor 1", PROTOCOL_ERROR)
    return value


def _above_zero(read: Callable[[PacketReader], int]) -> Callable[[PacketReader], int]:
    def take(reader: PacketReader) -> int:
        value = read(reader)
        if value == 0:
            raise MalformedPacket("a zero where none may stand", PROTOCOL_ERROR)
        return value

    return take


def _pair(reader: PacketReader) -> str:
    """Skip a user property: nothing here has a use for one."""
    reader.text()
    reader.text()
    return ""


_READ: dict[Property, Callable[[PacketReader], Value]] = {
    P.PAYLOAD_FORMAT_INDICATOR: _flag,
    P.MESSAGE_EXPIRY_INTERVAL: PacketReader.long,
    P.CONTENT_TYPE: PacketReader.text,
    P.RESPONSE_TOPIC: PacketReader.text,
    P.CORRELATION_DATA: PacketReader.binary,
    P.SUBSCRIPTION_IDENTIFIER: _above_zero(PacketReader.length),
    P.SESSION_EXPIRY_INTERVAL: PacketReader.long,
    P.AUTHENTICATION_METHOD: PacketReader.text,
    P.AUTHENTICATION_DATA: PacketReader.binary,
    P.REQUEST_PROBLEM_INFORMATION: _flag,
    P.WILL_DELAY_INTERVAL: PacketReader.long,
    P.REQUEST_RESPONSE_INFORMATION: _flag,
    P.REASON_STRING: PacketReader.text,
    P.RECEIVE_MAXIMUM: _above_zero(PacketReader.short),
    P.TOPIC_ALIAS_MAXIMUM: PacketReader.short,
    P.USER_PROPERTY: _pair,
    P.MAXIMUM_PACKET_SIZE: _above_zero(PacketReader.long),
}

_WRITE: dict[Property, Callable[[int], bytes]] = {
    P.SESSION_EXPIRY_INTERVAL: primitives.long,
    P.MAXIMUM_PACKET_SIZE: primitives.long,
    P.MAXIMUM_QOS: lambda value: bytes((value,)),
    P.RETAIN_AVAILABLE: lambda value: bytes((value,)),
    P.WILDCARD_SUBSCRIPTION_AVAILABLE: lambda value: bytes((value,)),
    P.SUBSCRIPTION_IDENTIFIER_AVAILABLE: lambda value: bytes((value,)),
    P.SHARED_SUBSCRIPTION_AVAILABLE: lambda value: bytes((value,)),
}


def read_properties(reader: PacketReader, allowed: frozenset[Property]) -> Properties:
    """Take the properties of one packet.

    Raises Malformed for one that does not belong there, or is there twice (but for user ones).
    """
    body = PacketReader(reader.raw(reader.length()))
    found: dict[Property, Value] = {}
    while body.left:
        number = body.length()
        if number not in allowed:
            raise MalformedPacket(f"property {number} does not belong there")
        name = Property(number)
        if name in found and name is not P.USER_PROPERTY:
            raise MalformedPacket(f"property {number} is there twice", PROTOCOL_ERROR)
        found[name] = _READ[name](body)
    found.pop(P.USER_PROPERTY, None)
    return found


def write_properties(properties: Properties) -> bytes:
    """Write the properties of one packet, with their length."""
    body = b"".join(
        primitives.length(name)
        + (_WRITE[name](value) if isinstance(value, int) else primitives.text(str(value)))
        for name, value in properties.items()
    )
    return primitives.length(len(body)) + body
