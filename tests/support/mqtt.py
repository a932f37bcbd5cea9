"""The client's side of MQTT, in bytes: what to say, and what the server said."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from api.auvious.mqtt import primitives
from api.auvious.mqtt.primitives import PacketReader

NAMES = {3: "MQIsdp", 4: "MQTT", 5: "MQTT"}
CONNACK, PUBLISH, SUBACK, UNSUBACK, PINGRESP, DISCONNECT = 2, 3, 9, 11, 13, 14
PINGREQ, GOODBYE = b"\xc0\x00", b"\xe0\x00"


def packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + primitives.length(len(body)) + body


def connect(
    user: str | None = "alice",
    password: bytes | None = b"token",
    *,
    version: int = 4,
    client_id: str = "test",
    keep_alive: int = 60,
    clean: bool = True,
    properties: bytes = b"",
    will: bytes = b"",
    flags: int = 0,
    name: str = "",
) -> bytes:
    """Build a CONNECT; `will` is the whole of it, `flags` are added."""
    flags |= (2 if clean else 0) | (4 if will else 0)
    flags |= (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = primitives.text(name or NAMES.get(version, "MQTT"))
    body += struct.pack("!BBH", version, flags, keep_alive)
    if version == 5:
        body += primitives.length(len(properties)) + properties
    body += primitives.text(client_id) + will
    body += primitives.text(user) if user is not None else b""
    body += primitives.binary(password) if password is not None else b""
    return packet(0x10, body)


def subscribe(*topics: str, qos: int = 1, packet_id: int = 1, version: int = 4) -> bytes:
    body = struct.pack("!H", packet_id) + (b"\0" if version == 5 else b"")
    body += b"".join(primitives.text(topic) + bytes((qos,)) for topic in topics)
    return packet(0x82, body)


def unsubscribe(*topics: str, packet_id: int = 1, version: int = 4) -> bytes:
    body = struct.pack("!H", packet_id) + (b"\0" if version == 5 else b"")
    return packet(0xA2, body + b"".join(primitives.text(topic) for topic in topics))


def puback(packet_id: int) -> bytes:
    return packet(0x40, struct.pack("!H", packet_id))


def publish(topic: str = "users/endpoints/e", payload: bytes = b"{}") -> bytes:
    return packet(0x30, primitives.text(topic) + payload)


@dataclass(frozen=True)
class Said:
    """One packet of the server; what it has not stays at its default."""

    kind: int
    codes: tuple[int, ...] = ()
    packet_id: int = 0
    topic: str = ""
    payload: bytes = b""
    qos: int = 0
    dup: bool = False


def read(data: bytes, version: int = 4) -> list[Said]:
    """Return the packets in the server's bytes, which must be whole; properties are skipped."""
    reader, found = PacketReader(data), []
    while reader.left:
        first = reader.byte()
        found.append(_read(first, PacketReader(reader.raw(reader.length())), version))
    return found


def _read(first: int, body: PacketReader, version: int) -> Said:
    kind, flags = first >> 4, first & 0x0F
    if kind == CONNACK:
        assert body.byte() == 0  # never a session from before
        code = body.byte()
        _skip(body, version)
        body.finish()
        return Said(kind, (code,))
    if kind in (SUBACK, UNSUBACK):
        packet_id = body.short()
        _skip(body, version)
        return Said(kind, tuple(body.raw(body.left)), packet_id)
    if kind == PUBLISH:
        qos = flags >> 1 & 3
        topic = body.text()
        packet_id = body.short() if qos else 0
        _skip(body, version)
        return Said(kind, (), packet_id, topic, body.raw(body.left), qos, bool(flags & 8))
    if kind == DISCONNECT:
        assert version == 5
        code = body.byte()
        _skip(body, version)
        return Said(kind, (code,))
    assert kind == PINGRESP
    body.finish()
    return Said(kind)


def _skip(body: PacketReader, version: int) -> None:
    if version == 5:
        body.raw(body.length())
