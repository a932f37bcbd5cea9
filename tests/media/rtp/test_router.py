"""Who gets whose packets."""

from __future__ import annotations

import pytest

from media.contract.errors import CodecMismatch, IdTaken, RouterFull, UnknownSink, UnknownSource
from media.contract.stats import LegState
from media.rtp import rtcp
from media.rtp.router import Codec, Router, RtpSource
from tests.support.rtp import H264, OPUS, VP8, Receiver, Sender, Time, a_sink, a_source, rtp, vp8


class Tap:
    """A tap that notes all it gets."""

    id = "tap"
    kind = "video"

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.reports: list[tuple[int, int, int]] = []
        self.sources: list[RtpSource | None] = []

    def take(self, packet: bytes, arrival: float) -> None:
        self.packets.append(packet)

    def take_sender_report(self, ssrc: int, ntp: int, rtp_time: int, arrival: float) -> None:
        self.reports.append((ssrc, ntp, rtp_time))

    def source_changed(self, source: RtpSource | None) -> None:
        self.sources.append(source)


def test_each_sink_gets_its_source() -> None:
    router = Router()
    router.add_source(a_source("one"))
    two = a_source("two", ssrc=2)
    router.add_source(two)
    receivers = {name: Receiver() for name in ("a", "b", "c")}
    for name, receiver in receivers.items():
        router.add_sink(a_sink(name, receiver=receiver))
    router.attach("one", "a")
    router.attach("two", "b")
    router.attach("two", "c")
    two.feed(rtp(1, 0, vp8(1, keyframe=True), ssrc=2), 1.0)
    assert [len(receiver.data) for receiver in receivers.values()] == [0, 1, 1]


@pytest.mark.parametrize(
    ("source", "sink"),
    [
        (VP8, H264),
        (VP8, OPUS),
        (Codec("pcmu", 8000, 0), Codec("pcma", 8000, 8)),
        (Codec("l16", 44_100, 10, 2), Codec("l16", 44_100, 11, 1)),
        (H264, Codec("h264", 90_000, 102, fmtp="profile-level-id=42e01f")),  # no fragments there
    ],
)
def test_what_a_sink_cannot_take_is_refused_and_changes_nothing(source: Codec, sink: Codec) -> None:
    router = Router()
    router.add_source(a_source("source", source))
    router.add_sink(a_sink("sink", sink))
    with pytest.raises(CodecMismatch):
        router.attach("source", "sink")
    assert router.stats().sinks[0].state is LegState.IDLE


@pytest.mark.parametrize(
    ("source", "sink"),
    [
        (OPUS, Codec("opus", 48_000, 120, channels=1)),
        (Codec("h264", 90_000, 102), H264),
        (H264, Codec("H264", 90_000, 125, fmtp="profile-level-id=42001f; packetization-mode=1")),
    ],
)
def test_what_differs_in_nothing_that_matters_fits(source: Codec, sink: Codec) -> None:
    router = Router()
    router.add_source(a_source("source", source))
    router.add_sink(a_sink("sink", sink))
    router.attach("source", "sink")
    assert router.stats().sinks[0].source == "source"


def test_what_is_not_there_is_named() -> None:
    router = Router()
    router.add_source(a_source("source"))
    router.add_sink(a_sink("sink"))
    for call in (router.remove_source, router.request_keyframe):
        with pytest.raises(UnknownSource, match="nobody"):
            call("nobody")
    for call in (
        router.remove_sink,
        router.remove_tap,
        router.detach,
        router.pause,
        router.resume,
    ):
        with pytest.raises(UnknownSink, match="nobody"):
            call("nobody")
    with pytest.raises(UnknownSource):
        router.attach("nobody", "sink")
    with pytest.raises(UnknownSink):
        router.attach("source", "nobody")


def test_an_id_is_given_once() -> None:
    router = Router()
    router.add_source(a_source("it"))
    router.add_sink(a_sink("it"))
    for add, thing in ((router.add_source, a_source("it")), (router.add_sink, a_sink("it"))):
        with pytest.raises(IdTaken):
            add(thing)  # type: ignore[operator]
    tap = Tap()
    tap.id = "it"
    with pytest.raises(IdTaken):
        router.add_tap(tap)


def test_a_full_router_takes_in_nothing() -> None:
    router = Router(limit=1)
    router.add_source(a_source("one"))
    router.add_sink(a_sink("one"))
    with pytest.raises(RouterFull):
        router.add_source(a_source("two"))
    with pytest.raises(RouterFull):
        router.add_sink(a_sink("two"))
    with pytest.raises(RouterFull):
        router.add_tap(Tap())


