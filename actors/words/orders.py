"""What a room is told and asked about streams, subscriptions, recordings and participants.

An `Order` comes from a member, `Placed`, and is answered with the fact `OrderDone` or
`OrderRefused` of the same tag. A `Request` comes from a management API, which asks the room itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core.message import Message, Request
from actors.words.closings import Closing, Expel
from actors.words.facts import Extra, Presence
from actors.words.permission import PermissionChange
from actors.words.streams import (
    AS_IT_COMES,
    AudioWanted,
    OutputChange,
    RecordingView,
    Stream,
    StreamChange,
    VideoParameters,
    VideoWanted,
)
from actors.words.views import AnyStream, AnyStreamChange, ViewRules
from media.contract.candidates import Candidate


@dataclass(frozen=True, slots=True)
class Order(Message):
    """What a member may have its room do. It says what, and nothing of who or when."""


@dataclass(frozen=True, slots=True)
class Placed(Message):
    """An order on its way to a room.

    `by` is the id of the member, `tag` names the order among that member's; "" where nobody waits
    for the answer, and there is none.
    """

    by: str
    tag: str
    order: Order


@dataclass(frozen=True, slots=True)
class Say(Order):
    """Say `text` to one member, or to all where `to` is None; `extra` as in the fact `Said`.

    With `echoed`, what is said to all comes back to the sender as well. `passing` as in `Said`.
    Refused with NotAllowed, ParticipantUnknown.
    """

    text: str
    to: str | None = None
    extra: Extra | None = None
    echoed: bool = False
    passing: bool = False


@dataclass(frozen=True, slots=True)
class ListMembers(Order):
    """Show the members of the room: the fact RosterListed with this tag."""

    tag: str


@dataclass(frozen=True, slots=True)
class SetPin(Order):
    """Lock with `pin`, unlock with "", or only confirm the room's state with None.

    All members are told by the fact RoomChanged, the one who asked with this tag. `room` must be
    the name of this one. Refused with NotThatRoom, NotAllowed.
    """

    room: str
    tag: str
    pin: str | None


@dataclass(frozen=True, slots=True)
class Kick(Order):
    """Put a member out; its client is told. Refused with NotAllowed, ParticipantUnknown."""

    member: str


@dataclass(frozen=True, slots=True)
class Publish(Order):
    """Send a stream; done with its id (str). Where it comes from is in words, None: not sent.

    Refused with NotAllowed, TooManyStreams, AudioForbidden, VideoForbidden, EmptySubscription.
    """

    audio_origin: str | None
    video_origin: str | None
    parameters: VideoParameters = AS_IT_COMES
    attributes: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unpublish(Order):
    """End a stream of one's own. Refused with StreamUnknown, NotAllowed."""

    stream: str


@dataclass(frozen=True, slots=True)
class Subscribe(Order):
    """Take from streams; done with the id of the subscription (str).

    Refused with NotAllowed, EmptySubscription, TargetUnsatisfying, NoCapacity.
    """

    audio: AudioWanted | None
    video: VideoWanted | None


@dataclass(frozen=True, slots=True)
class Unsubscribe(Order):
    """End a subscription of one's own. Refused with SubscriptionUnknown, NotAllowed."""

    subscription: str


@dataclass(frozen=True, slots=True)
class Offer(Order):
    """Negotiate a publication or subscription of one's own.

    `address` is the client's, None where it is not known. The answer is told as the fact
    SessionAnswered, a failure as SessionEnded. Refused with SessionUnknown, NotAllowed.
    """

    session: str
    sdp: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Trickle(Order):
    """Hand over candidates of one's own publication or subscription.

    Refused with SessionUnknown, NotAllowed, BadCandidate.
    """

    session: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class ControlStream(Order):
    """Hold or resume tracks of a stream of one's own, put it into a view or take it out.

    Refused with StreamUnknown, NotAllowed, TrackUnknown, ViewUnknown.
    """

    stream: str
    changes: tuple[StreamChange, ...]


@dataclass(frozen=True, slots=True)
class GetRegion(Order):
    """Ask in which region of a view a stream of one's own is; done with the region's id (str).

    Refused with StreamUnknown, NotAllowed, ViewUnknown, StreamNotInView.
    """

    stream: str
    view: str


@dataclass(frozen=True, slots=True)
class SetRegion(Order):
    """Show a stream of one's own in a region of a view, with the effect that the view has.

    Refused with StreamUnknown, NotAllowed, ViewUnknown, StreamNotInView, RegionUnknown.
    """

    stream: str
    view: str
    region: str


