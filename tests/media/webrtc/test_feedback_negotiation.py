"""Transport-wide feedback in descriptions, and what a session then sends of it."""

from __future__ import annotations

import pytest
import trio

from media.contract.session import Direction, SessionWanted, TrackWanted
from media.local_engine import LocalEngine
from media.webrtc.descriptions import split
from media.webrtc.feedback_negotiation import NUMBERS, accept_feedback, numbered, offer_feedback
from tests.media.rtp.test_arrivals import read
from tests.support.rtp import rtp, vp8
from tests.support.sessions import TAKES, Told

FINGERPRINT = ":".join(["AB"] * 32)
TRANSPORT = f"""a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
"""
HEAD = f"v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE 0 1\n{TRANSPORT}"
WITH_ALL = (f"a=extmap:3 {NUMBERS}", "transport-cc")


def offered(kind: str, mid: str, extmap: str, feedback: str, direction: str = "sendonly") -> str:
    payload_type, codec = (111, "opus/48000/2") if kind == "audio" else (96, "VP8/90000")
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {payload_type}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{mid}",
        "a=rtcp-mux",
        f"a={direction}",
        extmap,
        f"a=rtpmap:{payload_type} {codec}",
        f"a=rtcp-fb:{payload_type} goog-remb",
        feedback and f"a=rtcp-fb:{feedback if ' ' in feedback else f'{payload_type} {feedback}'}",
    ]
    return "".join(f"{line}\n" for line in lines if line)


def offer(*sections: str) -> str:
    return HEAD + "".join(sections)


@pytest.mark.parametrize(
    ("extmap", "feedback", "identifier"),
    [
        (*WITH_ALL, 3),
        (f"a=extmap:14 {NUMBERS}", "* transport-cc", 14),
        (f"a=extmap:3/sendonly {NUMBERS}", "transport-cc", 3),
        (f"a=extmap:3 {NUMBERS} vad=on", "transport-cc", 3),
        (f"a=extmap:3/recvonly {NUMBERS}", "transport-cc", 0),
        (f"a=extmap:3/inactive {NUMBERS}", "transport-cc", 0),
        (f"a=extmap:3 {NUMBERS}", "", 0),
        (f"a=extmap:3 {NUMBERS}", "97 transport-cc", 0),
        (f"a=extmap:15 {NUMBERS}", "transport-cc", 0),
        (f"a=extmap:0 {NUMBERS}", "transport-cc", 0),
        (f"a=extmap:x {NUMBERS}", "transport-cc", 0),
        (f"a=extmap:3 {NUMBERS}-02", "transport-cc", 0),
        ("a=extmap:3", "transport-cc", 0),
        ("", "transport-cc", 0),
    ],
)
def test_both_halves_must_be_offered(extmap: str, feedback: str, identifier: int) -> None:
    text = split(offer(offered("video", "1", extmap, feedback)))
    found = numbered(text, {"1": 96})
    assert found == (identifier, frozenset({"1"} if identifier else ()))
    assert numbered(text, {}) == (0, frozenset())


def test_sections_under_another_id_stay_without() -> None:
    other = f"a=extmap:4 {NUMBERS}"
    text = split(
        offer(offered("audio", "0", *WITH_ALL), offered("video", "1", other, "transport-cc"))
    )
    assert numbered(text, {"0": 111, "1": 96}) == (3, frozenset({"0"}))
    assert numbered(text, {"1": 96}) == (4, frozenset({"1"}))


@pytest.mark.parametrize(
    ("direction", "answered"),
    [("recvonly", True), ("sendrecv", False), ("sendonly", False), ("inactive", False)],
)
def test_only_sections_we_receive_in_and_do_not_send_in_take_it_up(
    direction: str, answered: bool
) -> None:
    theirs = split(offer(offered("video", "1", *WITH_ALL, "sendrecv")))
    bare = offered("video", "1", "", "", direction)
    taken = accept_feedback(theirs, offer(bare))
    assert (f"a=extmap:3 {NUMBERS}\r\n" in taken) == answered
    assert ("a=rtcp-fb:96 transport-cc\r\n" in taken) == answered
    assert "a=rtcp-fb:96 goog-remb\r\n" in taken
    mine = offer_feedback(offer(bare))
    assert (f"a=extmap:4 {NUMBERS}\r\n" in mine) == answered
    assert ("a=rtcp-fb:96 transport-cc\r\n" in mine) == answered


