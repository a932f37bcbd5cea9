"""What peers of devices and their connections are asked; refusals are in words.device_refusals."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core import Message, Request
from actors.device.credentials import Credential
from actors.device.line import LineEvent
from actors.device.medium import MediumWanted as MediumWanted  # it has rules of its own
from media.contract.datagrams import MessageFormat, Network, RelayStats
from media.contract.plans import Address, ChannelWanted

# --- of a peer


@dataclass(frozen=True, slots=True)
class FromLine(Message):
    """What the peer's own line tells."""

    event: LineEvent


@dataclass(frozen=True, slots=True)
class PeerShown(Message):
    """How a peer stands. `expires_in` is in seconds, None without a credential."""

    id: str
    reachable: bool
    connections: tuple[str, ...] = ()
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class ShowPeer(Request[PeerShown]):
    pass


@dataclass(frozen=True, slots=True)
class ProgramAlive(Message):
    """The peer's program has asked for something: it is not idle."""


@dataclass(frozen=True, slots=True)
class RenewCredential(Request[None]):
    """Go on under another credential; nothing happens where none is needed.

    `secret` is that of the peer's API key by now, "" for the one that it was made with. Raises
    CredentialWrong.
    """

    credential: Credential
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ConnectData(Request[str]):
    """Open a data connection to another peer; its id is answered at once, and tells the rest.

    `channel` without a label gets a random one. `metadata` is what the other side is told, as JSON
    text or "" for none. `feed` is a data socket, `redirect` where to send what comes. Raises
    TooManyConnections, SocketUnknown, RedirectForbidden.
    """

    target: str
    channel: ChannelWanted
    format: MessageFormat = MessageFormat.BINARY
    serialization: str = "binary"  # as the other side is told, in words of PeerJS
    metadata: str = field(default="", repr=False)
    feed: str | None = None
    redirect: Address | None = None


@dataclass(frozen=True, slots=True)
class CallPeer(Request[str]):
    """Call another peer; the id of the media connection is answered at once, and tells the rest.

    Raises TooManyConnections, SocketUnknown, SocketInUse, RedirectForbidden.
    """

    target: str
    media: tuple[MediumWanted, ...]
    metadata: str = field(default="", repr=False)


# --- of a connection, of either kind


@dataclass(frozen=True, slots=True)
class FromPeer(Message):
    """A frame of the other side about this connection: its kind, and its payload as JSON.

    `address` is where the other side connects from, None where nobody knows.
    """

    kind: str
    payload: bytes = field(repr=False)
    address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OtherSideUnreached(Message):
    """Nobody of that id was there to take what the connection has signalled."""


@dataclass(frozen=True, slots=True)
class EndConnection(Message):
    """End the connection. Its end, with all that it had, is told to the observer."""

    reason: str = "hung up"


@dataclass(frozen=True, slots=True)
class RedirectsChanged(Message):
    """Other networks may be sent to: a redirect that leads elsewhere ends."""

    allow: tuple[Network, ...]


# --- of a data connection


@dataclass(frozen=True, slots=True)
class ChangeData(Request[str | None]):
    """Feed from another socket, or redirect elsewhere; None leaves it as it is.

    Answered with the socket it is fed from, if any. Raises SocketUnknown, RedirectForbidden.
    """

    feed: str | None = None
    redirect: Address | None = None


@dataclass(frozen=True, slots=True)
class DataShown(Message):
    """How a data connection stands. `metadata` is JSON text or "", `serialization` of PeerJS."""

    remote: str
    label: str
    metadata: str = field(repr=False)
    serialization: str
    reliable: bool
    open: bool
    buffered: int
    feed: str | None = None
    redirect: Address | None = None
    relay: RelayStats | None = None


@dataclass(frozen=True, slots=True)
class ShowData(Request[DataShown]):
    pass


# --- of a media connection


@dataclass(frozen=True, slots=True)
class AnswerCall(Request[None]):
    """Answer the call. Raises NotACall, SocketUnknown, SocketInUse, RedirectForbidden, Busy."""

    media: tuple[MediumWanted, ...]


@dataclass(frozen=True, slots=True)
class AskKeyframe(Request[None]):
    """Have the other side send a keyframe of what is redirected to that address.

    Raises NotRedirected, also while nothing comes yet.
    """

    redirect: Address


@dataclass(frozen=True, slots=True)
class CallShown(Message):
    """How a media connection stands; `ssrcs` are of what is sent to the other side, by socket."""

    remote: str
    metadata: str = field(repr=False)
    open: bool
    ssrcs: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ShowCall(Request[CallShown]):
    pass


# --- timers of a peer


@dataclass(frozen=True, slots=True)
class CredentialRunsOut(Message):
    """A timer; void unless it is of the latest credential."""

    number: int
    now: bool


@dataclass(frozen=True, slots=True)
class LookForProgram(Message):
    """The timer: does anybody ask for the peer still?"""
