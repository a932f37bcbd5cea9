"""What a telephone call and its room agree on: offers and answers of RTP (RFC 3264). Pure.

One section of sound and one of pictures can be agreed on; further ones are rejected. A call has
sound: where there is no codec for that, nothing is agreed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from actors.streams.conference_calls import CallTerms
from actors.streams.publishing import AUDIO_FORMATS, KINDS, PROFILES, VIDEO_FORMATS
from actors.words.calls import CallDescription, CallSection
from actors.words.permission import Abilities, Permission
from actors.words.streams import VideoFormat
from media.contract.codec import Codec, h264_profile
from media.contract.plans import Address, Remote
from media.contract.session import Direction

AUDIO, VIDEO = KINDS
CLOCKS = {"opus": 48_000, "g722": 8000, "pcmu": 8000, "pcma": 8000, "vp8": 90_000, "h264": 90_000}
LONGEST_NAME = 256
LONGEST_HOST = 255  # characters
DIGITS = 101  # the payload type of telephone-event in offers of ours
OURS = {
    AUDIO: (
        Codec("opus", 48_000, 96, channels=2),
        Codec("g722", 8000, 9),
        Codec("pcmu", 8000, 0),
        Codec("pcma", 8000, 8),
    ),
    VIDEO: (
        Codec("vp8", 90_000, 97),
        Codec("h264", 90_000, 98, fmtp="profile-level-id=42e01f;packetization-mode=1"),
    ),
}
COMES = (Direction.SEND, Direction.BOTH)  # of a side that sends
GOES = (Direction.RECEIVE, Direction.BOTH)  # of a side that takes


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be agreed on: `codecs` by kind, `comes` what a call may send, `goes` what it hears.

    A kind that may go neither way is rejected.
    """

    codecs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    comes: frozenset[str] = frozenset()
    goes: frozenset[str] = frozenset()

    def without(self, kind: str) -> Allowed:
        """Return it with that kind rejected."""
        return replace(self, comes=self.comes - {kind}, goes=self.goes - {kind})

    def takes(self, kind: str, codec: Codec) -> bool:
        """Tell whether this codec will do for a kind, which may go some way."""
        return (
            kind in self.comes | self.goes
            and codec.name in self.codecs.get(kind, ())
            and codec.clock_rate == CLOCKS.get(codec.name)
            and (codec.name == "opus" or codec.channels == 1)
        )


@dataclass(frozen=True, slots=True)
class AgreedSection:
    """One section as it was agreed on; without `receives` it is rejected.

    `receives` is what comes, with the payload type under which it does, `sends` what goes to
    `remote`. `direction` is ours. `digits` is the payload type in which keys come. `silent` is what
    is not sent to us, or is not to be heard: music for who is on hold. `on_hold` tells of the
    latter.
    """

    kind: str
    receives: Codec | None = None
    sends: Codec | None = None
    remote: Remote | None = None
    direction: Direction = Direction.NONE
    digits: int | None = None
    silent: bool = False
    on_hold: bool = False
    bandwidth: int = 0

    @property
    def goes(self) -> bool:
        """Whether we send now."""
        return self.direction in COMES


Agreed = tuple[AgreedSection, ...]


def answered(offer: CallDescription, allowed: Allowed, before: Agreed = ()) -> Agreed | None:
    """Return what we take of an offer, the first codec of theirs that will do; None for nothing.

    `before` is what was agreed on until now: an offer to send only, by who has taken too, is a
    hold.
    """
    found: dict[str, AgreedSection] = {}
    agreed = []
    for section in offer.sections:
        codec = None if section.kind in found else _chosen(section, allowed)
        if codec is None:
            agreed.append(AgreedSection(section.kind))
            continue
        each = _agreed(section, codec, codec, section.digits, allowed, before)
        found[section.kind] = each
        agreed.append(each)
    return tuple(agreed) if AUDIO in found else None


