"""One WebRTC connection to one other side, as signalling has it: what it is asked for, and tells.

See `media.contract.engine`, which opens sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol

from media.contract.candidates import Candidate, Description
from media.contract.datagrams import ChannelRelay, RelayStats
from media.contract.plans import ChannelWanted
from media.contract.stats import SinkStats, SourceStats


class Direction(Enum):
    """Which way media goes in a section of a description, as seen from the engine."""

    SEND = "sendonly"
    RECEIVE = "recvonly"
    BOTH = "sendrecv"
    NONE = "inactive"


class State(Enum):
    """How far a session has come. It goes down this list only, FAILED is followed by CLOSED."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"  # media can flow: ICE and DTLS are through
    FAILED = "failed"
    CLOSED = "closed"


class Failure(StrEnum):
    """What brought a session to FAILED."""

    ICE = "ice"  # no path to the other side, or one was lost
    DTLS = "dtls"  # there is a path, but no agreement on keys
    NO_ANSWER = "no_answer"  # to an offer of ours
    SILENCE = "silence"
    UNFINISHED = "unfinished_messages"  # too much of them on data channels
    BUG = "bug"  # an error of ours


HUNG_UP = "the other side closed"
"""Why a session is CLOSED that its other side has ended in an orderly way (DTLS close_notify)."""


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server the engine may use for its own candidates."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class TrackWanted:
    """One section, of `kind` "audio" or "video".

    `codecs`: lower-case names, best first; empty: any we know. `fmtp` are the parameters of H.264
    that will be sent, as of the source's Track: what is agreed on suits them. `bitrate` is how many
    kbit/s the other side may send at most (b=AS, and REMB); 0: as many as it likes.
    """

    kind: str
    direction: Direction
    codecs: tuple[str, ...] = ()
    fmtp: str = ""
    bitrate: int = 0


@dataclass(frozen=True, slots=True)
class SessionWanted:
    """How to open a session.

    In an offer of ours each track is a section, in this order; `data` adds one for data channels.
    In an offer of theirs, each section takes the next wanted track of its kind; a section without
    one is answered inactive, data channels are always welcome. A section that either side rejects
    (port 0) stays a track without source and sink; another one can follow.

    With `rejects_rest`, sections of an offer for which no track is wanted, or none that goes their
    way, are rejected instead, and so are data channels without `data`.

    `connect_seconds` is the time from our first offer to its answer, and as much again from the
    second description to CONNECTED; `silence_seconds` is how long the other side may then be
    unheard. Past any of them, the session fails. Before there is any description it waits for as
    long as its owner does.
    """

    tracks: tuple[TrackWanted, ...] = ()
    data: bool = False
    rejects_rest: bool = False
    ice_servers: tuple[IceServer, ...] = ()
    connect_seconds: float = 20.0
    silence_seconds: float = 15.0
    remote_address: str | None = None  # where the other side's own connection comes from, if known
    remote_allow: tuple[str, ...] = ()  # else: networks in which it may name addresses all the same


@dataclass(frozen=True, slots=True)
class Track:
    """One negotiated section: the ids to attach with (None where nothing goes that way).

    `rid` is the layer of a simulcast that the other side was asked for. `fmtp` are the parameters
    of the codec, as in a session description.
    """

    mid: str
    kind: str
    codec: str
    source: str | None
    sink: str | None
    rid: str | None = None
    fmtp: str = ""


@dataclass(frozen=True, slots=True)
class SessionStats:
    """What one session has carried; bytes and packets are counted on the wire."""

    state: State
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    packets_dropped: int
    channels: int
    buffered_bytes: int
    sources: tuple[SourceStats, ...] = ()
    sinks: tuple[SinkStats, ...] = ()
    relay: RelayStats | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Base of what a session tells; `session` is its id."""

    session: str


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """`reason` is a few words for FAILED and CLOSED, without user data: HUNG_UP, for one.

    `failure` is for FAILED.
    """

    state: State
    reason: str = ""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Reachable(Event):
    """ICE found a path to the other side; DTLS follows."""


@dataclass(frozen=True, slots=True)
class TracksChanged(Event):
    """A negotiation is done: these are the session's tracks now, in the order of the sections.

    It is told before the step that finished the negotiation returns.
    """

    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class ChannelOpened(Event):
    """A data channel can be used; `theirs` if the other side opened it."""

    channel: str
    wanted: ChannelWanted
    theirs: bool


@dataclass(frozen=True, slots=True)
class ChannelClosed(Event):
    channel: str


@dataclass(frozen=True, slots=True)
class MessageReceived(Event):
    """One message: text as str, binary as bytes."""

    channel: str
    data: str | bytes


EventSink = Callable[[Event], None]
"""Takes a session's events, one at a time and in order. It must not wait; where it raises, the
error is logged and the session is closed."""


class MediaSession(Protocol):
    """One connection to one other side.

    All methods but `close` raise WrongState once it is closed, and MediaTimeout when the engine
    does not get something done in time.
    """

    @property
    def id(self) -> str: ...

    async def create_offer(self) -> Description:
        """Offer what is wanted. Raises WrongState while an offer of theirs is unanswered."""

    async def accept_offer(self, sdp: str) -> Description:
        """Take their offer, a first or a later one, and return the answer.

        Raises BadDescription, NoCommonCodec; WrongState while an offer of ours is unanswered.
        """

    async def accept_answer(self, sdp: str, remote_address: str | None = None) -> None:
        """Take the answer to our offer; with it it may be known from where the other side connects.

        Raises BadDescription, or WrongState without an offer.
        """

    async def add_candidate(self, candidate: Candidate) -> None:
        """Take a remote candidate, at any time; early ones wait for the description.

        Raises BadCandidate for what cannot be understood, and for too many.
        """

    async def add_tracks(self, tracks: tuple[TrackWanted, ...]) -> None:
        """Want more sections, from the next offer or answer on: all of them, or none.

        Raises TooMuch beyond 64, NoCommonCodec for another kind or codec than we know.
        """

    async def open_channel(self, wanted: ChannelWanted) -> str:
        """Open a data channel and return its id; it can be used after ChannelOpened.

        Raises TooMuch at the limit of channels, ValueError for an id that is missing or taken.
        """

    async def send(self, channel: str, data: str | bytes) -> None:
        """Send a message, waiting while too much is unsent: this is the backpressure.

        Raises UnknownChannel, also when the channel closes meanwhile, and TooMuch for a message
        larger than the other side takes.
        """

    async def close_channel(self, channel: str) -> None:
        """Close a data channel after what was sent has gone. Raises UnknownChannel."""

    async def relay(self, relay: ChannelRelay) -> None:
        """Have the data channels of this session go on over UDP, from now on; see ChannelRelay.

        It holds for channels that open later, too, and another one replaces it. Their messages are
        told as events no more. A message by which npm `peerjs` says that it closes the channel
        (`{"__peerData": {"type": "close"}}`, in JSON or BINARY) closes it. Raises UnknownPort.
        """

    async def stats(self) -> SessionStats: ...

    async def close(self, reason: str = "closed") -> None:
        """End the session with its sources, sinks and channels, and wait until all is released.

        Fine if it has ended already.
        """
