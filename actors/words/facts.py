"""Facts: what rooms and members tell a member, dialect-neutral, each shown by its client.

A `tag` is the request id a client gave with the order that the fact answers, or "".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core.errors import Refused
from actors.core.message import Message
from actors.words.closings import Closing
from actors.words.keys import RoomKey
from actors.words.permission import NO_MEDIA, Permission
from actors.words.streams import SessionEnd
from actors.words.views import AnyStream


@dataclass(frozen=True, slots=True)
class Presence(Message):
    """How a peer shows itself. `status` is JSON bytes that only clients understand.

    `permission` is what it may do in the room; `role` is a word for it in rooms with streams.
    """

    peer: str
    user: str = ""
    agent: str = ""
    status: bytes | None = None
    revision: int = 0
    role: str = ""
    permission: Permission = NO_MEDIA
    callable: bool = False  # takes offers of other members itself, by the fact Signalled


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
    """You are in: the room, its members, yourself included, and its streams.

    `attempt` is the Admission's, so that the answer to an overtaken order is known as such.
    """

    tag: str
    room: RoomView
    members: tuple[Presence, ...]
    attempt: int = 0
    streams: tuple[AnyStream, ...] = ()


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
    presence: Presence


@dataclass(frozen=True, slots=True)
class PeerLeft(Fact):
    """`gone` is True when the peer ended, False when it only left this room."""

    peer: str
    gone: bool


@dataclass(frozen=True, slots=True)
class PeerChanged(Fact):
    presence: Presence


@dataclass(frozen=True, slots=True)
class Extra(Message):
    """Something in the form of one dialect, whole, for its own clients: others do not read it."""

    dialect: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Said(Fact):
    """A member said `text` to one member, or to all in the room where `to` is None.

    `extra` is all of it as the sender's dialect has it, where that is more than the text: that
    somebody types, a file, a place. What is `passing` is of this moment only, as that somebody
    types: who is away does not miss it. The room counts what is said in `id`; 0 is not counted yet.
    """

    sender: str
    to: str | None
    text: str
    extra: Extra | None = None
    passing: bool = False
    id: int = field(default=0, compare=False)

    def means_something_to(self, dialect: str) -> bool:
        """Tell whether there is anything in it for clients of this dialect."""
        return bool(self.text) or self.extra is None or self.extra.dialect == dialect


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
    members: tuple[Presence, ...]


@dataclass(frozen=True, slots=True)
class RosterAnnounced(Fact):
    """In rooms of a kind that calls everybody: who can be called, told to all after each join."""

    room: RoomView
    peers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoomClosed(Fact):
    """The room ended although you were in it (stopped by the operator, or given up).

    `closing` is there where the operator has closed it, for a time.
    """

    room: RoomView
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class Expelled(Fact):
    """The operator has put you out: you end, and nobody goes on as you. `text` is why."""

    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Signalled(Fact):
    """A document from another peer, relayed unread; `body` is JSON bytes.

    `address` is where the sender connects from, None where nobody knows.
    """

    sender: str
    body: bytes = field(repr=False)
    address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Unreached(Fact):
    """Nobody of this id was there, or came, to take what you have signalled to it."""

    peer: str


@dataclass(frozen=True, slots=True)
class Introduced(Fact):
    """Who you are: sent on connection, when asked for, and after a login."""

    tag: str
    user: str


# --- rooms with streams


@dataclass(frozen=True, slots=True)
class OrderDone(Fact):
    """An order of yours to the room was carried out; `value` is what the order says, or None."""

    tag: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class PermissionSet(Fact):
    """What you may do has changed."""

    permission: Permission


@dataclass(frozen=True, slots=True)
class Dropped(Fact):
    """You have been put out of the room."""


@dataclass(frozen=True, slots=True)
class StreamAdded(Fact):
    stream: AnyStream


@dataclass(frozen=True, slots=True)
class StreamChanged(Fact):
    """`field` says what: "audio.status", "video.status", or "." for anything else.

    Of a mixed stream it is "video.layout", "activeInput", or "." as well.
    """

    stream: AnyStream
    field: str


@dataclass(frozen=True, slots=True)
class StreamRemoved(Fact):
    id: str


@dataclass(frozen=True, slots=True)
class SessionAnswered(Fact):
    """The answer to your offer for a publication or subscription, with all candidates inside."""

    session: str
    sdp: str


@dataclass(frozen=True, slots=True)
class SessionReady(Fact):
    """The media of your publication or subscription can flow."""

    session: str


@dataclass(frozen=True, slots=True)
class SessionEnded(Fact):
    """Your publication or subscription has ended, and not by your order.

    `detail` says in a few words what `why` leaves open, without user data.
    """

    session: str
    why: SessionEnd
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Restarted(Fact):
    """The room came back after a crash; by its roster, you are a member still.

    The streams and sessions that you know of from before have ended, and what you have asked of the
    room since is lost, until you confirm this `incarnation`.
    """

    incarnation: int


@dataclass(frozen=True, slots=True)
class MediaLost(Fact):
    """The room came back after a crash: all of its streams and your sessions have ended."""

    streams: tuple[str, ...]
    sessions: tuple[str, ...]
