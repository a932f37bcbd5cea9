"""What a member is told and asked, by its connection and by those who look for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core import Message, Ref, Refused, Request
from actors.member.client import Client
from actors.words.close_reasons import CloseReason
from actors.words.facts import Fact, Presence
from actors.words.orders import Order
from actors.words.quality import Quality
from actors.words.rooms import RoomSpec
from actors.words.site import Arrival
from actors.words.where_from import NOWHERE, WhereFrom

# --- in and out of rooms


@dataclass(frozen=True, slots=True)
class Enter(Request[None]):
    """Join a room, leaving the present one; answered when Joined has been shown.

    `account_to_join` and `account_to_create` are what the dialect demands of who has no user.
    Raises the room's refusal, after which the member is in no room.
    """

    spec: RoomSpec
    tag: str
    agent: str = ""
    pin: str = ""
    account_to_join: bool = False
    account_to_create: bool = False
    address: str = ""  # as in Admission
    arrival: Arrival | None = None  # as in Admission


@dataclass(frozen=True, slots=True)
class Exit(Message):
    """Leave the room, if in one."""


@dataclass(frozen=True, slots=True)
class PlaceOrder(Request[str | None]):
    """Have the room carry out an order. Answered with what the order says.

    Raises its refusals, NotInRoom, Busy.
    """

    order: Order


@dataclass(frozen=True, slots=True)
class Post(Message):
    """Have the room carry out an order, with no answer; nothing happens outside a room."""

    order: Order


# --- who it is


@dataclass(frozen=True, slots=True)
class SetStatus(Message):
    """Replace what the member shows of itself: a JSON document as bytes, and the name in it."""

    status: bytes | None
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ReportQuality(Message):
    """Note how well the client says that its connections do."""

    quality: Quality


@dataclass(frozen=True, slots=True)
class Introduce(Message):
    """Show the client who it is."""

    tag: str


@dataclass(frozen=True, slots=True)
class GrantLogin(Request[None]):
    """Prepare a login as `user` by `nonce`. Raises AlreadyIdentified."""

    user: str
    nonce: str


@dataclass(frozen=True, slots=True)
class LogIn(Request[None]):
    """Become `user`. Raises AlreadyIdentified, NonceInvalid, NonceForAnotherUser."""

    user: str
    nonce: str
    tag: str


@dataclass(frozen=True, slots=True)
class MemberView(Message):
    """How a member shows itself, and the name of the room it is in, or ""."""

    presence: Presence
    room: str


@dataclass(frozen=True, slots=True)
class DescribeMember(Request[MemberView]):
    pass


@dataclass(frozen=True, slots=True)
class Follow(Message):
    """Show PeerLeft when that member ends; beyond FOLLOWED members nothing happens."""

    member: Ref[Message]
    id: str


# --- clients that come and go


class ResumeRefused(Refused):
    """This member does not outlive its connection, or it is somebody else's."""

    code = "resume_refused"


@dataclass(frozen=True, slots=True)
class Resume(Request[None]):
    """Go on with another client; a present one is closed.

    The new one is shown Resumed, then all that happened meanwhile. `proof` is the one in the
    member's Profile. Raises ResumeRefused.
    """

    client: Client
    tag: str
    proof: str = field(default="", repr=False)
    where: WhereFrom = NOWHERE


@dataclass(frozen=True, slots=True)
class Resumed(Fact):
    """You go on where another client has left; `note` is as in Profile.

    Behind it come `missed` facts that the other did not see.
    """

    tag: str
    note: str
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Adopt(Request[None]):
    """Begin anew with another client; a present one is closed.

    The member keeps its place in the room but hears nothing from it until it enters again; if it
    does not within `grace` seconds it leaves, so that no ghost stays behind.
    """

    client: Client
    user: str
    grace: float
    where: WhereFrom = NOWHERE


@dataclass(frozen=True, slots=True)
class RefuseSecond(Request[None]):
    """What a member is told that is opened twice, where nobody is taken over.

    Raises Busy, or, with `taken`, PeerIdTaken; a device always raises that.
    """

    taken: bool = False


@dataclass(frozen=True, slots=True)
class IdentifyAgain(Message):
    """Try again to tell the directory whose member this is."""


@dataclass(frozen=True, slots=True)
class Lost(Message):
    """The connection of this client is gone; nothing happens if another one has taken over.

    `leaving`: it has gone on purpose.
    """

    client: Client
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class End(Message):
    """End the member."""

    reason: CloseReason
