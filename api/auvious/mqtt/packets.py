"""What a client may say (MQTT 3.1, 3.1.1 and 5), as plain data. Knows no bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Version(IntEnum):
    """The protocol level of CONNECT."""

    V3_1 = 3
    V3_1_1 = 4
    V5 = 5


class Kind(IntEnum):
    """The control packets, as the upper half of a packet's first byte numbers them."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


@dataclass(frozen=True, slots=True)
class Connect:
    """Ask to be let in. `keep_alive` is in seconds, 0 for none; `password` never shows in a repr.

    `receive_maximum` and `packet_bytes` are what the client takes at a time (MQTT 5).
    """

    version: Version
    client_id: str
    clean: bool
    keep_alive: int
    user: str | None
    password: _Hidden | None
    has_will: bool = False
    session_seconds: int = 0
    receive_maximum: int = 65_535
    packet_bytes: int = 268_435_460
    authentication_method: str = ""


class _Hidden(bytes):
    """Bytes that a repr does not show."""

    def __repr__(self) -> str:
        return "…"


hidden = _Hidden


@dataclass(frozen=True, slots=True)
class Wish:
    """One topic filter of a SUBSCRIBE, and the quality of service asked for (0, 1 or 2)."""

    topic: str
    qos: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    packet_id: int
    wishes: tuple[Wish, ...]
    identified: bool = False  # with a subscription identifier (MQTT 5)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    packet_id: int
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Publish:
    """Somebody wants to publish; nothing more of it is read, for nobody may."""


@dataclass(frozen=True, slots=True)
class PubAck:
    packet_id: int


@dataclass(frozen=True, slots=True)
class PingReq:
    pass


@dataclass(frozen=True, slots=True)
class Disconnect:
    pass


Packet = Connect | Subscribe | Unsubscribe | Publish | PubAck | PingReq | Disconnect
