"""From the bytes of one packet to what its client says (3.1.1 and 5.0, chapter 3). Pure.

Everything raises `MalformedPacket`, with the reason that MQTT 5 has for it.
"""

from __future__ import annotations

from collections.abc import Callable

from api.auvious.mqtt.packets import (
    Connect,
    Disconnect,
    Kind,
    Packet,
    PingReq,
    PubAck,
    Publish,
    Subscribe,
    Unsubscribe,
    Version,
    Wish,
    hidden,
)
from api.auvious.mqtt.primitives import MalformedPacket, PacketReader
from api.auvious.mqtt.properties import (
    OF_CONNECT,
    OF_DISCONNECT,
    OF_PUBACK,
    OF_SUBSCRIBE,
    OF_UNSUBSCRIBE,
    OF_WILL,
    Properties,
    Property,
    read_properties,
)
from api.auvious.mqtt.reasons import Reason

NAMES = {"MQTT": (Version.V3_1_1, Version.V5), "MQIsdp": (Version.V3_1,)}
MOST_WISHES = 128  # topic filters of one packet


class UnknownVersion(MalformedPacket):
    """A protocol level this server does not speak; `like` is the nearest it does."""

    def __init__(self, level: int) -> None:
        super().__init__(f"protocol level {level & 0x7F}", Reason.UNSUPPORTED_VERSION)
        self.like = Version.V5 if level > Version.V5 else Version.V3_1_1


def decode(first: int, body: bytes, version: Version) -> Packet:
    """Return what one packet says; `version` is that of the session, and not asked for CONNECT."""
    kind, flags = first >> 4, first & 0x0F
    if kind == Kind.PUBLISH:
        return Publish()
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise MalformedPacket(f"a packet of type {kind}", Reason.PROTOCOL_ERROR)
    # Version 3.1 had a DUP flag for SUBSCRIBE and UNSUBSCRIBE.
    repeated = 0b1000 if version is Version.V3_1 and kind in _NUMBERED else 0
    if flags & ~repeated != (0b0010 if kind in _NUMBERED else 0):
        raise MalformedPacket("reserved flags of the fixed header")
    reader = PacketReader(body)
    packet = decoder(reader, version)
    reader.finish()
    return packet


def _connect(reader: PacketReader, _version: Version) -> Connect:
    versions = NAMES.get(reader.text())
    if versions is None:
        raise MalformedPacket("another protocol than MQTT")
    level = reader.byte()
    if level not in versions:
        raise UnknownVersion(level)
    version = Version(level)
    flags, keep_alive = reader.byte(), reader.short()
    _check_connect_flags(flags, version)
    properties = read_properties(reader, OF_CONNECT) if version is Version.V5 else {}
    client_id = reader.text()
    if flags & _WILL:
        if version is Version.V5:
            read_properties(reader, OF_WILL)
        reader.text()
        reader.binary()
    user = reader.text() if flags & _USER else None
    password = hidden(reader.binary()) if flags & _PASSWORD else None
    return Connect(
        version,
        client_id,
        clean=bool(flags & _CLEAN),
        keep_alive=keep_alive,
        user=user,
        password=password,
        has_will=bool(flags & _WILL),
        session_seconds=_number(properties, Property.SESSION_EXPIRY_INTERVAL, 0),
        receive_maximum=_number(properties, Property.RECEIVE_MAXIMUM, 65_535),
        packet_bytes=_number(properties, Property.MAXIMUM_PACKET_SIZE, 268_435_460),
        authentication_method=str(properties.get(Property.AUTHENTICATION_METHOD, "")),
    )


_RESERVED, _CLEAN, _WILL, _PASSWORD, _USER = 0x01, 0x02, 0x04, 0x40, 0x80