def test_formats_of_retransmission_get_no_feedback_of_their_own() -> None:
    section = offered("video", "1", "", "", "recvonly").replace("SAVPF 96", "SAVPF 96 97 98")
    mine = offer_feedback(offer(section + "a=rtpmap:97 rtx/90000\na=rtpmap:98 H264/90000\n"))
    assert [line for line in mine.split("\r\n") if line.endswith("transport-cc")] == [
        "a=rtcp-fb:96 transport-cc",
        "a=rtcp-fb:98 transport-cc",
    ]


def packet(sequence: int, number: int, *, audio: bool = False) -> bytes:
    """Make a packet that has a number of its connection, behind another extension."""
    bare = rtp(
        sequence,
        0,
        b"sound" if audio else vp8(sequence, keyframe=True),
        payload_type=111 if audio else 96,
        ssrc=2 if not audio else 9,
    )
    extension = bytes.fromhex("bede0002 106131") + number.to_bytes(2) + bytes(3)
    return bytes([bare[0] | 0x10]) + bare[1:12] + extension + bare[12:]


async def test_a_session_tells_of_all_its_streams_in_one_count(engine: LocalEngine) -> None:
    session = await engine.open_session("s", SessionWanted(TAKES), Told())
    sections = (offered("audio", "0", *WITH_ALL), offered("video", "1", *WITH_ALL))
    answer = await session.accept_offer(offer(*sections))
    assert answer.sdp.count(f"a=extmap:3 {NUMBERS}\r\n") == 2
    assert answer.sdp.count(" transport-cc\r\n") == 2
    sent: list[bytes] = []
    session._tracks._feedback._send = sent.append
    for sequence, audio in enumerate((True, False, False, True)):
        session._on_rtp(packet(sequence, 0xFFFE + sequence & 0xFFFF, audio=audio), 5.0 + sequence)
    with trio.fail_after(30):
        while not sent:
            await trio.sleep(0.01)
    at = 4 + 4 * int.from_bytes(sent[0][2:4])  # behind a report and a description
    at += 4 + 4 * int.from_bytes(sent[0][at + 2 : at + 4])
    feedback = sent[0][at:]
    assert int.from_bytes(feedback[8:12]) == 9
    first, came, _ = read(feedback[:4] + bytes([0, 0, 0, 1, 0, 0, 0, 2]) + feedback[12:])
    assert first == 0xFFFE
    assert came == {0xFFFE: 5.0, 0xFFFF: 6.0, 0: 7.0, 1: 8.0}


async def test_who_only_receives_is_answered_the_rate_alone(engine: LocalEngine) -> None:
    wanted = tuple(TrackWanted(kind, Direction.SEND) for kind in ("audio", "video"))
    session = await engine.open_session("s", SessionWanted(wanted), Told())
    sections = [offered(k, m, *WITH_ALL, "recvonly") for k, m in (("audio", "0"), ("video", "1"))]
    answer = (await session.accept_offer(offer(*sections))).sdp
    assert "goog-remb" in answer
    assert "transport" not in answer.split("m=video")[1]
    assert NUMBERS not in answer


async def test_an_offer_of_ours_asks_for_numbers_and_reads_them(engine: LocalEngine) -> None:
    wanted = SessionWanted((TrackWanted("video", Direction.RECEIVE, ("vp8",)),))
    session = await engine.open_session("s", wanted, Told())
    mine = (await session.create_offer()).sdp
    assert f"a=extmap:4 {NUMBERS}\r\n" in mine
    mid = split(mine).sections[0].mid
    theirs = offered("video", mid, f"a=extmap:4 {NUMBERS}", "transport-cc").replace("96", "97")
    answer = offer(theirs).replace("BUNDLE 0 1", f"BUNDLE {mid}").replace("actpass", "active")
    await session.accept_answer(answer)
    assert session._tracks._feedback._extension == 4
