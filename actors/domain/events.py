"""Facts: what rooms and peers tell a peer, dialect-neutral, each shown by the peer's client.

A `tag` is the request id a client gave with the order that the fact answers, or "".
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.core.errors import Refused
from actors.core.message import Message
from actors.domain.ids import RoomKey


@dataclass(frozen=True, slots=True)
class Card(Message):
    """How a peer shows itself. `status` is JSON bytes that only clients understand."""

    peer: str
    user: str = ""
    agent: str = ""
    status: bytes | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class RoomView(Message):
    """What a member may know of its room; `title` keeps the spelling of whoever came first."""

    key: RoomKey
    title: str
    kind: str


@dataclass(frozen=True, slots=True)
class Fact(Message):
    """Base of everything a peer is told to show."""


@dataclass(frozen=True, slots=True)
class Joined(Fact):
    """You are in: the room and its members, yourself included.

    `attempt` is the Admission's, so that the answer to an overtaken order is known as such.
    """

    tag: str
    room: RoomView
    members: tuple[Card, ...]
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class JoinRefused(Fact):
    """You are not in that room, nor in any other; `attempt` as in Joined."""

    tag: str
    room: RoomKey
    refusal: Refused
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class OrderRefused(Fact):
    """An order of yours to the room was not carried out."""

    tag: str
    refusal: Refused


@dataclass(frozen=True, slots=True)
class PeerJoined(Fact):
    card: Card


@dataclass(frozen=True, slots=True)
class PeerLeft(Fact):
    """`gone` is True when the peer ended, False when it only left this room."""

    peer: str
    gone: bool


@dataclass(frozen=True, slots=True)
class PeerChanged(Fact):
    card: Card


@dataclass(frozen=True, slots=True)
class ChatPosted(Fact):
    """A message to everyone in the room; `body` is the dialect's document as JSON bytes."""

    sender: str
    body: bytes


@dataclass(frozen=True, slots=True)
class RoomChanged(Fact):
    """Somebody set, removed or confirmed the lock. `pin` is None where the order left it alone."""

    by: str
    tag: str
    room: RoomView
    pin: str | None


@dataclass(frozen=True, slots=True)
class RosterListed(Fact):
    tag: str
    members: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class RosterAnnounced(Fact):
    """In rooms of a kind that calls everybody: all member ids, told to all after each join."""

    room: RoomView
    peers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoomClosed(Fact):
    """The room ended although you were in it (stopped by the operator, or given up)."""

    room: RoomView


@dataclass(frozen=True, slots=True)
class Signalled(Fact):
    """A document from another peer, relayed unread; `body` is JSON bytes."""

    sender: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Introduced(Fact):
    """Who you are: sent on connection, when asked for, and after a login."""

    tag: str
    user: str