def accepted(
    ours: CallDescription, answer: CallDescription, allowed: Allowed, before: Agreed = ()
) -> Agreed | None:
    """Return what was agreed on by an answer to our offer; None where that is no sound."""
    agreed = []
    for index, offered in enumerate(ours.sections):
        section = answer.sections[index] if index < len(answer.sections) else None
        pair = None if section is None else _pair(offered, section)
        if section is None or pair is None or section.kind != offered.kind:
            agreed.append(AgreedSection(offered.kind))
            continue
        digits = offered.digits if section.digits is not None else None
        agreed.append(_agreed(section, *pair, digits, allowed, before))
    return tuple(agreed) if has_sound(agreed) else None


def permitted(usual: Allowed, may: Permission, before: Allowed, agreed: Agreed) -> Allowed:
    """Return what may be agreed on from now on, by another permission.

    What goes on already may go on, as with other members.
    """
    kinds = {it.kind for it in agreed if it.receives is not None}
    return replace(
        usual,
        comes=_ways(usual.comes, may.publish, before.comes & kinds),
        goes=_ways(usual.goes, may.subscribe, before.goes & kinds),
    )


def has_sound(agreed: Iterable[AgreedSection]) -> bool:
    return any(it.kind == AUDIO and it.receives is not None for it in agreed)


def offer_sections(allowed: Allowed, before: Agreed = ()) -> tuple[CallSection, ...]:
    """Return the sections of an offer of ours, as yet without places: those there were, then new.

    One that may not be is there without codecs, where there was one before (RFC 3264, section 8).
    """
    kinds = [it.kind for it in before]
    kinds += [kind for kind in KINDS if kind not in kinds and kind in allowed.comes | allowed.goes]
    seen: set[str] = set()
    sections = []
    for kind in kinds:
        codecs = () if kind in seen else OURS.get(kind, ())
        codecs = tuple(it for it in codecs if allowed.takes(kind, it))
        seen.add(kind)
        digits = DIGITS if codecs and kind == AUDIO else None
        ours = _direction(kind in allowed.goes, kind in allowed.comes)
        sections.append(CallSection(kind, codecs, None, ours, digits))
    return tuple(sections)


def placed(
    sections: Iterable[CallSection], places: Mapping[str, tuple[Address, Address]]
) -> CallDescription:
    """Return a description of sections with where we take RTP and RTCP of each kind."""
    return CallDescription(
        tuple(
            replace(it, remote=Remote(*places[it.kind]))
            if it.codecs and it.kind in places
            else CallSection(it.kind, direction=it.direction)
            for it in sections
        )
    )


def answer_of(agreed: Agreed) -> tuple[CallSection, ...]:
    """Return the sections of our answer, as yet without places."""
    return tuple(
        CallSection(it.kind, direction=Direction.NONE)
        if it.receives is None
        else CallSection(it.kind, (it.receives,), None, it.direction, it.digits)
        for it in agreed
    )


def terms_of(agreed: Agreed, allowed: Allowed, before: Agreed = ()) -> CallTerms:
    """Return what the room is to know of it.

    A picture that is not sent, and never was, is none: it would have an empty place in the view.
    """
    sections = {it.kind: it for it in agreed if it.receives is not None}
    sent_before = {it.kind for it in before if it.receives is not None and not it.silent}
    held_before = {it.kind for it in before if it.receives is not None and it.on_hold}
    comes = {kind for kind in sections if kind in allowed.comes}
    if VIDEO in comes and sections[VIDEO].silent and VIDEO not in sent_before | held_before:
        comes.remove(VIDEO)
    audio, video = sections.get(AUDIO), sections.get(VIDEO)
    return CallTerms(
        None if audio is None or audio.sends is None else AUDIO_FORMATS[audio.sends.name],
        None if video is None or video.sends is None else _picture(video.sends),
        frozenset(comes),
        frozenset(kind for kind in comes if sections[kind].silent),
        frozenset(kind for kind, it in sections.items() if kind in allowed.goes and _sent(it)),
        0 if video is None else video.bandwidth,
    )


