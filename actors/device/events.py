"""What happens to devices, and who is shown it: a dialect, which keeps it for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from actors.core import Message, Ref


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """Base of what happens to a peer or one of its connections."""


@dataclass(frozen=True, slots=True)
class Opened(DeviceEvent):
    """The peer can be reached, once; or the data connection can be used."""


@dataclass(frozen=True, slots=True)
class Connected(DeviceEvent):
    """To the peer: somebody has opened a data connection, which has this id."""

    connection: str


@dataclass(frozen=True, slots=True)
class Called(DeviceEvent):
    """To the peer: somebody calls, and waits for an answer; the media connection has this id."""

    connection: str


@dataclass(frozen=True, slots=True)
class CallReady(DeviceEvent):
    """Both sides of the media connection have said what they send and take."""


@dataclass(frozen=True, slots=True)
class StreamShown(DeviceEvent):
    """There is a way to the other side for one medium of the connection, "audio" or "video".

    `socket` is the UDP socket whose packets are sent to the other side, "" where there is none.
    """

    kind: str
    socket: str


@dataclass(frozen=True, slots=True)
class CredentialExpires(DeviceEvent):
    """The peer's credential is good for so many seconds more."""

    seconds: int


class Trouble(StrEnum):
    """What an error of a peer is called by the published API (seed, PeerEventMessage)."""

    BROWSER_INCOMPATIBLE = "BROWSER_INCOMPATIBLE"
    INVALID_ID = "INVALID_ID"
    INVALID_KEY = "INVALID_KEY"
    UNAVAILABLE_ID = "UNAVAILABLE_ID"
    SSL_UNAVAILABLE = "SSL_UNAVAILABLE"
    SERVER_DISCONNECTED = "SERVER_DISCONNECTED"
    SERVER_ERROR = "SERVER_ERROR"
    SOCKET_ERROR = "SOCKET_ERROR"
    SOCKET_CLOSED = "SOCKET_CLOSED"


@dataclass(frozen=True, slots=True)
class PeerFailed(DeviceEvent):
    """Something went wrong with the peer; whether it lives on, a `Closed` says."""

    trouble: Trouble


@dataclass(frozen=True, slots=True)
class ConnectionFailed(DeviceEvent):
    """Something went wrong with the connection, in a few words without user data."""

    words: str


@dataclass(frozen=True, slots=True)
class Closed(DeviceEvent):
    """The last thing that is said of a peer or connection."""


class Observer(Protocol):
    """A dialect, which is shown peers and connections. It never waits and never raises.

    Ids of connections ("dc-…", "mc-…") are unique; a peer goes by its token ("pt-…"), as two keys
    may have peers of one id.
    """

    def appeared(self, id: str, actor: Ref[Message]) -> None:
        """Hear of a new peer or connection: `actor` can be asked for it."""

    def happened(self, id: str, event: DeviceEvent) -> None:
        """Hear what happened to it."""

    def ended(self, id: str) -> None:
        """Hear that all that it had is free; called once, behind `Closed`, whatever ended it."""
