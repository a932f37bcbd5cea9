"""Under one SSRC no number is sent twice: legs that come back count on, and so does what they
send again."""

from __future__ import annotations

import pytest

from media.contract.plans import Remote
from media.contract.session import Direction, SessionWanted, TrackWanted
from media.local_engine import LocalEngine
from media.rtp import rtcp
from media.rtp.leg_numbers import LegNumbers
from media.rtp.router import Router, RtpSink
from media.udp.plain_rtp import PlainRtp
from media.udp.port_range import PortRange
from media.webrtc.peer_connection import PeerSession
from tests.media.webrtc.test_retransmission_format import offer
from tests.support.rtp import VP8, Receiver, a_sink, a_source, rtp, vp8
from tests.support.sessions import Told

FORTH = (TrackWanted("video", Direction.SEND, ("vp8",)),)
BACK_AND_FORTH = (TrackWanted("video", Direction.BOTH, ("vp8",)),)
PACKETS = 5


def send(sink: RtpSink, *, again: bool = False) -> Receiver:
    """Send some packets, and the first once more if it is asked for; return what was received."""
    receiver = Receiver()
    sink._send = receiver.send
    sink.resume()
    source = a_source()
    sink.attach(source)
    for number in range(PACKETS):
        source.feed(rtp(number, number * 3000, vp8(number, keyframe=not number)), 1.0)
    if again:
        sink.feed_rtcp(rtcp.write_nack(1, sink.ssrc, receiver.sequences[:1]), 2.0)
    sink.detach()
    return receiver


async def agreed(session: PeerSession, engine: LocalEngine, sdp: str) -> RtpSink:
    await session.accept_offer(sdp)
    sink = engine.router._sink("s/out/1")
    assert isinstance(sink, RtpSink)
    return sink


def as_type(sdp: str, payload_type: int) -> str:
    return sdp.replace("SAVPF 96", f"SAVPF {payload_type}").replace(":96 ", f":{payload_type} ")


@pytest.mark.parametrize(
    ("tracks", "before", "between", "after"),
    [
        (FORTH, offer(""), offer("", "inactive"), offer("")),
        (BACK_AND_FORTH, offer("", "sendrecv"), offer("", "sendonly"), offer("", "sendrecv")),
        (FORTH, offer(""), None, as_type(offer(""), 98)),
        (FORTH, offer(""), as_type(offer(""), 98), offer("")),
    ],
    ids=["held", "held one way", "another type", "another type and back"],
)
async def test_a_leg_that_comes_back_under_its_ssrc_counts_on(
    engine: LocalEngine, tracks: tuple[TrackWanted, ...], before: str, between: str, after: str
) -> None:
    session = await engine.open_session("s", SessionWanted(tracks), Told())
    first = await agreed(session, engine, before)
    sent = send(first)
    if between:
        await session.accept_offer(between)
    second = await agreed(session, engine, after)
    assert second is not first
    assert second.ssrc == first.ssrc
    begin = sent.sequences[0]
    numbers = [*sent.sequences, *send(second).sequences]
    assert numbers == [begin + step & 0xFFFF for step in range(2 * PACKETS)]
    assert len(session._tracks._numbers) == 1


async def test_retransmissions_count_on_when_they_are_agreed_on_again(engine: LocalEngine) -> None:
    session = await engine.open_session("s", SessionWanted(FORTH), Told())
    numbers = []
    for sdp in (offer(), offer(""), offer().replace("97", "99"), offer("", "inactive"), offer()):
        await session.accept_offer(sdp)
        if "inactive" not in sdp:
            sink = await agreed(session, engine, sdp)
            again = send(sink, again=True).got[-1]
            numbers += [again.sequence] if "rtx" in sdp else []
    assert numbers == [numbers[0] + step & 0xFFFF for step in range(3)]


def test_a_leg_in_anothers_place_goes_on_in_time_and_pictures() -> None:
    """At another clock rate, too: the receiver sees one stream."""
    numbers = LegNumbers(65534)
    first = send(a_sink(numbers=numbers)).got
    second = send(a_sink(numbers=numbers)).got
    assert [packet.sequence for packet in second][:1] == [first[-1].sequence + 1 & 0xFFFF]
    assert 0 < second[0].timestamp - first[-1].timestamp & 0xFFFFFFFF < 90_000


async def test_a_port_that_sends_again_under_its_ssrc_counts_on() -> None:
    port = PlainRtp(Router(), PortRange(0, 0), "127.0.0.1")
    try:
        numbers: list[int] = []
        for ssrc in (7, 7, 8):
            sink = port.send("out", "video", VP8, Remote(("127.0.0.1", 9)), ssrc=ssrc)
            numbers += send(sink).sequences
            port.stop_sending()
    finally:
        port.close()
    assert numbers[PACKETS] == numbers[PACKETS - 1] + 1 & 0xFFFF
