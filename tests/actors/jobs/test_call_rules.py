"""What a call and its room agree on: which codec, which way, what is a hold, what is rejected."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.jobs.call_rules import (
    AUDIO,
    CLOCKS,
    COMES,
    GOES,
    VIDEO,
    Allowed,
    accepted,
    answer_of,
    answered,
    offer_sections,
    peer_host,
    placed,
    terms_of,
)
from actors.words.calls import CallDescription, CallSection
from actors.words.streams import AudioFormat, VideoFormat
from media.contract.codec import Codec
from media.contract.plans import Remote
from media.contract.session import Direction

BOTH, SEND, RECEIVE, NONE = Direction.BOTH, Direction.SEND, Direction.RECEIVE, Direction.NONE
PCMU, PCMA, G722 = Codec("pcmu", 8000, 0), Codec("pcma", 8000, 8), Codec("g722", 8000, 9)
OPUS = Codec("opus", 48_000, 107, channels=2, fmtp="useinbandfec=1")
G729 = Codec("g729", 8000, 18)
VP8 = Codec("vp8", 90_000, 120)
H264_0 = Codec("h264", 90_000, 121, fmtp="profile-level-id=42e01f")
H264_1 = Codec("h264", 90_000, 122, fmtp="packetization-mode=1;profile-level-id=42e01f")
H264_HIGH = Codec("h264", 90_000, 123, fmtp="packetization-mode=1;profile-level-id=64001f")
PHONE = Remote(("192.0.2.7", 4000))
SOUND = frozenset({"opus", "g722", "pcmu", "pcma"})
PICTURE = frozenset({"vp8", "h264"})
KINDS = frozenset({AUDIO, VIDEO})
ALL = Allowed({AUDIO: SOUND, VIDEO: PICTURE}, KINDS, KINDS)
PLACES = {
    AUDIO: (("127.0.0.1", 40_000), ("127.0.0.1", 40_001)),
    VIDEO: (("127.0.0.1", 40_002), ("127.0.0.1", 40_003)),
}


def sound(*codecs: Codec, direction: Direction = BOTH, digits: int | None = 96) -> CallSection:
    return CallSection(AUDIO, codecs, PHONE, direction, digits)


def picture(*codecs: Codec, direction: Direction = BOTH) -> CallSection:
    return CallSection(VIDEO, codecs, PHONE, direction, bandwidth=512)


def offer(*sections: CallSection) -> CallDescription:
    return CallDescription(sections)


def codec_of(*codecs: Codec) -> Codec | None:
    agreed = answered(offer(sound(*codecs)), ALL)
    return None if agreed is None else agreed[0].sends


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ((PCMU, OPUS), PCMU),
        ((OPUS, PCMU), OPUS),
        ((G729, G722, PCMA), G722),
        ((replace(PCMU, clock_rate=16_000), PCMA), PCMA),
        ((replace(PCMU, channels=2), PCMA), PCMA),
        ((Codec("opus", 48_000, 100),), Codec("opus", 48_000, 100)),
        ((G729,), None),
        ((), None),
    ],
)
def test_the_first_codec_of_theirs_that_is_ours_is_taken_with_their_number(
    offered: tuple[Codec, ...], taken: Codec | None
) -> None:
    assert codec_of(*offered) == taken


def test_what_the_room_does_not_take_is_not_taken_of_a_call() -> None:
    only_opus = replace(ALL, codecs={AUDIO: frozenset({"opus"})})
    agreed = answered(offer(sound(PCMU, OPUS)), only_opus)
    assert agreed is not None
    assert agreed[0].sends == OPUS
    assert answered(offer(sound(PCMU)), only_opus) is None


@pytest.mark.parametrize(
    ("theirs", "ours"), [(BOTH, BOTH), (SEND, RECEIVE), (RECEIVE, SEND), (NONE, NONE)]
)
def test_a_direction_is_answered_with_its_complement(theirs: Direction, ours: Direction) -> None:
    agreed = answered(offer(sound(PCMU, direction=theirs)), ALL)
    assert agreed is not None
    assert answer_of(agreed)[0].direction is ours
    assert agreed[0].silent is (theirs not in COMES)


@pytest.mark.parametrize(
    ("comes", "goes", "theirs", "ours"),
    [
        (True, False, BOTH, RECEIVE),
        (False, True, BOTH, SEND),
        (False, True, SEND, NONE),
        (True, False, RECEIVE, NONE),
    ],
)
def test_nothing_goes_a_way_that_is_not_allowed(
    comes: bool, goes: bool, theirs: Direction, ours: Direction
) -> None:
    sound_only = frozenset({AUDIO})
    allowed = replace(
        ALL, comes=sound_only if comes else frozenset(), goes=sound_only if goes else frozenset()
    )
    agreed = answered(offer(sound(PCMU, direction=theirs)), allowed)
    assert agreed is not None
    assert agreed[0].direction is ours


def test_keys_keep_their_number_and_sections_their_order() -> None:
    other = CallSection("application", (), None)
    agreed = answered(offer(other, picture(VP8), sound(PCMU, digits=110), sound(PCMA)), ALL)
    assert agreed is not None
    answer = placed(answer_of(agreed), PLACES)
    assert [(it.kind, len(it.codecs)) for it in answer.sections] == [
        ("application", 0), (VIDEO, 1), (AUDIO, 1), (AUDIO, 0),
    ]  # fmt: skip
    assert [it.digits for it in answer.sections] == [None, None, 110, None]
    assert answer.sections[2].remote == Remote(*PLACES[AUDIO])
    assert answer.sections[0].remote is None


@pytest.mark.parametrize("allowed", [ALL.without(VIDEO), replace(ALL, codecs={AUDIO: SOUND})])
def test_a_picture_that_is_not_allowed_is_rejected(allowed: Allowed) -> None:
    agreed = answered(offer(sound(PCMU), picture(VP8)), allowed)
    assert agreed is not None
    assert agreed[1].receives is None
    assert terms_of(agreed, allowed).video is None


@pytest.mark.parametrize(
    ("offered", "taken", "format"),
    [
        ((H264_0, H264_1), H264_1, VideoFormat("h264", "CB")),
        ((H264_0,), H264_0, VideoFormat("h264", "CB")),
        ((H264_HIGH, VP8), H264_HIGH, VideoFormat("h264", "H")),
        ((VP8, H264_1), VP8, VideoFormat("vp8")),
        ((Codec("h264", 90_000, 99),), Codec("h264", 90_000, 99), VideoFormat("h264", "CB")),
    ],
)
def test_h264_is_taken_in_packets_of_all_kinds_and_with_its_profile(
    offered: tuple[Codec, ...], taken: Codec, format: VideoFormat
) -> None:
    agreed = answered(offer(sound(PCMU), picture(*offered)), ALL)
    assert agreed is not None
    assert answer_of(agreed)[1].codecs == (taken,)
    terms = terms_of(agreed, ALL)
    assert (terms.video, terms.bandwidth) == (format, 512)


def test_h264_without_fragments_is_taken_and_not_sent() -> None:
    agreed = answered(offer(sound(PCMU), picture(H264_0)), ALL)
    assert agreed is not None
    assert agreed[1].direction is RECEIVE
    terms = terms_of(agreed, ALL)
    assert (terms.comes, terms.goes) == (KINDS, {AUDIO})
    other = answered(offer(sound(PCMU), picture(H264_0, VP8)), ALL)
    assert other is not None
    assert other[1].sends == VP8


def test_parameters_of_their_sound_are_not_said_back() -> None:
    agreed = answered(offer(sound(OPUS)), ALL)
    assert agreed is not None
    assert answer_of(agreed)[0].codecs[0].fmtp == ""


@pytest.mark.parametrize(
    "hold",
    [
        sound(PCMU, direction=SEND),
        sound(PCMU, direction=NONE),
        replace(sound(PCMU), remote=None),
    ],
)
def test_who_is_on_hold_is_silent_until_taken_back(hold: CallSection) -> None:
    talking = answered(offer(sound(PCMU)), ALL)
    assert talking is not None
    held = answered(offer(hold), ALL, talking)
    assert held is not None
    refreshed = answered(offer(hold), ALL, held)
    assert refreshed is not None
    for agreed in (held, refreshed):
        assert not agreed[0].goes
        assert terms_of(agreed, ALL, talking).silent == {AUDIO}
    back = answered(offer(sound(PCMU)), ALL, refreshed)
    assert back is not None
    assert terms_of(back, ALL, refreshed).silent == frozenset()


def test_who_only_sends_from_the_start_is_heard_and_stays_so() -> None:
    first = answered(offer(sound(PCMU, direction=SEND)), ALL)
    assert first is not None
    again = answered(offer(sound(PCMU, direction=SEND)), ALL, first)
    assert again is not None
    assert not first[0].silent
    assert not again[0].silent


def test_a_picture_that_is_only_watched_is_no_track() -> None:
    agreed = answered(offer(sound(PCMU), picture(VP8, direction=RECEIVE)), ALL)
    assert agreed is not None
    terms = terms_of(agreed, ALL)
    assert terms.comes == {AUDIO}
    assert terms.goes == {AUDIO, VIDEO}


def test_a_picture_on_hold_stays_a_track() -> None:
    before = answered(offer(sound(PCMU), picture(VP8)), ALL)
    assert before is not None
    held = answered(offer(sound(PCMU), picture(VP8, direction=NONE)), ALL, before)
    assert held is not None
    terms = terms_of(held, ALL, before)
    assert (terms.comes, terms.silent) == (KINDS, {VIDEO})


# --- offers of ours


def test_our_offer_has_numbers_that_everybody_knows() -> None:
    ours = placed(offer_sections(ALL), PLACES)
    audio, video = ours.sections
    assert [(it.name, it.payload_type) for it in audio.codecs] == [
        ("opus", 96), ("g722", 9), ("pcmu", 0), ("pcma", 8),
    ]  # fmt: skip
    assert (audio.digits, video.digits) == (101, None)
    assert len({it.payload_type for it in (*audio.codecs, *video.codecs)} | {101}) == 7
    assert video.remote == Remote(*PLACES[VIDEO])


def test_an_offer_in_a_call_has_the_sections_that_there_were() -> None:
    before = answered(offer(picture(VP8), CallSection("text"), sound(PCMU)), ALL)
    assert before is not None
    sections = offer_sections(ALL.without(VIDEO), before)
    assert [(it.kind, bool(it.codecs)) for it in sections] == [
        (VIDEO, False), ("text", False), (AUDIO, True),
    ]  # fmt: skip


def test_of_an_answer_the_first_codec_counts_as_each_side_numbers_it() -> None:
    ours = placed(offer_sections(ALL), PLACES)
    answer = offer(sound(OPUS, PCMU, digits=None), replace(picture(), remote=None))
    agreed = accepted(ours, answer, ALL)
    assert agreed is not None
    audio, video = agreed
    assert audio.receives is not None
    assert audio.sends is not None
    assert (audio.receives.payload_type, audio.sends.payload_type) == (96, 107)
    assert audio.digits is None
    assert video.receives is None
    assert terms_of(agreed, ALL).audio == AudioFormat("opus", 48_000, 2)


@pytest.mark.parametrize(
    "answer",
    [
        offer(),
        offer(sound(G729)),
        offer(replace(sound(), remote=None)),
        offer(picture(VP8), sound(PCMU)),  # not in the order of the offer
    ],
)
def test_an_answer_without_sound_that_was_offered_is_nothing(answer: CallDescription) -> None:
    ours = placed(offer_sections(ALL), PLACES)
    assert accepted(ours, answer, ALL) is None


# --- any

codecs = st.sampled_from([PCMU, PCMA, G722, OPUS, G729, VP8, H264_0, H264_1])
sections = st.builds(
    CallSection,
    st.sampled_from([AUDIO, VIDEO, "application", "image"]),
    st.lists(codecs, max_size=4).map(tuple),
    st.sampled_from([PHONE, None]),
    st.sampled_from(list(Direction)),
    st.sampled_from([None, 96, 101]),
)
descriptions = st.lists(sections, max_size=5).map(lambda it: CallDescription(tuple(it)))
kinds = st.frozensets(st.sampled_from([AUDIO, VIDEO]))
allowances = st.builds(
    Allowed,
    st.fixed_dictionaries(
        {AUDIO: st.frozensets(st.sampled_from(sorted(SOUND))), VIDEO: st.just(PICTURE)}
    ),
    kinds,
    kinds,
)


@given(descriptions, descriptions, allowances)
def test_any_answer_fits_its_offer(
    first: CallDescription, second: CallDescription, allowed: Allowed
) -> None:
    before = answered(first, allowed)
    agreed = answered(second, allowed, before or ())
    if agreed is None:
        return
    answer = placed(answer_of(agreed), PLACES)
    assert [it.kind for it in answer.sections] == [it.kind for it in second.sections]
    for ours, theirs in zip(answer.sections, second.sections, strict=True):
        if not ours.codecs:
            assert ours.remote is None
            continue
        (codec,) = ours.codecs
        assert codec.payload_type in {it.payload_type for it in theirs.codecs}
        assert codec.clock_rate == CLOCKS[codec.name]
        assert ours.direction not in COMES or theirs.direction in GOES
        assert ours.direction not in GOES or theirs.direction in COMES
        assert ours.digits in (None, theirs.digits)
    taken = [it.kind for it in answer.sections if it.codecs]
    assert len(taken) == len(set(taken))
    terms = terms_of(agreed, allowed, before or ())
    assert terms.comes <= allowed.comes
    assert terms.goes <= allowed.goes
    assert terms.silent <= terms.comes
    assert terms.audio is not None


@given(descriptions, allowances)
def test_any_answer_to_our_offer_is_agreed_on_or_nothing(
    answer: CallDescription, allowed: Allowed
) -> None:
    ours = placed(offer_sections(allowed), PLACES)
    agreed = accepted(ours, answer, allowed)
    if agreed is not None:
        assert len(agreed) == len(ours.sections)
        terms = terms_of(agreed, allowed)
        assert terms.audio is not None
        assert terms.audio.codec in allowed.codecs[AUDIO]


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:ann@pbx.example:5070;transport=tcp", "pbx.example"),
        ("sips:+4930123456@192.0.2.1", "192.0.2.1"),
        ("sip:[2001:db8::1]:5060", "[2001:db8::1]"),
        ("sip:pbx.example", "pbx.example"),
        ("sip:03012345", ""),
        ("tel:+4930123456", ""),
        ("sip:a@b c@d\ne", ""),
        ("", ""),
        ("sip:x@" + "a" * 300, ""),
    ],
)
def test_of_a_peer_the_host_alone_is_logged(uri: str, host: str) -> None:
    assert peer_host(uri) == host