def peer_host(uri: str) -> str:
    """Return the host of a SIP or tel URI, which may be logged; "" where there is none."""
    rest = uri.partition(":")[2].partition(";")[0].partition("?")[0]
    user, _, rest = rest.rpartition("@")
    if uri.lower().startswith("tel:") or len(rest) > LONGEST_HOST:
        return ""
    if not user and not any(it.isalpha() for it in rest):
        return ""  # perhaps a number, which is nobody's business
    host = rest.partition("]")[0] + "]" if rest.startswith("[") else rest.partition(":")[0]
    return host if all(it.isalnum() or it in ".-:[]" for it in host) else ""


def peer_name(uri: str) -> str:
    """Return the user or number of a SIP or tel URI, without password, parameters and host."""
    scheme, _, rest = uri.partition(":")
    user, at, _ = rest.rpartition("@")
    if at:
        user = user.partition(":")[0]
    elif scheme.lower() == "tel":
        user = rest
    return user.partition(";")[0][:LONGEST_NAME]


# --- inside


def _ways(usual: frozenset[str], may: Abilities, goes_on: frozenset[str]) -> frozenset[str]:
    able = {AUDIO: may.audio, VIDEO: may.video}
    return frozenset(kind for kind in usual if able[kind] or kind in goes_on)


def _chosen(section: CallSection, allowed: Allowed) -> Codec | None:
    """Return which codec of an offered section is used: the first that we can send as well."""
    fit = [it for it in section.codecs if allowed.takes(section.kind, it)]
    return next(filter(_can_be_sent, fit), fit[0] if fit else None)


def _pair(offered: CallSection, answer: CallSection) -> tuple[Codec, Codec] | None:
    """Return the first codec of an answer that was offered: as we receive it, and send it."""
    for theirs in answer.codecs:
        for ours in offered.codecs:
            if (theirs.name, theirs.clock_rate) == (ours.name, ours.clock_rate):
                return ours, theirs
    return None


def _agreed(
    section: CallSection,
    receives: Codec,
    sends: Codec,
    digits: int | None,
    allowed: Allowed,
    before: Agreed,
) -> AgreedSection:
    kind, theirs = section.kind, section.direction
    if section.remote is None and theirs is Direction.BOTH:
        theirs = Direction.SEND  # a hold by address (RFC 2543): nowhere to send to
    last = next((it for it in before if it.kind == kind and it.receives is not None), None)
    both_before = last is not None and (last.on_hold or last.direction is Direction.BOTH)
    on_hold = both_before and theirs in (Direction.SEND, Direction.NONE)
    goes = theirs in GOES and kind in allowed.goes and _can_be_sent(sends)
    ours = _direction(goes, theirs in COMES and kind in allowed.comes)
    return AgreedSection(
        kind,
        _described(receives),
        sends,
        section.remote,
        ours,
        digits if kind == AUDIO else None,
        on_hold or theirs not in COMES,
        on_hold,
        section.bandwidth,
    )


def _direction(sends: bool, takes: bool) -> Direction:
    if sends:
        return Direction.BOTH if takes else Direction.SEND
    return Direction.RECEIVE if takes else Direction.NONE


def _described(codec: Codec) -> Codec:
    """Return a codec as our answer describes it: parameters of sound are of each side alone."""
    return codec if codec.name == "h264" else replace(codec, fmtp="")


def _picture(codec: Codec) -> VideoFormat:
    format_ = VIDEO_FORMATS[codec.name]
    if format_.profile is None:
        return format_
    return replace(format_, profile=PROFILES.get(h264_profile(codec.fmtp), format_.profile))


def _sent(section: AgreedSection) -> bool:
    return section.sends is not None and _can_be_sent(section.sends)


def _can_be_sent(codec: Codec) -> bool:
    """Tell whether we can send it: H.264 comes of us in fragments (RFC 6184, section 6.3) only."""
    return codec.name != "h264" or codec.parameters().get("packetization-mode") == "1"
