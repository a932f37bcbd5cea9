"""What is checked in, and changed of, session descriptions."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from media.contract.errors import BadDescription
from media.webrtc.descriptions import (
    accept_simulcast,
    chosen_layer,
    offered_layers,
    read,
    split,
    take_candidates,
)
from media.webrtc.rejected_sections import reject, with_stand_ins

TRANSPORT = """a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 00:11
a=setup:actpass"""
OFFER = f"""v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1 2
m=audio 9 UDP/TLS/RTP/SAVPF 111
{TRANSPORT}
a=mid:0
a=rtcp-mux
a=ssrc:17 cname:x
a=candidate:1 1 udp 5 192.0.2.1 5000 typ host
a=end-of-candidates
m=video 9 UDP/TLS/RTP/SAVPF 96
{TRANSPORT.replace("abcd", "zzzz")}
a=mid:1
a=rtcp-mux
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:11/sendonly urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
a=rid:q send
a=rid:h send
a=rid:f send
a=simulcast:send q;h;f
a=candidate:1 1 udp 5 192.0.2.1 6000 typ host
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
{TRANSPORT}
a=mid:2
a=sctp-port:5000
""".replace("\n", "\r\n")
REJECTED = "m=video 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:9"
ANSWER = "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\nm=video 9 X 96\r\na=mid:1\r\na=recvonly\r\n"


def test_a_description_is_split_and_put_together_again():
    assert str(split(OFFER)) == OFFER
    assert [(s.kind, s.mid) for s in split(OFFER).sections] == [
        ("audio", "0"),
        ("video", "1"),
        ("application", "2"),
    ]
    assert [s.ssrc() for s in split(OFFER).sections] == [17, None, None]


def test_line_ends_of_all_kinds_are_taken():
    assert split(OFFER.replace("\r\n", "\n")) == split(OFFER)


def test_all_sections_share_the_transport_of_the_tagged_one():
    sections = read(OFFER).sections
    assert {s.value("a=ice-ufrag:") for s in sections} == {"abcd"}
    moved = read(OFFER.replace("BUNDLE 0 1 2", "BUNDLE 1 0 2"))
    assert moved.tagged.mid == "1"
    assert {s.value("a=ice-ufrag:") for s in moved.sections} == {"zzzz"}


def test_a_section_without_a_direction_goes_both_ways():
    assert all("a=sendrecv" in section.lines for section in read(OFFER).sections)
    told = read(OFFER.replace("a=mid:1", "a=mid:1\r\na=sendonly"))
    assert "a=sendrecv" not in told.sections[1].lines


def test_transport_lines_may_stand_in_the_head():
    bare = OFFER.replace(TRANSPORT.replace("\n", "\r\n") + "\r\n", "")
    moved = bare.replace("t=0 0\r\n", "t=0 0\r\n" + TRANSPORT.replace("\n", "\r\n") + "\r\n")
    assert {s.value("a=ice-ufrag:") for s in read(moved).sections} == {"abcd"}


def test_candidates_are_taken_out_and_kept_of_the_tagged_section():
    text, candidates = take_candidates(read(OFFER))
    assert candidates == ["1 1 udp 5 192.0.2.1 5000 typ host"]
    assert "candidate" not in str(text)


def with_layers(named: str) -> str:
    rids = {part.split(",")[0].lstrip("~") for part in named.split(";")}
    lines = "".join(f"a=rid:{rid} send\r\n" for rid in sorted(rids - {"q", "h", "f"}))
    return OFFER.replace("a=simulcast:send q;h;f", f"{lines}a=simulcast:send {named}")


def test_the_layer_that_is_called_the_largest_is_asked_for_with_its_extensions():
    answer = accept_simulcast(read(OFFER), ANSWER)
    audio, video = split(answer).sections
    assert audio.lines == ("m=audio 9 X 111", "a=mid:0")
    assert "a=rid:f recv" in video.lines
    assert "a=simulcast:recv f" in video.lines
    assert [chosen_layer(section) for section in read(OFFER).sections] == [None, "f", None]
    assert [line for line in video.lines if "extmap" in line] == [
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    ]


@pytest.mark.parametrize(
    ("named", "asked", "largest"),
    [
        ("q;h;f", "f", "f"),
        ("f;h;q", "f", "f"),
        ("h;m;l", "h", "h"),
        ("l;m;h", "h", "h"),
        ("q;h", "h", "h"),
        ("low;high", "high", "high"),
        ("r1;r0", "r1;r0", "r1"),  # these may be either way: all are asked for
        ("r1;r0;r1", "r1;r0", "r1"),
        ("q;h;~f", "q;h;f", "f"),  # its page takes layers away, and gives them back
        ("one", "one", "one"),
        ("a;b;c;d;e;g", "a;b;c;d", "a"),
        ("r0;" + "x" * 17, "r0", "r0"),
    ],
)
def test_names_may_tell_which_layer_is_the_largest(named: str, asked: str, largest: str):
    text = read(with_layers(named))
    assert offered_layers(text.sections[1]) == tuple(asked.split(";"))
    assert chosen_layer(text.sections[1]) == largest
    lines = split(accept_simulcast(text, ANSWER)).sections[1].lines
    assert [line for line in lines if "rid:" in line] == [
        f"a=rid:{rid} recv" for rid in asked.split(";")
    ]
    assert f"a=simulcast:recv {asked}" in lines


def test_where_packets_do_not_tell_their_layer_one_is_asked_for():
    sdp = with_layers("r1;r0").replace("rtp-stream-id", "other-id")
    assert "a=simulcast:recv r1\r\n" in accept_simulcast(read(sdp), ANSWER)


@pytest.mark.parametrize(
    "simulcast", ["recv q", "send", "", "send x;y", "send ;;", "nonsense", "send ~"]
)
def test_a_simulcast_that_names_no_layer_is_none(simulcast: str):
    offer = read(OFFER.replace("a=simulcast:send q;h;f", f"a=simulcast:{simulcast}"))
    assert accept_simulcast(offer, ANSWER) == ANSWER


@pytest.mark.parametrize("simulcast", ["send q;~h;~f", "send q;h;f,x recv a", "send q;h;f recv a"])
def test_paused_and_alternative_layers_are_known_by_their_name(simulcast: str):
    offer = read(OFFER.replace("a=simulcast:send q;h;f", f"a=simulcast:{simulcast}"))
    assert "a=rid:f recv" in accept_simulcast(offer, ANSWER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v=0", "v=1"),
        ("a=mid:1", "a=mid:0"),
        ("a=mid:1", "a=nomid"),
        ("a=mid:1", "a=mid:1\r\na=mid:7"),
        ("a=mid:1", "a=mid:" + "x" * 256),
        ("a=mid:1", "a=mid:in/out"),
        ("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1"),
        ("a=group:BUNDLE 0 1 2", "a=x"),
        ("a=group:BUNDLE 0 1 2", "a=group:BUNDLE"),
        ("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1 2\r\na=group:BUNDLE 0 1 2"),
        ("m=video", "m=text"),
        ("m=video 9", "m=video 0\r\na=x"),
        ("BUNDLE 0 1 2", "BUNDLE 0 1 2 3"),
        ("m=video", "m=application"),
        ("a=rtcp-mux\r\na=ssrc", "a=ssrc"),
        ("a=ice-ufrag:abcd", "a=ice-ufrag:a b"),
        ("a=ice-pwd:", "a=nothing:"),
        ("a=fingerprint:", "a=nothing:"),
        ("a=setup:", "a=nothing:"),
        ("a=sctp-port:5000", "a=nothing"),
        ("a=sctp-port:5000", "a=sctp-port:0"),
        ("a=sctp-port:5000", "a=sctp-port:65536"),
        ("a=sctp-port:5000", "a=sctp-port:5000\r\na=sctp-port:x"),
        ("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP webrtc-datachannel"),
        ("o=-", "o=\x00"),
        ("s=-", "nonsense"),
    ],
)
def test_what_nothing_can_be_built_on_is_refused(old: str, new: str):
    assert old in OFFER
    with pytest.raises(BadDescription):
        read(OFFER.replace(old, new))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a=extmap:1 urn:x vad=on", ["a=extmap:1 urn:x"]),  # RFC 6464, section 4
        ("a=extmap:4/sendonly urn:x urn:y 1 2", ["a=extmap:4/sendonly urn:x"]),
        ("a=fmtp:97 apt=96", []),  # there is no format 97
        ("a=fmtp:97", []),
        ("a=rtcp-fb:97 nack", []),
        ("a=rtcp-fb:96", []),
        ("a=rtcp-fb:96 nack pli", ["a=rtcp-fb:96 nack pli"]),
        ("a=rtcp-fb:* nack", ["a=rtcp-fb:* nack"]),
        ("a=fmtp:96 Packetization-Mode=1; x=Y ;z;", ["a=fmtp:96 packetization-mode=1;x=Y;z"]),
        ("a=fmtp:96 max-fr=many;max-fs=3600", ["a=fmtp:96 max-fs=3600"]),
        ("a=fmtp:96 stereo=yes", []),
        ("a=ssrc:5 alone", ["a=ssrc:5 alone:"]),
        ("i=what people\tcall it", []),
    ],
)
def test_details_are_put_as_aiortc_reads_them_or_left_out(given: str, kept: list[str]):
    sdp = OFFER.replace("a=mid:1\r\n", f"a=mid:1\r\na=rtpmap:96 VP8/90000\r\n{given}\r\n")
    lines = read(sdp).sections[1].lines
    at = lines.index("a=rtpmap:96 VP8/90000") + 1
    assert list(lines[at : lines.index("a=rtcp-mux")]) == kept
    SessionDescription.parse(str(read(sdp)))


@pytest.mark.parametrize("name", ["a\tb", "\u00a0", "\x0b", "\U0001f600"])
def test_whatever_a_session_is_called_says_nothing(name: str):
    assert "s=-" in read(OFFER.replace("s=-", f"s={name}")).head


def test_a_mid_may_be_as_long_as_a_header_extension_can_be():
    assert read(OFFER.replace("0 1 2", f"0 {'x' * 255} 2").replace("a=mid:1", f"a=mid:{'x' * 255}"))


def test_data_channels_may_be_offered_in_the_older_form():
    older = OFFER.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000")
    assert read(older.replace("a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 16"))


def test_a_section_that_only_comes_bundled_is_not_a_rejected_one():
    bundle_only = OFFER.replace("m=video 9", "m=video 0").replace(
        "a=mid:1", "a=mid:1\r\na=bundle-only"
    )
    assert len(read(bundle_only).sections) == 3


@pytest.mark.parametrize("group", ["0 2", "0 1 2", "1 0 2"])
def test_a_rejected_section_needs_nothing_but_a_mid(group: str):
    rejected = "m=video 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n"
    start, end = OFFER.index("m=video"), OFFER.index("m=application")
    text = read((OFFER[:start] + rejected + OFFER[end:]).replace("BUNDLE 0 1 2", f"BUNDLE {group}"))
    assert text.rejected == {"1"}
    assert text.tagged.mid == "0"
    stands_in = with_stand_ins(text).sections[1]
    assert (stands_in.kind, stands_in.mid, stands_in.rejected) == ("video", "1", False)
    assert "a=inactive" in stands_in.lines
    assert stands_in.value("a=ice-ufrag:") == "abcd"


def test_where_all_is_rejected_the_transport_stays():
    whole = read(OFFER)
    nothing = reject(OFFER, {"0", "1", "2"})
    assert "a=group:BUNDLE\r\n" in nothing
    with pytest.raises(BadDescription):
        read(nothing)
    text = read(nothing, whole)
    assert text.rejected == {"0", "1", "2"}
    assert {s.value("a=ice-ufrag:") for s in text.sections} == {"abcd"}
    assert {s.value("a=setup:") for s in text.sections} == {"passive"}


def test_a_section_of_ours_is_rejected_as_the_other_side_reads_it():
    text = read(reject(OFFER, {"1"}))
    assert text.rejected == {"1"}
    assert text.head[-1] == "a=group:BUNDLE 0 2"
    assert reject(OFFER, set()) == OFFER


LINES = OFFER.split("\r\n")


@given(
    st.lists(
        st.sampled_from([*LINES, REJECTED, "a=mid:", "m=", "a=ssrc:", "a=simulcast:send", "a=rid:"])
    )
)
def test_no_mix_of_lines_does_worse_than_being_refused(lines: list[str]):
    try:
        text, _ = take_candidates(read("\r\n".join(["v=0", *lines])))
    except BadDescription:
        return
    accept_simulcast(text, ANSWER)
    read(str(with_stand_ins(text)))


@given(st.integers(0, len(OFFER) - 1), st.text(max_size=3))
def test_no_small_damage_does_worse_than_being_refused(at: int, inserted: str):
    try:
        text, _ = take_candidates(read(OFFER[:at] + inserted + OFFER[at + 1 :]))
    except BadDescription:
        return
    accept_simulcast(text, ANSWER)
