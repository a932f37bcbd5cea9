"""Session descriptions of calls: what telephones write, and what we write."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.words.calls import CallDescription, CallSection
from api.sip.description import BadSession, read, write
from media.contract.codec import Codec
from media.contract.plans import Remote
from media.contract.session import Direction

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\n"
PCMU, PCMA, G722 = Codec("pcmu", 8000, 0), Codec("pcma", 8000, 8), Codec("g722", 8000, 9)
HERE = Remote(("192.0.2.4", 4000))


def one(lines: str, head: str = HEAD) -> CallSection:
    (section,) = read((head + lines).encode()).sections
    return section


@pytest.mark.parametrize(
    ("lines", "section"),
    [
        ("m=audio 4000 RTP/AVP 0 8 9\r\n", CallSection("audio", (PCMU, PCMA, G722), HERE)),
        ("m=audio 4000 RTP/AVP 8 0\n", CallSection("audio", (PCMA, PCMU), HERE)),
        ("m=audio 4000/2 RTP/AVPF 0\r\n", CallSection("audio", (PCMU,), HERE)),
        ("m=audio 4000 RTP/AVP 0 97 18 200 x 0\r\n", CallSection("audio", (PCMU,), HERE)),
        (
            "m=audio 4000 RTP/AVP 96 101\r\na=rtpmap:96 OPUS/48000/2\r\n"
            "a=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n"
            "a=fmtp:101 0-16\r\na=sendonly\r\n",
            CallSection(
                "audio", (Codec("opus", 48000, 96, 2, "useinbandfec=1"),), HERE,
                Direction.SEND, 101,
            ),
        ),
        (
            "m=audio 4000 RTP/AVP 0 100 101\r\na=rtpmap:100 telephone-event/48000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\n",
            CallSection("audio", (PCMU,), HERE, digits=101),
        ),
        ("m=audio 0 RTP/AVP 0\r\n", CallSection("audio", direction=Direction.NONE)),
        ("m=audio 9 RTP/AVP 0\r\nc=IN IP4 phone.example\r\n", CallSection("audio", (PCMU,))),
        (
            "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n",
            CallSection("audio", (PCMU,), None, Direction.SEND),
        ),
        (
            "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n",
            CallSection("audio", (PCMU,)),
        ),
        (
            "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:DB8::1\r\na=rtcp:4007\r\n",
            CallSection("audio", (PCMU,), Remote(("2001:db8::1", 4000), ("2001:db8::1", 4007))),
        ),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 fe80::1%eth0\r\n", CallSection("audio", (PCMU,))),
        (
            "m=video 4000 RTP/AVP 99\r\nb=TIAS:512001\r\na=rtpmap:99 H264/90000\r\n"
            "a=fmtp:99 profile-level-id=42e01f;packetization-mode=1\r\na=recvonly\r\n",
            CallSection(
                "video",
                (Codec("h264", 90000, 99, 1, "profile-level-id=42e01f;packetization-mode=1"),),
                HERE, Direction.RECEIVE, bandwidth=513,
            ),
        ),
        ("m=image 4000 udptl t38\r\n", CallSection("image", direction=Direction.NONE)),
        (
            " folded garbage\r\nnonsense\r\n=\r\na=rtpmap:0 X/0\r\nm=audio 4000 RTP/AVP 0\r\n"
            "a=rtpmap\r\na=rtpmap:x y/z\r\nb=AS:lots\r\n\u00a0x=1\r\na=rtcp:0\r\n",
            CallSection("audio", (PCMU,), HERE),
        ),
    ],
)  # fmt: skip
def test_what_telephones_write_is_read(lines: str, section: CallSection) -> None:
    assert one(lines) == section


def test_direction_and_bandwidth_of_the_session_hold_for_each_section() -> None:
    head = HEAD + "a=inactive\r\nb=AS:64\r\n"
    assert one("m=audio 4000 RTP/AVP 0\r\n", head).direction is Direction.NONE
    section = one("m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\nb=AS:99\r\n", head)
    assert (section.direction, section.bandwidth) == (Direction.BOTH, 99)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"", 400), (b"hello", 400), (b"v=1\r\n", 400), (b"\xff\xfe", 400),
        (HEAD.encode(), 488),
        (HEAD.encode() + b"m=audio x RTP/AVP 0\r\n", 400),
        (HEAD.encode() + b"m=audio 70000 RTP/AVP 0\r\n", 400),
        (HEAD.encode() + b"m=audio 4000\r\n", 400),
        (HEAD.encode() + b"m=audio 4000 RTP/SAVP 0\r\n", 488),
        (HEAD.encode() + b"m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n", 488),
        (HEAD.encode() + b"m=audio 4000 RTP/AVP 0\r\n" * 17, 488),
        (HEAD.encode() + b"a=x\r\n" * 20000, 400),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused(text: bytes, status: int) -> None:
    with pytest.raises(BadSession) as told:
        read(text)
    assert told.value.status == status


def test_secure_section_beside_a_plain_one_is_rejected_alone() -> None:
    offer = (HEAD + "m=audio 4000 RTP/SAVP 0 8\r\nm=audio 4000 RTP/AVP 0\r\n").encode()
    secure, plain = read(offer).sections
    assert (secure.codecs, plain.codecs) == ((), (PCMU,))
    answer = write(CallDescription((secure, plain)), "192.0.2.1", 1, 1, offer)
    assert b"m=audio 0 RTP/SAVP 0 8\r\nm=audio 4000 RTP/AVP 0\r\n" in answer


def test_answer_repeats_the_clock_of_their_events() -> None:
    offer = (
        HEAD + "m=audio 4000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\n"
        "a=rtpmap:101 telephone-event/8000\r\n"
    ).encode()
    assert b"a=rtpmap:101 telephone-event/8000" in write(read(offer), "192.0.2.1", 1, 1, offer)
    assert b"a=rtpmap:101 telephone-event/48000" in write(read(offer), "192.0.2.1", 1, 1)


def test_text_is_as_expected() -> None:
    section = CallSection("audio", (PCMU,), Remote(("2001:db8::5", 4000)), digits=101, bandwidth=64)
    assert write(CallDescription((section,)), "2001:db8::5", 7, 2).decode().split("\r\n") == [
        "v=0", "o=- 7 2 IN IP6 2001:db8::5", "s=-", "c=IN IP6 2001:db8::5", "t=0 0",
        "m=audio 4000 RTP/AVP 0 101", "b=AS:64", "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=sendrecv", "",
    ]  # fmt: skip


@given(st.binary(max_size=400))
@example(b"v=0\nm=a 1 RTP/AVP 0\na=rtpmap:0 a/1/99")
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    for whole in (text, HEAD.encode() + b"m=audio 4000 RTP/AVP 0 96\r\n" + text):
        try:
            description = read(whole)
        except BadSession:
            continue
        write(description, "192.0.2.1", 1, 1, whole)


LINES = st.sampled_from(
    ["m=audio 4000 RTP/AVP 0 96", "m=video 0 RTP/AVP 97", "a=rtpmap:96 opus/48000/2", "c=IN IP4",
     "c=IN IP6 ::1", "a=rtpmap:96", "a=fmtp:96 a=b", "b=AS:1", "b=TIAS:", "a=rtcp:99999",
     "a=rtcp:5",
     "m=audio 1 RTP/SAVP 0", "c=IN IP4 0.0.0.0", "a=sendonly", "a=rtpmap:1 telephone-event/0"]
)  # fmt: skip


@given(st.lists(LINES | st.text(max_size=20), max_size=30))
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    text = "\r\n".join(["v=0", *lines]).encode(errors="replace")
    try:
        description = read(text)
    except BadSession:
        return
    assert len(write(description, "192.0.2.1", 1, 1, text)) > 10


CODECS = st.lists(
    st.builds(
        Codec,
        st.sampled_from(["pcmu", "opus", "vp8", "h264", "g722"]),
        st.sampled_from([8000, 48000, 90000]),
        st.integers(0, 100),
        st.integers(1, 2),
        st.sampled_from(["", "packetization-mode=1;profile-level-id=42e01f", "useinbandfec=1"]),
    ),
    min_size=1, max_size=6, unique_by=lambda codec: codec.payload_type,
)  # fmt: skip
HOSTS = st.sampled_from(["192.0.2.1", "2001:db8::2"])
REMOTES = st.builds(
    lambda host, port, own: Remote((host, port), (host, port - 1) if own else None),
    HOSTS, st.integers(2, 65535), st.booleans(),
)  # fmt: skip
SECTIONS = st.builds(
    lambda kind, codecs, remote, direction, digits, bandwidth: CallSection(
        kind, tuple(codecs), remote, direction, digits, bandwidth
    ),
    st.sampled_from(["audio", "video"]), CODECS, REMOTES, st.sampled_from(Direction),
    st.none() | st.integers(101, 127), st.integers(0, 9000),
) | st.just(CallSection("video", direction=Direction.NONE))  # fmt: skip


@given(st.lists(SECTIONS, min_size=1, max_size=5), HOSTS)
def test_what_we_write_is_read_as_it_was(sections: list[CallSection], host: str) -> None:
    description = CallDescription(tuple(sections))
    assert read(write(description, host, 1, 1)) == description
