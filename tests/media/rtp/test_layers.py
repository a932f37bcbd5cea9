"""A simulcast as one source: which layer is handed on, and how receivers change layers."""

from __future__ import annotations

from itertools import pairwise

import pytest

from media.rtp.demux import Demux, KnownStream
from media.rtp.layers import LOOK_SECONDS, STOPPED_SECONDS, Layers, LayerUpstream
from media.rtp.picture_size import picture_size
from media.rtp.router import Router, RtpSource
from media.rtp.rtcp import BitrateLimit, parse_rtcp
from media.rtp.rtp_packet import RtpPacket, parse_packet
from tests.media.rtp.test_demux import one_byte, packet
from tests.media.rtp.test_router import Tap
from tests.support.encoded import video
from tests.support.rtp import VP8, Receiver, Sender, Time, a_sink, rtp, vp8
from tests.support.rtp_stream import H264 as H264_STREAM
from tests.support.rtp_stream import RtpStream

SIZES = {"l": (160, 120), "m": (320, 240), "h": (640, 480)}


def keyframe(size: tuple[int, int], number: int) -> bytes:
    """Make a VP8 keyframe of a size: its tag, start code and sides behind a descriptor."""
    sides = b"".join((side | 0x4000).to_bytes(2, "little") for side in size)  # with a scale
    return vp8(number, b"\0\0\x9d\x01\x2a" + sides + b"picture", keyframe=True)


class Simulcast:
    """Layers in a router, fed by hand, with one receiver."""

    def __init__(self, names: str = "lmh") -> None:
        self.time = Time()
        self.senders = {rid: Sender() for rid in names}
        self.router = Router(self.time)
        self.layers = Layers("s/in/1")
        self.layers.set(
            {
                rid: RtpSource(
                    f"s/in/1/{rid}",
                    "video",
                    VP8,
                    None,
                    self.senders[rid],
                    self.time,
                    watch=self.layers.watch,
                )
                for rid in names
            },
            "h",
        )
        self.router.add_layers(self.layers)
        self.receiver = Receiver()
        self.router.add_sink(a_sink("out", receiver=self.receiver, time=self.time))
        self.router.attach("s/in/1", "out")
        self.count = 0

    def frame(self, *rids: str, keys: str = "") -> None:
        """Send one frame of each layer, as keyframes where `keys` says so, and let time pass."""
        self.count += 1
        self.time.now += 0.05
        for rid in rids:
            ssrc = ord(rid)
            payload = keyframe(SIZES[rid], self.count) if rid in keys else vp8(self.count)
            data = rtp(self.count, 4500 * self.count, payload, ssrc=ssrc)
            self.layers.sources[rid].feed(data, self.time.now)
        self.router.tick(self.time.now)

    @property
    def current(self) -> str:
        return self.layers.current.id[-1]


@pytest.mark.parametrize("order", ["lmh", "hml", "mhl"])
def test_the_largest_that_sends_is_handed_on_whatever_its_name_and_order(order: str):
    simulcast = Simulcast()
    seen = []
    for rid in order:
        simulcast.frame(*order[: order.index(rid) + 1], keys=rid)
        seen.append(simulcast.current)
    assert seen == {"lmh": ["l", "m", "h"], "hml": ["h"] * 3, "mhl": ["m", "h", "h"]}[order]
    assert simulcast.router.stats().sinks[0].source == "s/in/1/h"


def test_a_receiver_sees_one_stream_over_all_of_it():
    simulcast = Simulcast()
    simulcast.frame("l", keys="l")
    simulcast.frame("l", "m", keys="m")
    simulcast.frame("l", "m", "h", keys="h")
    for _ in range(3):
        simulcast.frame("l", "m", "h")
    for _ in range(30):  # the largest has stopped; the next one is asked for a keyframe
        simulcast.frame("l", "m")
    assert simulcast.current == "m"
    assert simulcast.senders["m"].keyframes >= 1
    simulcast.frame("l", "m", keys="m")
    simulcast.frame("l", "m")
    simulcast.frame("l", "m", "h", keys="h")
    got = simulcast.receiver.got
    numbers = [packet.sequence for packet in got]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    times = [packet.timestamp for packet in got]
    assert all(0 < (b - a) & 0xFFFFFFFF < 90_000 * 3 for a, b in pairwise(times))
    widths = [_width(packet.payload) for packet in got]
    assert [width for width in widths if width] == [160, 320, 640, 320, 640]


def _width(payload: bytes) -> int:
    """Return how wide a keyframe is, 0 for other frames."""
    at = payload.find(b"\x9d\x01\x2a")
    return int.from_bytes(payload[at + 3 : at + 5], "little") & 0x3FFF if at >= 0 else 0


def test_a_pause_of_all_layers_is_no_end_of_one():
    simulcast = Simulcast()
    simulcast.frame("l", "m", "h", keys="lmh")
    for _ in range(200):  # a still picture on a shared screen
        simulcast.time.now += 0.05
        simulcast.router.tick(simulcast.time.now)
    assert simulcast.current == "h"
    simulcast.frame("l", "m", "h")
    assert simulcast.current == "h"


