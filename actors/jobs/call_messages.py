"""What a telephone call is told, and what it tells its room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.core import Message
from actors.jobs.call_rules import Allowed
from actors.streams.conference_calls import CallTerms
from actors.words.calls import CallDescription, CallEnd, CallLeg, Digit, LegEvent
from media.contract.plans import DigitPressed


@dataclass(frozen=True, slots=True)
class CallPlanned:
    """What a call is: of those that come in, `leg` and perhaps their `offer`; else whom to call."""

    id: str
    room: str
    peer: str
    allowed: Allowed
    leg: CallLeg | None = field(default=None, repr=False)
    offer: CallDescription | None = None


@dataclass(frozen=True, slots=True)
class BeginCall(Message):
    """Ring and answer, or call somebody."""


@dataclass(frozen=True, slots=True)
class FromLeg(Message):
    """What signalling tells."""

    event: LegEvent


@dataclass(frozen=True, slots=True)
class FromPort(Message):
    """What the media layer tells of a port."""

    pressed: DigitPressed


@dataclass(frozen=True, slots=True)
class CallAgreed(Message):
    """The fact told to the room: both sides have agreed on this.

    `sources` are the engine's ids of what comes, by kind, `fmtp` the parameters of its codecs.
    `anew` are the kinds of which another source has the id by now.
    """

    call: str
    terms: CallTerms
    sources: Mapping[str, str]
    fmtp: Mapping[str, str]
    anew: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CallOver(Message):
    """The fact told to the room: why a call ends, which it will."""

    call: str
    why: CallEnd
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CallDigits(Message):
    """The fact told to the room: the last keys that were pressed at the other side."""

    call: str
    digits: tuple[Digit, ...]
