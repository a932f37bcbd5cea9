"""The time of sending in the packets of a leg (abs-send-time), and that none ever changes it."""

from __future__ import annotations

import os

import pytest
import trio
from aiortc import rtp as theirs
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from media.contract.session import SessionWanted
from media.local_engine import LocalEngine
from media.rtp import rtcp
from media.rtp.rtp_packet import timed_extension
from media.rtp.rtp_sink import RtpSink
from media.rtp.rtp_source import RtpSource
from media.webrtc.aiortc_sections import SEND_TIME_EXTENSION
from media.webrtc.bridge import MediaLoop
from tests.media.clients import attach, publisher, subscriber
from tests.support.rtp import OPUS, Receiver, Time, a_sink, a_source, rtp, vp8
from tests.support.sessions import SENDS, Told

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
EXTENSIONS = theirs.HeaderExtensionsMap()
EXTENSIONS.configure(
    RTCRtpParameters(
        headerExtensions=[
            RTCRtpHeaderExtensionParameters(id=3, uri=SEND_TIME_EXTENSION),
            RTCRtpHeaderExtensionParameters(id=4, uri=MID),
        ]
    )
)


class Srtp(Receiver):
    """A receiver behind encryption like that of a connection; a full way refuses behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.plain: list[bytes] = []
        self.datagrams: list[bytes] = []
        policy = Policy(
            key=os.urandom(28),
            ssrc_type=Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        )
        policy.allow_repeat_tx = True
        policy.window_size = 1024
        self._session = Session(policy)

    def send(self, packet: bytes) -> None:
        self.plain.append(packet)
        self.datagrams.append(self._session.protect(packet))
        super().send(packet)


def leg(receiver: Receiver, time: Time, **options: object) -> tuple[RtpSource, RtpSink]:
    """Return a source and a sink that tells times of sending."""
    source = a_source(time=time)
    sink = a_sink(receiver=receiver, time=time, send_time=3, mid=(4, "0"), **options)
    sink.attach(source)
    return source, sink


def feed(source: RtpSource, time: Time, number: int) -> None:
    payload = vp8(number, keyframe=number == 0)
    source.feed(rtp(number, number * 3000, payload), time.now)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (0.0, 0),
        (0.5, 0x20000),
        (1.0, 0x40000),
        (63.999999, 0xFFFFFF),
        (64.0, 0),
        (1000.25, (40 << 18) + 0x10000),
    ],
)
def test_the_time_is_that_of_sending_in_units_that_others_read(now: float, told: int) -> None:
    time, receiver = Time(), Receiver()
    source, _ = leg(receiver, time)
    time.now = now
    source.feed(rtp(1, 0, vp8(1, keyframe=True), ssrc=1), now - 0.3)
    packet = theirs.RtpPacket.parse(receiver.data[0], EXTENSIONS)
    assert (packet.extensions.abs_send_time, packet.extensions.mid) == (told, "0")
    assert packet.payload == vp8(1, keyframe=True)


@pytest.mark.parametrize("mid", [None, (4, "0"), (4, "audio0123456789x")])
def test_the_time_leaves_what_else_is_in_a_packet_as_it_was(mid: tuple[int, str] | None) -> None:
    time, plain, timed = Time(), Receiver(), Receiver()
    source = a_source(time=time)
    a_sink("plain", receiver=plain, time=time, mid=mid, first_sequence=5).attach(source)
    a_sink("timed", receiver=timed, time=time, mid=mid, send_time=3, first_sequence=5).attach(
        source
    )
    feed(source, time, 0)
    bare, full = (theirs.RtpPacket.parse(each.data[0], EXTENSIONS) for each in (plain, timed))
    assert full.extensions.abs_send_time == 1000 % 64 * (1 << 18)
    assert bare.extensions.abs_send_time is None
    assert full.extensions.mid == bare.extensions.mid == (mid[1] if mid else None)
    for same in ("payload", "sequence_number", "ssrc", "marker", "payload_type", "padding_size"):
        assert getattr(full, same) == getattr(bare, same)


@pytest.mark.parametrize("identifier", [-1, 0, 15, 255])
def test_an_id_that_fits_no_extension_is_refused(identifier: int) -> None:
    with pytest.raises(ValueError, match="1 to 14"):
        timed_extension(identifier, None)


def test_a_packet_sent_again_is_the_same_datagram_with_its_old_time() -> None:
    time, receiver = Time(), Srtp()
    source, sink = leg(receiver, time, first_sequence=0)
    for number in range(5):
        feed(source, time, number)
        time.now += 0.0333
    for _ in range(3):
        time.now += 1.0
        sink.feed_rtcp(rtcp.write_nack(1, 77, [2, 4]), time.now)
    assert [receiver.sequences[at] for at in range(5, 11)] == [2, 4] * 3
    for at in range(5, 11):
        first = receiver.sequences[at]
        assert receiver.plain[at] == receiver.plain[first]
        assert receiver.datagrams[at] == receiver.datagrams[first]
    times = {theirs.RtpPacket.parse(p, EXTENSIONS).extensions.abs_send_time for p in receiver.plain}
    assert len(times) == 5


def test_a_packet_that_could_not_leave_is_the_same_when_it_does() -> None:
    # The way may be found full behind the encryption: it must not see two of one number.
    time, receiver = Time(), Srtp()
    source, sink = leg(receiver, time, first_sequence=0)
    feed(source, time, 0)
    receiver.full = True
    feed(source, time, 1)
    for full in (True, False, False):
        receiver.full = full
        time.now += 1.0
        sink.feed_rtcp(rtcp.write_nack(1, 77, [1]), time.now)
    assert receiver.sequences == [0, 1, 1]
    assert len(receiver.datagrams) == 5
    assert len(set(receiver.datagrams[1:])) == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), st.integers(0, 7)),
        st.tuples(st.just("ask"), st.integers(0, 40)),
        st.tuples(st.just("full"), st.booleans()),
        st.tuples(st.just("again"), st.integers(0, 0)),
    ),
    max_size=80,
)


@given(steps=STEPS)
def test_no_number_is_ever_encrypted_with_two_headers(steps: list[tuple[str, int]]) -> None:
    time, receiver = Time(), Srtp()
    source, sink = leg(receiver, time, first_sequence=0)
    sent = 0
    for step, how in steps:
        time.now += 0.0301
        if step == "feed":  # some out of order, some twice
            feed(source, time, max(0, sent - how))
            sent += 1
        elif step == "ask":
            sink.feed_rtcp(rtcp.write_nack(1, 77, [max(0, sent - how) & 0xFFFF]), time.now)
        elif step == "full":
            receiver.full = bool(how)
        else:
            sink.pause()
            sink.resume()
            source.feed(rtp(sent, sent * 3000, vp8(sent, keyframe=True)), time.now)
            sent += 1
    by_number: dict[bytes, set[bytes]] = {}
    for packet in receiver.plain:
        by_number.setdefault(packet[2:4], set()).add(packet)
    assert all(len(packets) == 1 for packets in by_number.values())


def test_retransmissions_in_a_stream_of_their_own_have_their_own_time() -> None:
    time, receiver = Time(), Receiver()
    source, sink = leg(receiver, time, first_sequence=0, rtx=(97, 78))
    feed(source, time, 0)
    time.now += 1
    sink.feed_rtcp(rtcp.write_nack(1, 77, [0]), time.now)
    first, again = (theirs.RtpPacket.parse(data, EXTENSIONS) for data in receiver.data)
    assert (again.ssrc, again.payload) == (78, b"\0\0" + first.payload)
    assert again.extensions.abs_send_time - first.extensions.abs_send_time == 1 << 18
    assert again.extensions.mid == "0"


def test_sound_needs_no_time_of_sending() -> None:
    time, receiver = Time(), Receiver()
    source = a_source(codec=OPUS, time=time)
    a_sink(codec=OPUS, receiver=receiver, time=time, mid=(4, "1")).attach(source)
    source.feed(rtp(5, payload_type=111), 1.0)
    assert receiver.got[0].extension == bytes.fromhex("bede0001 40310000")


OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=rtcp-mux
a=recvonly
a=extmap:{mid} urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:{time} http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=rtpmap:111 opus/48000/2
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=rtcp-mux
a=recvonly
a=extmap:{mid} urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:{time} http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=rtpmap:96 VP8/90000
""".replace("{fingerprint}", ":".join(["AB"] * 32))


