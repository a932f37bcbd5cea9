"""Numbers of strangers that are endless, or none: left out or refused, and never told on."""

from __future__ import annotations

import pytest

from media.contract.errors import NoCommonCodec
from media.contract.session import Direction, SessionWanted, TracksChanged, TrackWanted
from media.local_engine import LocalEngine
from media.rtp import rtcp
from media.rtp.bitrate_limits import UNLIMITED
from media.webrtc.descriptions import read, split
from tests.media.webrtc.test_codec_agreement import offer as offer_of
from tests.media.webrtc.test_damaged_descriptions import BOTH, OFFER
from tests.support.rtp import Receiver, Sender, a_sink, a_source, rtp, vp8
from tests.support.sessions import Told

BY_CHANCE = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=msid", "a=ssrc", "o=")
ENDLESS = (
    "9" * 5000,  # int() raises
    "9" * 4000,  # and here it does not
    "1e999",
    "inf",
    "nan",
    "-1",
    "\u00b2",  # a digit to isdigit(), no number to int()
    "\u0661\u0662",  # numbers to int() and isdecimal()
    "1_0",
    "",
)
LINES = {  # of an offer of Chromium's, by what stands before the number
    "audio": (
        "a=ssrc:{} cname:x", "a=ssrc-group:FID {} 1", "a=rtcp:{} IN IP4 0.0.0.0",
        "a=extmap:{} urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:{}/sendonly urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=rtpmap:{} opus/48000/2", "a=rtpmap:100 opus/{}/2", "a=rtpmap:100 opus/48000/{}",
        "a=fmtp:{} minptime=10", "a=fmtp:111 minptime={}", "a=fmtp:111 maxaveragebitrate={}",
        "a=fmtp:111 maxplaybackrate={};useinbandfec=1", "a=fmtp:111 stereo={}", "a=fmtp:111 cbr={}",
        "a=rtcp-fb:{} nack", "a=ptime:{}", "a=framerate:{}", "b=AS:{}", "b=TIAS:{}",
    ),
    "video": (
        "a=fmtp:97 apt={}", "a=fmtp:96 max-fs={};max-fr={}", "a=rid:f send max-fs={};max-br={}",
        "a=simulcast:send {}", "a=extmap:{} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    ),
    "application": ("a=max-message-size:{}", "a=sctpmap:{} webrtc-datachannel 1024"),
}  # fmt: skip


def with_line(kind: str, line: str) -> str:
    """Return the offer with a line more in the section of a kind."""
    mid = f"a=mid:{list(LINES).index(kind)}\n"
    return OFFER.replace(mid, f"{mid}{line}\n")


def holds_none_of(told: str, number: str) -> bool:
    """Tell whether a number is nowhere in a text, but for what is made up by chance."""
    chosen = "\n".join(line for line in told.splitlines() if not line.startswith(BY_CHANCE))
    return not number or number == "-1" or number not in chosen


@pytest.mark.parametrize("number", ENDLESS, ids=lambda number: ascii(number[:9]))
@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("stopped", [False, True], ids=["taken", "rejected"])
async def test_no_number_of_an_offer_does_harm_or_is_told_on(
    engine: LocalEngine, kind: str, number: str, stopped: bool
) -> None:
    for place, line in enumerate(LINES[kind]):
        sdp = with_line(kind, line.replace("{}", number))
        if stopped:
            sdp = sdp.replace(f"m={kind} 9 ", f"m={kind} 0 ")
        session = await engine.open_session(f"{place}", BOTH, told := Told())
        answer = (await session.accept_offer(sdp)).sdp
        await session.close()
        assert holds_none_of(answer, number), line
        facts = told.of(TracksChanged)[-1].tracks
        assert all(holds_none_of(track.fmtp, number) for track in facts)
    assert engine.stray_errors == 0


@pytest.mark.parametrize("number", ENDLESS[:-1], ids=lambda number: ascii(number[:9]))
@pytest.mark.parametrize("name", ["packetization-mode", "profile-level-id"])
async def test_a_format_of_h264_that_nobody_can_read_is_none(
    engine: LocalEngine, name: str, number: str
) -> None:
    good = {"packetization-mode": "1", "profile-level-id": "42e01f"}
    odd, good_one = (
        ";".join(f"{key}={value}" for key, value in pairs.items())
        for pairs in ({**good, name: f"{good[name]}{number}"}, good)
    )
    session = await engine.open_session("both", SessionWanted((H264,)), Told())
    answer = (await session.accept_offer(offer_of("video", "H264/90000", odd, good_one))).sdp
    assert "a=rtpmap:101 H264/90000" in answer
    assert holds_none_of(answer, number)
    alone = await engine.open_session("alone", SessionWanted((H264,)), Told())
    with pytest.raises(NoCommonCodec):
        await alone.accept_offer(offer_of("video", "H264/90000", odd))


H264 = TrackWanted("video", Direction.RECEIVE, ("h264",))


@pytest.mark.parametrize("identifier", ["0", "256", "999", "4096", *ENDLESS])
def test_an_extension_has_an_id_that_packets_can_hold(identifier: str) -> None:
    uri = "urn:ietf:params:rtp-hdrext:toffset"
    section = read(with_line("audio", f"a=extmap:{identifier} {uri}")).sections[0]
    assert not [line for line in section.lines if line.endswith(uri)]
    assert split(with_line("audio", f"a=extmap:{identifier} {uri}")).sections[0].extension(uri) == 0


def test_a_limit_of_a_receiver_has_an_end() -> None:
    """REMB can name 2^81 bits per second, which no sender could read."""
    sender = Sender()
    source, sink = a_source(sender=sender), a_sink(receiver=Receiver())
    sink.attach(source)
    source.feed(rtp(1, 0, vp8(1, keyframe=True)), 1000.0)
    sink.feed_rtcp(rtcp.write_remb(1, (77,), (1 << 81) - 1), 1000.0)
    assert sender.limits == [UNLIMITED]
    assert sink.stats().receiver.limit == UNLIMITED