def test_a_layer_whose_keyframe_was_lost_is_asked_for_another():
    simulcast = Simulcast()
    simulcast.frame("l", keys="l")
    for _ in range(round(LOOK_SECONDS / 0.05) + 2):
        simulcast.frame("l", "h")
    assert simulcast.senders["h"].keyframes >= 1
    simulcast.frame("l", "h", keys="h")
    assert simulcast.current == "h"


def test_one_layer_that_stops_long_enough_is_left():
    simulcast = Simulcast()
    simulcast.frame("l", "m", "h", keys="lmh")
    for _ in range(round((STOPPED_SECONDS - 0.1) / 0.05)):
        simulcast.frame("l", "m")
    assert simulcast.current == "h"
    for _ in range(round((LOOK_SECONDS + 0.2) / 0.05)):
        simulcast.frame("l", "m")
    assert simulcast.current == "m"


def test_a_layer_that_only_sends_padding_has_stopped():
    simulcast = Simulcast()
    simulcast.frame("l", "h", keys="lh")
    for number in range(30):
        simulcast.frame("l")
        padding = rtp(10 + number, 4500 * number, b"", ssrc=ord("h"), padding=200)
        simulcast.layers.sources["h"].feed(padding, simulcast.time.now)
    assert simulcast.current == "l"


def test_taps_go_along_and_a_paused_leg_does_too():
    simulcast = Simulcast()
    tap = Tap()
    simulcast.router.add_tap(tap)
    simulcast.router.attach("s/in/1", "tap")
    simulcast.router.pause("out")
    simulcast.frame("l", keys="l")
    simulcast.frame("l", "h", keys="h")
    assert [source.id[-1] for source in tap.sources if source is not None] == ["h", "l", "h"]
    assert [_width(data) for data in tap.packets] == [160, 0, 640]  # each begins with its keyframe
    assert simulcast.receiver.data == []
    simulcast.router.resume("out")
    simulcast.frame("l", "h", keys="h")
    assert len(simulcast.receiver.data) == 1


def test_a_simulcast_is_removed_as_a_whole():
    simulcast = Simulcast()
    simulcast.frame("l", keys="l")
    simulcast.router.remove_source("s/in/1")
    assert simulcast.router.stats().sources == ()
    assert simulcast.router.stats().sinks[0].source is None
    simulcast.frame("l", "h", keys="h")
    assert len(simulcast.receiver.data) == 1


def test_a_limit_leaves_room_for_the_layers_that_nobody_sees():
    sent: list[bytes] = []
    upstream = LayerUpstream(sent.append, 1, "x", lambda: 250_000.0)
    upstream.limit_bitrate(500_000, 7)
    upstream.limit_bitrate(1_000_000_000, 7)
    told = [it for data in sent for it in parse_rtcp(data) or () if isinstance(it, BitrateLimit)]
    assert 740_000 <= told[0].bits_per_second <= 750_000
    assert told[1].bits_per_second == pytest.approx(1_000_000_000, rel=0.01)


def test_layers_are_told_apart_by_their_rid():
    layers = [KnownStream(rid, b"1", 4, 96, None, rid.encode(), 10) for rid in ("h", "m")]
    table: Demux[str] = Demux()
    table.set(tuple(layers))
    assert table.stream(packet(5, 96)) is None
    assert table.stream(packet(5, 96, one_byte((4, b"1")))) is None
    assert table.stream(packet(5, 96, one_byte((4, b"1"), (10, b"m")))) == "m"
    assert table.stream(packet(6, 96, one_byte((4, b"1"), (10, b"h")))) == "h"
    assert table.stream(packet(7, 96, one_byte((4, b"2"), (10, b"h")))) is None
    assert table.stream(packet(5, 96)) == "m"


@pytest.mark.parametrize("codec", ["vp8", "h264"])
@pytest.mark.parametrize("size", [(160, 120), (322, 242)])
def test_the_size_of_a_real_picture_is_read(codec: str, size: tuple[int, int]):
    source = RtpSource("x", "video", H264_STREAM if codec == "h264" else VP8, None, Sender(),
                       watch=lambda _, it: found.append(picture_size(it, codec)))  # fmt: skip
    found: list[tuple[int, int] | None] = []
    stream = RtpStream(source.codec)
    for time, data in stream.pack_all(video(codec, 0.5, size=size)):
        source.feed(data, time)
    assert found
    assert set(found) == {size}


@pytest.mark.parametrize("payload", [b"\x67", b"\x78\0", b"\x78\0\1\x67", b"\x10", b"\x90\x80"])
def test_what_is_cut_short_has_no_size(payload: bytes):
    parsed = parse_packet(rtp(1, 0, payload), 0.0)
    assert isinstance(parsed, RtpPacket)
    for codec in ("vp8", "h264", "opus"):
        assert picture_size(parsed, codec) is None
