"""Retransmissions in a stream of their own: in descriptions, and as a session then sends them."""

from __future__ import annotations

import pytest

from media.contract.session import Direction, SessionWanted, TrackWanted
from media.local_engine import LocalEngine
from media.rtp import rtcp
from media.rtp.rtp_sink import RtpSink
from media.webrtc.descriptions import split
from media.webrtc.retransmission_format import accept_retransmissions, retransmission_types
from tests.media.webrtc.test_feedback_negotiation import HEAD, offered
from tests.support.rtp import Receiver, a_source, rtp, vp8
from tests.support.sessions import SENDS, Told

RTX = "a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"


def section(lines: str = RTX, direction: str = "recvonly") -> str:
    return offered("video", "1", "", "", direction).replace("SAVPF 96", "SAVPF 96 97") + lines


def offer(lines: str = RTX, direction: str = "recvonly") -> str:
    return HEAD.replace("BUNDLE 0 1", "BUNDLE 1") + section(lines, direction)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (RTX, {"1": 97}),
        ("a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96;rtx-time=3000\n", {"1": 97}),
        ("a=rtpmap:97 rtx/90000\na=fmtp:97 rtx-time=3000; apt=96\n", {"1": 97}),
        ("a=rtpmap:97 rtx/90000\na=fmtp:97 apt=98\n", {}),
        ("a=rtpmap:97 rtx/90000\n", {}),
        ("a=fmtp:97 apt=96\n", {}),
        ("a=rtpmap:97 VP9/90000\na=fmtp:97 apt=96\n", {}),
        ("a=rtpmap:96 rtx/90000\na=fmtp:96 apt=96\n", {}),
        ("a=rtpmap:72 rtx/90000\na=fmtp:72 apt=96\n", {}),  # RTCP's
        ("a=rtpmap:45 rtx/90000\na=fmtp:45 apt=96\n", {"1": 45}),
        ("a=rtpmap:128 rtx/90000\na=fmtp:128 apt=96\n", {}),
        ("a=rtpmap:97 rtx/90000\na=fmtp:97 apt=\n", {}),
        ("", {}),
    ],
)
def test_a_format_is_found_by_what_it_repeats(lines: str, found: dict[str, int]) -> None:
    assert retransmission_types(split(offer(lines)), {"1": 96}) == found
    assert retransmission_types(split(offer(lines)), {}) == {}


def test_an_answer_names_the_format_and_the_stream() -> None:
    answer = HEAD + section("a=ssrc:1000 cname:me\n", "sendonly").replace("96 97", "96")
    taken = accept_retransmissions(answer, {"1": (97, 2000)})
    assert taken.endswith(
        "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
        "a=ssrc-group:FID 1000 2000\r\na=ssrc:2000 cname:me\r\n"
    )
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" in taken
    assert accept_retransmissions(answer, {}) == str(split(answer))


async def opened(engine: LocalEngine, sdp: str, *tracks: TrackWanted) -> tuple[str, RtpSink]:
    session = await engine.open_session("s", SessionWanted(tracks or SENDS[1:]), Told())
    answer = (await session.accept_offer(sdp)).sdp
    sink = engine.router._sink("s/out/1")
    assert isinstance(sink, RtpSink)
    return answer, sink


async def repeated(sink: RtpSink) -> Receiver:
    """Send a packet, and send it again."""
    receiver = Receiver()
    sink._send = receiver.send
    sink.resume()
    source = a_source()
    sink.attach(source)
    source.feed(rtp(1, 0, vp8(1, keyframe=True)), 1.0)
    sink.feed_rtcp(rtcp.write_nack(1, sink.ssrc, receiver.sequences), 2.0)
    sink.detach()
    return receiver


async def test_a_session_sends_again_as_it_was_agreed(engine: LocalEngine) -> None:
    answer, sink = await opened(engine, offer())
    group = split(answer).sections[0].value("a=ssrc-group:FID ")
    first, again = (await repeated(sink)).got
    assert group == f"{sink.ssrc} {again.ssrc}"
    assert (again.payload_type, first.payload_type) == (97, 96)
    assert again.payload == first.sequence.to_bytes(2) + first.payload


async def test_who_offers_no_format_gets_the_packet_as_it_was(engine: LocalEngine) -> None:
    answer, sink = await opened(engine, offer(""))
    assert "rtx" not in answer
    first, again = (await repeated(sink)).data
    assert first == again


async def test_a_section_that_goes_both_ways_has_none(engine: LocalEngine) -> None:
    both = TrackWanted("video", Direction.BOTH, ("vp8",))
    answer, sink = await opened(engine, offer(direction="sendrecv"), both)
    assert "a=sendrecv" in answer
    assert "rtx" not in answer
    first, again = (await repeated(sink)).data
    assert first == again


async def test_a_later_offer_without_it_ends_it(engine: LocalEngine) -> None:
    session = await engine.open_session("s", SessionWanted(SENDS[1:]), Told())
    assert "rtx" in (await session.accept_offer(offer())).sdp
    assert "rtx" in (await session.accept_offer(offer())).sdp
    assert "rtx" not in (await session.accept_offer(offer(""))).sdp
    sink = engine.router._sink("s/out/1")
    assert isinstance(sink, RtpSink)
    first, again = (await repeated(sink)).data
    assert first == again
