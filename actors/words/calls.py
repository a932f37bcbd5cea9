"""Telephone calls of a room: what is said of a call, how its signalling is steered, the requests.

A call is a member of its room: its id is that of a participant, of role "sip". What it sends is a
stream of the room, what it hears a subscription. Its signalling (SIP) is a `CallLeg`, made outside
the actors; its media are plain RTP ports, opened by whoever carries the call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from actors.core.errors import Refused
from actors.core.message import Message, Request
from actors.words.facts import Presence
from actors.words.streams import AudioWanted, OutputChange, VideoWanted
from actors.words.views import AnyStream
from media.contract.codec import Codec
from media.contract.plans import Remote
from media.contract.session import Direction


class CallEnd(StrEnum):
    """Why a call is over, or never was. The value is the word in logs and answers."""

    HUNG_UP = "hung_up"  # by either side, in order
    CANCELLED = "cancelled"  # by who called, before it was answered
    BUSY = "busy"
    DECLINED = "declined"
    NOT_FOUND = "not_found"  # nobody has that number
    UNANSWERED = "unanswered"
    UNREACHABLE = "unreachable"
    NOT_ALLOWED = "not_allowed"  # credentials or addresses that are not taken, on either side
    NO_COMMON_CODEC = "no_common_codec"
    REDIRECTED = "redirected"  # to another address, which is not followed
    FAILED = "failed"
    LOST = "lost"  # nothing was heard of the other side any more
    MEDIA_LOST = "media_lost"  # what carries its sound has ended here
    DROPPED = "dropped"  # put out of the room
    ROOM_ENDED = "room_ended"
    NO_CAPACITY = "no_capacity"
    STOPPED = "stopped"  # the server stops


@dataclass(frozen=True, slots=True)
class CallSection:
    """One section of a description, of `kind` "audio", "video", or another one.

    `codecs` are best first, without telephone-event; `digits` is the payload type of that (RFC
    4733), None without. A section that is rejected (port 0) has none of all that. `remote` is where
    its side takes RTP; None for one that is rejected, for a host that is no numeric address, and
    for one on hold by address 0.0.0.0.
    `direction` is as seen from the side that describes.
    """

    kind: str
    codecs: tuple[Codec, ...] = ()
    remote: Remote | None = None
    direction: Direction = Direction.BOTH
    digits: int | None = None
    bandwidth: int = 0  # kbit/s that its side takes at most (b=AS, b=TIAS); 0: not said


@dataclass(frozen=True, slots=True)
class CallDescription:
    """What one side says of its media; an answer has the sections of the offer, in its order."""

    sections: tuple[CallSection, ...]


class LegEvent(Message):
    """Base of what signalling tells of a call."""


@dataclass(frozen=True, slots=True)
class LegRings(LegEvent):
    """The other side has been reached; what it sends early (183) may be heard by `early`."""

    early: CallDescription | None = None


@dataclass(frozen=True, slots=True)
class LegAnswered(LegEvent):
    """A call out is answered with this."""

    answer: CallDescription


@dataclass(frozen=True, slots=True)
class LegConfirmed(LegEvent):
    """Our answer has arrived; with an `answer` where the INVITE had no offer, and ours was one."""

    answer: CallDescription | None = None


@dataclass(frozen=True, slots=True)
class LegOffered(LegEvent):
    """They want other media (re-INVITE, UPDATE); answered by `answer` or `refuse`.

    None: a re-INVITE without an offer: `answer` is given ours, their answer comes as LegConfirmed.
    """

    offer: CallDescription | None


@dataclass(frozen=True, slots=True)
class LegKeyframe(LegEvent):
    """They ask for a picture by signalling (INFO with media_control, RFC 5168)."""


@dataclass(frozen=True, slots=True)
class LegEnded(LegEvent):
    """The last that is told. `detail` is the other side's status and words, cleaned; or ""."""

    why: CallEnd
    detail: str = ""


MakeOffer = Callable[[str], Awaitable[CallDescription]]
"""Makes our description for an address of ours; it may open ports there, and refuse to."""

LegSink = Callable[[LegEvent], None]
"""Takes what signalling tells, in order. It must not wait."""