def _check_connect_flags(flags: int, version: Version) -> None:
    will_qos = flags >> 3 & 0b11
    if flags & _RESERVED and version is not Version.V3_1:
        raise MalformedPacket("the reserved flag of CONNECT")
    if will_qos == 3 or (not flags & _WILL and flags & 0b0011_1000):
        raise MalformedPacket("flags of a will")
    if version is not Version.V5 and flags & _PASSWORD and not flags & _USER:
        raise MalformedPacket("a password without a user")


def _subscribe(reader: PacketReader, version: Version) -> Subscribe:
    packet_id = _packet_id(reader)
    properties = read_properties(reader, OF_SUBSCRIBE) if version is Version.V5 else {}
    wishes = []
    while reader.left:
        topic, options = _topic(reader), reader.byte()
        # Above the QoS, MQTT 5 has options for retained messages and own publications.
        known = 0b0011_1111 if version is Version.V5 else 0b0000_0011
        if options & 0b11 == 0b11 or options & ~known or options & 0b11_0000 == 0b11_0000:
            raise MalformedPacket("options of a subscription")
        wishes.append(Wish(topic, options & 0b11))
        _check_count(wishes)
    if not wishes:
        raise MalformedPacket("a SUBSCRIBE to nothing", Reason.PROTOCOL_ERROR)
    identified = Property.SUBSCRIPTION_IDENTIFIER in properties
    return Subscribe(packet_id, tuple(wishes), identified)


def _unsubscribe(reader: PacketReader, version: Version) -> Unsubscribe:
    packet_id = _packet_id(reader)
    if version is Version.V5:
        read_properties(reader, OF_UNSUBSCRIBE)
    topics: list[str] = []
    while reader.left:
        topics.append(_topic(reader))
        _check_count(topics)
    if not topics:
        raise MalformedPacket("an UNSUBSCRIBE from nothing", Reason.PROTOCOL_ERROR)
    return Unsubscribe(packet_id, tuple(topics))


def _puback(reader: PacketReader, version: Version) -> PubAck:
    """Take an acknowledgement; whatever reason MQTT 5 gives with it, the message has arrived."""
    packet_id = _packet_id(reader)
    _reason_and_properties(reader, version, OF_PUBACK)
    return PubAck(packet_id)


def _pingreq(_reader: PacketReader, _version: Version) -> PingReq:
    return PingReq()


def _disconnect(reader: PacketReader, version: Version) -> Disconnect:
    _reason_and_properties(reader, version, OF_DISCONNECT)
    return Disconnect()


def _reason_and_properties(
    reader: PacketReader, version: Version, allowed: frozenset[Property]
) -> None:
    """Skip what MQTT 5 may have at the end; both may be left out."""
    if version is Version.V5 and reader.left:
        reader.byte()
        if reader.left:
            read_properties(reader, allowed)


def _packet_id(reader: PacketReader) -> int:
    packet_id = reader.short()
    if packet_id == 0:
        raise MalformedPacket("packet identifier 0", Reason.PROTOCOL_ERROR)
    return packet_id


def _topic(reader: PacketReader) -> str:
    topic = reader.text()
    if not topic:
        raise MalformedPacket("an empty topic filter")
    return topic


def _check_count(found: list[Wish] | list[str]) -> None:
    if len(found) > MOST_WISHES:
        raise MalformedPacket("too many topic filters", Reason.QUOTA_EXCEEDED)


def _number(properties: Properties, name: Property, default: int) -> int:
    value = properties.get(name, default)
    return value if isinstance(value, int) else default


_NUMBERED = (Kind.SUBSCRIBE, Kind.UNSUBSCRIBE)
_DECODERS: dict[int, Callable[[PacketReader, Version], Packet]] = {
    Kind.CONNECT: _connect,
    Kind.SUBSCRIBE: _subscribe,
    Kind.UNSUBSCRIBE: _unsubscribe,
    Kind.PUBACK: _puback,
    Kind.PINGREQ: _pingreq,
    Kind.DISCONNECT: _disconnect,
}
