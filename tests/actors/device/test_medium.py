"""What a program wants of a medium, as its connection and its UDP ports have it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.device.medium import (
    KINDS,
    MediumWanted,
    by_kind,
    codecs,
    listens_on,
    negotiated,
    paths,
    redirected,
    rtcp_streams,
    sent_codec,
    track_wanted,
    tracks_answered,
    tracks_offered,
    udp_codec,
)
from media.contract.codec import Codec
from media.contract.paths import MediaPath
from media.contract.plans import PortReceives, PortSends, Remote
from media.contract.session import Direction, Track
from media.rtp.codec_fit import suits

RTP = ("127.0.0.1", 20_000)
RTCP = ("127.0.0.1", 20_001)
NAMES = {"audio": ("opus", "pcmu", "pcma", "g722"), "video": ("vp8", "h264")}

some_media = st.builds(
    MediumWanted,
    kind=st.sampled_from(KINDS),
    socket=st.none() | st.just("vi-1"),
    receives=st.booleans(),
    codecs=st.lists(
        st.sampled_from(["vp8", "H264", "h264", "opus", "PCMU", "pcma", "av1", ""]), max_size=4
    ).map(tuple),
    payload_type=st.none() | st.integers(0, 127),
    clock_rate=st.none() | st.integers(-1, 200_000),
    bitrate=st.integers(-5, 100_000),
    rtcp_socket=st.none() | st.just("rc-1"),
    redirect=st.none() | st.just(RTP),
    rtcp_redirect=st.none() | st.just(RTCP),
)


@pytest.mark.parametrize(
    ("socket", "receives", "direction"),
    [
        ("vi-1", True, Direction.BOTH),
        ("vi-1", False, Direction.SEND),
        (None, True, Direction.RECEIVE),
        (None, False, Direction.NONE),
    ],
)
def test_a_medium_goes_the_ways_that_are_wanted(
    socket: str | None, receives: bool, direction: Direction
) -> None:
    wanted = MediumWanted("video", socket, receives, bitrate=1500)
    track = track_wanted(wanted)
    assert track.direction is direction
    assert track.bitrate == (1500 if receives else 0)
    assert [it.direction for it in tracks_answered({"video": wanted})] == [direction]
    offered = tracks_offered({"video": wanted})
    assert [it.direction for it in offered] == [direction][: direction is not Direction.NONE]


def test_an_offer_has_sound_before_picture() -> None:
    media = by_kind((MediumWanted("video", "vi-1"), MediumWanted("audio", "au-1")))
    assert [track.kind for track in tracks_offered(media)] == ["audio", "video"]


def test_the_first_of_two_media_of_a_kind_counts() -> None:
    one, other = MediumWanted("video", "vi-1"), MediumWanted("video", "vi-2")
    assert by_kind((one, other)) == {"video": one}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (MediumWanted("video", receives=True), ("vp8", "h264")),
        (MediumWanted("audio", receives=True), ("opus", "pcmu", "pcma", "g722")),
        (MediumWanted("video", receives=True, codecs=("H264", "VP8", "h264")), ("h264", "vp8")),
        (MediumWanted("video", "vi-1", codecs=("h264", "vp8")), ("h264",)),
        (MediumWanted("video", "vi-1", receives=True), ("vp8",)),
        (MediumWanted("audio", "au-1"), ("opus",)),
    ],
)
def test_what_is_sent_has_one_codec_and_what_is_received_any_of_several(
    wanted: MediumWanted, names: tuple[str, ...]
) -> None:
    assert codecs(wanted) == names
    assert track_wanted(wanted).codecs == names


@pytest.mark.parametrize(
    ("kind", "name", "codec"),
    [
        ("video", "vp8", Codec("vp8", 90_000, 96)),
        ("video", "h264", Codec("h264", 90_000, 100)),
        ("audio", "opus", Codec("opus", 48_000, 111, 2)),
        ("audio", "pcmu", Codec("pcmu", 8_000, 0)),
        ("audio", "pcma", Codec("pcma", 8_000, 8)),
        ("audio", "g722", Codec("g722", 8_000, 9)),
        ("video", "av1", Codec("av1", 90_000, 96)),
        ("audio", "speex", Codec("speex", 48_000, 111, 2)),
    ],
)
def test_a_codec_has_its_usual_numbers_unless_a_payload_type_is_named(
    kind: str, name: str, codec: Codec
) -> None:
    assert udp_codec(MediumWanted(kind), name) == codec
    assert udp_codec(MediumWanted(kind, clock_rate=16_000), name) == codec
    named = udp_codec(MediumWanted(kind, payload_type=0), name)
    assert (named.payload_type, named.clock_rate) == (0, codec.clock_rate)


def test_h264_that_is_sent_may_be_fragmented_and_meets_who_takes_that() -> None:
    wanted = MediumWanted("video", "vi-1", codecs=("h264",))
    assert sent_codec(wanted).fmtp == track_wanted(wanted).fmtp == "packetization-mode=1"
    chromium = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
    assert suits(sent_codec(wanted), Codec("h264", 90_000, 102, fmtp=chromium))
    assert track_wanted(MediumWanted("video", receives=True, codecs=("h264",))).fmtp == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "text"},
        {"payload_type": 128},
        {"payload_type": -1},
        {"redirect": ("example.com", 9)},
        {"redirect": ("127.0.0.1", 0)},
        {"rtcp_redirect": ("127.0.0.1", 65_536)},
    ],
)
def test_what_no_packet_can_say_is_no_medium(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        MediumWanted(**{"kind": "video", **wrong})


def test_addresses_are_kept_in_their_shortest_form() -> None:
    wanted = MediumWanted("video", redirect=("0:0::1", 9), rtcp_redirect=("::0001", 10))
    assert (wanted.redirect, wanted.rtcp_redirect) == (("::1", 9), ("::1", 10))


def test_a_redirect_sends_on_what_was_agreed_under_the_number_of_the_program() -> None:
    track = Track("0", "video", "h264", "s/in/0", None, fmtp="packetization-mode=1")
    wanted = MediumWanted("video", receives=True, payload_type=100, redirect=RTP)
    assert redirected(wanted, track) == PortSends(
        "video",
        Codec("h264", 90_000, 100, fmtp="packetization-mode=1"),
        Remote(RTP),
        reports=False,
    )
    with_rtcp = MediumWanted("video", receives=True, redirect=RTP, rtcp_redirect=RTCP)
    assert redirected(with_rtcp, track) == PortSends(
        "video", Codec("h264", 90_000, 100, fmtp="packetization-mode=1"), Remote(RTP, RTCP)
    )


@pytest.mark.parametrize(
    ("wanted", "source"),
    [
        (MediumWanted("video", receives=True), "s/in/0"),
        (MediumWanted("video", receives=True, rtcp_redirect=RTCP), "s/in/0"),
        (MediumWanted("video", "vi-1", redirect=RTP), None),
    ],
)
def test_what_does_not_come_or_go_anywhere_needs_no_port(
    wanted: MediumWanted, source: str | None
) -> None:
    assert redirected(wanted, Track("0", "video", "vp8", source, "s/out/0")) is None


def test_sockets_lead_to_the_other_side_and_the_other_side_to_redirects() -> None:
    media = {
        "audio": MediumWanted("audio", "au-1", receives=True),
        "video": MediumWanted("video", "vi-1", receives=True, redirect=RTP),
    }
    tracks = negotiated(
        [
            Track("0", "audio", "opus", "s/in/0", "s/out/0"),
            Track("1", "video", "vp8", "s/in/1", "s/out/1"),
            Track("2", "video", "vp8", None, None),
        ]
    )
    assert paths(media, tracks, {"video": "s/video/out"}) == (
        MediaPath("s/out/0", "au-1/in"),
        MediaPath("s/out/1", "vi-1/in"),
        MediaPath("s/video/out", "s/in/1"),
    )


def test_a_section_that_is_used_counts_rather_than_one_that_is_not() -> None:
    idle, used = Track("0", "video", "vp8", None, None), Track("1", "video", "vp8", "s/in/1", None)
    assert negotiated([idle, used]) == {"video": used}
    assert paths({}, {"video": used}, {}) == ()


def test_rtcp_is_about_what_the_program_sends_and_what_it_is_sent() -> None:
    media = {
        "audio": MediumWanted("audio", "au-1", rtcp_socket="rc-1"),
        "video": MediumWanted("video", None, receives=True, rtcp_socket="rc-1"),
    }
    assert rtcp_streams(media, {"video": "x/video/out"}) == {"rc-1": ("au-1/in", "x/video/out")}
    assert rtcp_streams({"video": MediumWanted("video", rtcp_socket="rc-2")}, {}) == {"rc-2": ()}
    assert rtcp_streams({"video": MediumWanted("video", "vi-1")}, {}) == {}


@pytest.mark.parametrize(
    ("remote", "own"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.9", "127.0.0.1"),
        ("::1", "::1"),
        ("192.0.2.7", "0.0.0.0"),
        ("2001:db8::7", "::"),
        ("::ffff:127.0.0.1", "::"),
    ],
)
def test_what_is_sent_to_this_machine_leaves_from_it_alone(remote: str, own: str) -> None:
    assert listens_on(remote) == own


@given(some_media)
def test_whatever_is_wanted_can_be_said_on_the_wire(wanted: MediumWanted) -> None:
    track = track_wanted(wanted)
    assert track.codecs
    assert track.bitrate >= 0
    assert len(track.codecs) == 1 or wanted.socket is None
    PortReceives(wanted.kind, sent_codec(wanted))


@given(some_media, st.data())
def test_what_is_agreed_on_suits_the_ports_of_the_program(
    wanted: MediumWanted, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(NAMES[wanted.kind]))
    fragments = ("", "packetization-mode=1", "packetization-mode=1;profile-level-id=64001f")
    fmtp = data.draw(st.sampled_from(fragments)) if name == "h264" else ""
    rate = {"opus": 48_000, "vp8": 90_000, "h264": 90_000}.get(name, 8_000)
    of_session = Codec(name, rate, 97, fmtp=fmtp)
    track = Track("0", wanted.kind, name, "s/in/0", None, fmtp=fmtp)
    sends = redirected(wanted, track)
    assert (sends is None) == (wanted.redirect is None)
    assert sends is None or suits(of_session, sends.codec)