class CallLeg(Protocol):
    """The signalling of one call. No method waits or raises; what comes too late does nothing.

    LegEnded is told of each call once, whoever has ended it, and nothing after it.
    """

    @property
    def address(self) -> str:
        """Our numeric address towards the other side: RTP ports are opened on it."""

    @property
    def host(self) -> str:
        """The numeric host that signals for the other side."""

    def listen(self, events: LegSink) -> None:
        """Tell everything to this from now on, and what was not told yet, first."""

    def ring(self) -> None:
        """Say that the call is being looked at (180). Only of a call in."""

    def answer(self, description: CallDescription) -> None:
        """Take the call, or the last offer, with this; `remote` is where we listen."""

    def refuse(self, why: CallEnd) -> None:
        """Do not take the call, or the offer that was made last."""

    def hang_up(self, why: CallEnd = CallEnd.HUNG_UP) -> None:
        """End it, whatever its state: CANCEL, BYE or a refusal. LegEnded is told."""


class Telephone(Protocol):
    """What makes calls out."""

    async def dial(self, uri: str, room: str, offer: MakeOffer) -> CallLeg:
        """Begin to call; the leg tells LegRings, LegAnswered and LegEnded.

        `room` is the name of the room that calls, whose own credentials are used. `offer` is
        awaited once the address is known on which the other side reaches us, what it raises is
        raised. Raises CallRefused at once for a URI that is none, or may not be called. Who gives
        up waiting for this calls nobody.
        """


class NoTelephone:
    """Makes no calls, where there is no telephone."""

    async def dial(self, uri: str, room: str, offer: MakeOffer) -> CallLeg:
        raise CallRefused(CallEnd.NOT_ALLOWED, "this server has no telephone")


class CallRefused(Refused):
    """A call does not come about; `why` in a word, the text says it to people."""

    code = "call_refused"

    def __init__(self, why: CallEnd, text: str = "") -> None:
        super().__init__(text or why.value.replace("_", " "))
        self.why = why


class CallUnknown(Refused):
    code = "call_unknown"


@dataclass(frozen=True, slots=True)
class Digit(Message):
    """A key that was pressed at the other side: "0" to "9", "*", "#", "A" to "D"."""

    digit: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class CallView(Message):
    """An ongoing call. `stream` is what it sends, `output` the id of what it hears and sees.

    `peer` is the URI of the other side, `digits` are the last that were pressed there.
    """

    id: str
    incoming: bool
    peer: str
    stream: AnyStream | None
    output: str
    audio: AudioWanted | None
    video: VideoWanted | None
    digits: tuple[Digit, ...] = ()


@dataclass(frozen=True, slots=True)
class TakeCall(Request[None]):
    """Take a call that comes in: answered once somebody carries it, who rings and answers himself.

    `presence` is who calls: its id becomes the call's. Without an `offer` we make one. Raises
    RoomFull, NotAllowed, TooManyStreams, AudioForbidden, NoCapacity, Busy, CallRefused.
    """

    leg: CallLeg = field(repr=False)
    presence: Presence
    peer: str
    offer: CallDescription | None


@dataclass(frozen=True, slots=True)
class StartCall(Request[CallView]):
    """Call somebody; answered once he has taken it. Who leaves before ends it.

    `video`: whether a picture is offered, `hears` and `sees` what is sent to him: None for `sees`
    without one. Raises CallRefused (busy, unanswered, …), TargetUnsatisfying, and what TakeCall
    raises.
    """

    uri: str = field(repr=False)
    presence: Presence
    video: bool
    hears: AudioWanted
    sees: VideoWanted | None


@dataclass(frozen=True, slots=True)
class GetCalls(Request[tuple[CallView, ...]]):
    """The ongoing calls: those that were taken."""


@dataclass(frozen=True, slots=True)
class ChangeCall(Request[CallView]):
    """Send other streams to a call, or with other parameters; all or nothing.

    Raises CallUnknown, TargetUnsatisfying, NoCapacity.
    """

    call: str
    changes: tuple[OutputChange, ...]


@dataclass(frozen=True, slots=True)
class EndCall(Request[None]):
    """Hang up; answered when nothing of it is left. Raises CallUnknown."""

    call: str