@dataclass(frozen=True, slots=True)
class ControlSubscription(Order):
    """Change a subscription of one's own: hold, resume, take from another stream; all or nothing.

    Refused with SubscriptionUnknown, NotAllowed, TargetUnsatisfying, NoCapacity.
    """

    subscription: str
    changes: tuple[OutputChange, ...]


# --- asked by a management API


@dataclass(frozen=True, slots=True)
class GetParticipants(Request[tuple[Presence, ...]]):
    """All members in order of joining, each with role and permission."""


@dataclass(frozen=True, slots=True)
class SetPermissions(Request[Presence]):
    """Change what a participant may do; what it sends and takes already goes on.

    Raises ParticipantUnknown.
    """

    peer: str
    changes: tuple[PermissionChange, ...]


@dataclass(frozen=True, slots=True)
class DropParticipant(Request[None]):
    """Put a participant out; its client is told. Raises ParticipantUnknown.

    `order` is there where the operator wants it, of somebody who is a member of this room alone.
    """

    peer: str
    order: Expel | None = None


@dataclass(frozen=True, slots=True)
class GetStreams(Request[tuple[AnyStream, ...]]):
    """The mixed streams, and those whose media can flow, in order of coming."""


@dataclass(frozen=True, slots=True)
class ChangeStream(Request[AnyStream]):
    """Change a stream; all changes or none. A mixed one only in its layout.

    Raises StreamUnknown, TrackUnknown, ViewUnknown, LayoutImpossible; NotAllowed for what streams
    of that kind cannot do.
    """

    stream: str
    changes: tuple[AnyStreamChange, ...]


@dataclass(frozen=True, slots=True)
class EndStream(Request[None]):
    """End a stream. Raises StreamUnknown, NotAllowed for a mixed one.

    Of one that is pulled from outside, it is answered when that is pulled no more.
    """

    stream: str


@dataclass(frozen=True, slots=True)
class StartStreamingIn(Request[Stream]):
    """Pull a stream from outside; answered once its media flows, which may take its time.

    `url` may hold credentials. A kind is wanted (True), not wanted, or taken if it comes (None).
    `transport` of RTSP: "tcp", "udp"; `buffer_bytes` is what a UDP socket of it holds. Raises
    AddressUnfit, SourceRefused, NoCapacity, TooManyStreams, AudioForbidden, VideoForbidden.
    """

    url: str = field(repr=False)
    audio: bool | None = None
    video: bool | None = None
    transport: str = "tcp"
    buffer_bytes: int = 8192
    attributes: bytes | None = None


@dataclass(frozen=True, slots=True)
class ChangeViews(Request[None]):
    """Have these views from now on, and no others: `labels` are all of them, `mixes` those mixed.

    Who takes of one that goes, or of one that has become another format, is told that its source
    is lost; what else becomes of a view changes for those who take of it.
    """

    labels: tuple[str, ...]
    mixes: tuple[ViewRules, ...]


@dataclass(frozen=True, slots=True)
class StartRecording(Request[RecordingView]):
    """Record streams. `container`: "auto", "mp4", "mkv", "webm".

    Raises EmptySubscription, TargetUnsatisfying, CannotRecord, NoCapacity.
    """

    container: str
    audio: AudioWanted | None
    video: VideoWanted | None


@dataclass(frozen=True, slots=True)
class GetRecordings(Request[tuple[RecordingView, ...]]):
    """The ongoing recordings."""


@dataclass(frozen=True, slots=True)
class ChangeRecording(Request[RecordingView]):
    """Take from other streams, hold or resume.

    Raises RecordingUnknown, TargetUnsatisfying, NoCapacity.
    """

    recording: str
    changes: tuple[OutputChange, ...]


@dataclass(frozen=True, slots=True)
class EndRecording(Request[None]):
    """End a recording; answered when its file is finalised. Raises RecordingUnknown."""

    recording: str


@dataclass(frozen=True, slots=True)
class WatchView(Request[str]):
    """Have a mixed view be written as HLS for another while; answered with the folder's path.

    The first playlist, index.m3u8, is there some seconds later. Raises ViewUnknown, NoCapacity,
    Busy.
    """

    label: str


CLOSED_BY_OPERATOR = "closed_by_operator"
"""Why a room ends that the operator has closed."""


@dataclass(frozen=True, slots=True)
class CloseRoom(Request[None]):
    """End the room with all that is in it; members hear RoomClosed. Recordings are finalised.

    Where the operator has closed it, `closing` is what members are told. Whoever was to be let in
    before is in by then, and told as well: nobody's Join comes behind this.
    """

    reason: str = "deleted"
    closing: Closing | None = None