@pytest.mark.parametrize(
    ("mid", "time", "audio", "video"),
    [
        (9, 5, "bede0001 90300000", "bede0002 52------ 90310000"),
        (9, 20, "bede0001 90300000", "bede0001 90310000"),  # an id that was never agreed on
        (20, 5, "", "bede0001 52------"),
    ],
)
async def test_a_leg_tells_the_time_where_that_was_negotiated(
    engine: LocalEngine, mid: int, time: int, audio: str, video: str
) -> None:
    session = await engine.open_session("s", SessionWanted(SENDS), Told())
    await session.accept_offer(OFFER.replace("{mid}", f"{mid}").replace("{time}", f"{time}"))
    for number, codec, expected in (("0", OPUS, audio), ("1", None, video)):
        sink = engine.router._sink(f"s/out/{number}")
        assert isinstance(sink, RtpSink)
        receiver = Receiver()
        sink._send = receiver.send
        sink.resume()
        source = a_source(f"source-{number}", **({"codec": codec} if codec else {}))
        sink.attach(source)
        source.feed(rtp(1, 0, vp8(1, keyframe=True), payload_type=111 if codec else 96), 1.0)
        found = receiver.got[0].extension.hex()
        wanted = expected.replace(" ", "")
        assert len(found) == len(wanted)
        assert all(w in ("-", f) for w, f in zip(wanted, found, strict=True))
        sink.detach()


async def test_a_lost_datagram_comes_again_as_it_was(
    media_loop: MediaLoop, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    one = await publisher(media_loop, engine, "publisher")
    other = await subscriber(media_loop, engine, "subscriber")
    came: dict[bytes, list[bytes]] = {}

    def loses(data: bytes) -> bool:
        """Lose the first copy of each tenth packet."""
        same = came.setdefault(data[1:4] + data[8:12], [])
        same.append(data)
        return data[3] % 10 == 0 and len(same) == 1

    other.loses = loses
    try:
        await attach(engine, one, other)
        with trio.fail_after(30):
            while sum(len(same) > 1 for same in came.values()) < 3:
                await trio.sleep(0.01)
    finally:
        await one.close()
        await other.close()
    assert all(len(set(same)) == 1 for same in came.values())