def test_a_tap_takes_packets_as_they_came_and_each_once() -> None:
    router, tap = Router(), Tap()
    source = a_source("camera")
    router.add_source(source)
    router.add_tap(tap)
    router.attach("camera", "tap")
    packets = [rtp(1, 0, vp8(1)), rtp(2, 0, b"", padding=9), rtp(4, 0, vp8(3))]
    for packet in (*packets, packets[0]):
        source.feed(packet, 1.0)
    source.feed(rtp(3, 0, vp8(2)), 1.0)
    assert tap.packets == [*packets, rtp(3, 0, vp8(2))]
    report = rtcp.SenderReport(1, 99, 100, 0, 0)
    source.feed_rtcp(rtcp.write_sender_report(report, "me"), 1.0)
    assert tap.reports == [(1, 99, 100)]
    router.remove_source("camera")
    assert tap.sources == [source, None]


def test_a_tap_is_told_when_the_sender_begins_anew() -> None:
    router, tap = Router(), Tap()
    source = a_source("camera")
    router.add_source(source)
    router.add_tap(tap)
    router.attach("camera", "tap")
    for number in (1, 2, 40_000, 40_001):
        source.feed(rtp(number, 0, vp8(number)), 1.0)
    assert tap.sources == [source, source]
    assert len(tap.packets) == 3


def test_what_is_paused_lets_go_of_a_source_that_ends() -> None:
    router = Router()
    router.add_source(a_source())
    sink, tap = a_sink(), Tap()
    router.add_sink(sink)
    router.add_tap(tap)
    for name in ("screen", "tap"):
        router.attach("camera", name)
        router.pause(name)
    router.remove_source("camera")
    assert sink.source is None
    assert tap.sources[-1] is None
    for name in ("screen", "tap"):
        router.resume(name)
    assert sink.state is LegState.IDLE
    again = a_source()
    router.add_source(again)
    router.attach("camera", "screen")
    again.feed(rtp(1, 0, vp8(1, keyframe=True)), 1000.0)
    assert sink.state is LegState.FLOWING


def test_a_paused_tap_takes_nothing_and_then_asks_for_a_keyframe() -> None:
    sender, time, tap = Sender(), Time(), Tap()
    router = Router(time)
    source = a_source("camera", sender=sender, time=time)
    router.add_source(source)
    router.add_tap(tap)
    router.attach("camera", "tap")
    router.pause("tap")
    source.feed(rtp(1, 0, vp8(1)), 1.0)
    router.resume("tap")
    router.resume("tap")
    source.feed(rtp(2, 0, vp8(2)), 1.0)
    assert (tap.packets, sender.keyframes) == ([rtp(2, 0, vp8(2))], 1)
    router.remove_tap("tap")
    source.feed(rtp(3, 0, vp8(3)), 1.0)
    assert len(tap.packets) == 1


def test_reports_go_out_once_a_second() -> None:
    time, receiver = Time(), Receiver()
    blocks: list[rtcp.ReportBlock] = []
    router = Router(time)
    source = a_source("camera", time=time, report=blocks.append)
    router.add_source(source)
    router.add_sink(a_sink("screen", receiver=receiver, time=time))
    router.attach("camera", "screen")
    source.feed(rtp(1, 0, vp8(1, keyframe=True)), time.now)
    assert len(receiver.reports) == 1  # at once, for who joins
    for _ in range(500):
        time.now += 0.02
        router.tick(time.now)
    assert len(receiver.reports) - 1 == len(blocks)
    assert len(blocks) in (9, 10)
    router.remove_sink("screen")
    router.remove_source("camera")
    time.now += 5
    router.tick(time.now)
    assert len(blocks) in (9, 10)


def test_sums_outlive_what_they_sum() -> None:
    router = Router()
    source = a_source("camera")
    router.add_source(source)
    router.add_sink(a_sink("screen"))
    router.attach("camera", "screen")
    source.feed(rtp(1, 0, vp8(1, keyframe=True)), 1.0)
    source.feed(rtp(2, 0, vp8(2)), 1.0)
    before = router.stats()
    router.remove_sink("screen")
    router.remove_source("camera")
    after = router.stats()
    assert (len(before.sources), len(before.sinks)) == (1, 1)
    assert (after.sources, after.sinks) == ((), ())
    assert before.totals == after.totals
    assert (after.totals.packets_in, after.totals.packets_out) == (2, 2)


def test_what_is_removed_is_silent() -> None:
    router, receiver = Router(), Receiver()
    source = a_source("camera")
    router.add_source(source)
    router.add_sink(a_sink("screen", receiver=receiver))
    router.attach("camera", "screen")
    source.feed(rtp(1, 0, vp8(1, keyframe=True)), 1.0)
    router.remove_sink("screen")
    source.feed(rtp(2, 0, vp8(2)), 1.0)
    assert len(receiver.data) == 1
