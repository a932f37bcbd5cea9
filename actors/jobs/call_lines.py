"""One telephone call as its room has it, and what is said of one that does not come about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from actors.core import Message, Ref, ReplyTo
from actors.jobs.call_messages import CallOver
from actors.jobs.call_rules import AUDIO, VIDEO, Allowed
from actors.streams.conference_calls import CallTerms
from actors.streams.publishing import AUDIO_FORMATS, VIDEO_FORMATS
from actors.words.calls import CallEnd, CallLeg, CallRefused, CallView, Digit
from actors.words.facts import Presence

WORDS = {
    CallEnd.BUSY: "the other side is busy",
    CallEnd.DECLINED: "the other side has declined",
    CallEnd.NOT_FOUND: "nobody has that number",
    CallEnd.UNANSWERED: "nobody has answered",
    CallEnd.UNREACHABLE: "the other side cannot be reached",
    CallEnd.NOT_ALLOWED: "the other side does not allow it",
    CallEnd.NO_COMMON_CODEC: "there is no codec that both sides know",
    CallEnd.REDIRECTED: "the other side names another address, which is not followed",
    CallEnd.CANCELLED: "it was given up",
    CallEnd.ROOM_ENDED: "the room has ended",
    CallEnd.MEDIA_LOST: "what carries its sound has ended",
    CallEnd.NO_CAPACITY: "there is no room for it",
    CallEnd.STOPPED: "the server stops",
}


class Seats(Protocol):
    """The members of a room, as calls come to be some of them."""

    def check_seat(self, presence: Presence) -> None:
        """See whether a call may be a member. Raises NotAllowed, RoomFull, RoomLocked."""

    def seat(self, call: Ref[Message], presence: Presence) -> None:
        """Have a call be a member. Raises what `check_seat` raises."""

    def unseat(self, peer: str) -> None:
        """Have a call be no member any more; nothing where it is none."""


@dataclass(frozen=True, slots=True)
class CallDue(Message):
    """The timer of a call on which both sides have not agreed yet."""

    call: str


@dataclass(slots=True)
class CallLine:
    """One call. `agreed` once both sides have; until then, `asker` waits for one that goes out."""

    presence: Presence
    peer: str
    ref: Ref[Message]
    due: float
    leg: CallLeg | None = None  # of one that comes in
    asker: ReplyTo[CallView] | None = None
    agreed: bool = False
    over: CallOver | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    fmtp: Mapping[str, str] = field(default_factory=dict)
    digits: tuple[Digit, ...] = ()


def usual_terms(allowed: Allowed) -> CallTerms:
    """Return what is likely to be agreed on, as far as it can be known before."""
    codecs = [
        next((name for name in formats if name in allowed.codecs.get(kind, ())), None)
        for kind, formats in ((AUDIO, AUDIO_FORMATS), (VIDEO, VIDEO_FORMATS))
    ]
    audio, video = codecs
    return CallTerms(
        None if audio is None else AUDIO_FORMATS[audio],
        None if video is None else VIDEO_FORMATS[video],
        allowed.comes,
        goes=allowed.goes,
    )


def refuse(line: CallLine, why: CallEnd) -> None:
    """Tell who waits for a call that it does not come about."""
    if line.asker is None:
        return
    words, over = WORDS.get(why, "it has failed"), line.over
    if over is not None and over.detail and over.detail != words:
        words = f"{words} ({over.detail})"
    line.asker.refuse(CallRefused(why, words))
