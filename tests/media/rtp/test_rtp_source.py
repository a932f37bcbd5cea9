"""One incoming stream: what is taken, asked for and reported."""

from __future__ import annotations

from media.rtp import rtcp
from media.rtp.router import RtcpUpstream, RtpSource, SenderClock
from media.rtp.rtp_packet import parse_packet
from media.rtp.sender_clock import ntp_seconds
from tests.support.rtp import OPUS, VP8, Receiver, Sender, Time, a_sink, a_source, rtp, vp8


def feed(source: RtpSource, *numbers: int, at: float = 1000.0, ssrc: int = 1) -> None:
    for number in numbers:
        source.feed(rtp(number, number * 3000, vp8(number), ssrc=ssrc), at)


def tick(source: RtpSource, start: float, end: float, time: Time) -> None:
    for step in range(round((end - start) / 0.02)):
        time.now = start + step * 0.02
        source.tick(time.now)


def test_what_is_none_of_the_stream_is_counted_and_dropped() -> None:
    source = a_source()
    source.feed(b"", 1.0)
    source.feed(b"\x80\x60", 1.0)
    source.feed(rtp(1, payload_type=13), 1.0)
    source.feed(rtp(1, ssrc=2), 1.0)
    source.feed_rtcp(b"\x80", 1.0)
    counts = source.stats().counts
    assert (counts.malformed, counts.foreign, counts.packets) == (3, 2, 0)


def test_lost_video_is_asked_for_at_once_and_again() -> None:
    sender, time = Sender(), Time()
    source = a_source(sender=sender, time=time)
    feed(source, 65534, 1)
    assert sender.asked == [65535, 0]
    feed(source, 0)
    tick(source, 1000.0, 1000.1, time)
    assert sender.asked == [65535, 0, 65535]
    counts = source.stats().counts
    assert (counts.recovered, counts.nacks, source.stats().lost) == (1, 3, 1)


def test_video_lost_for_good_is_followed_by_a_request_for_a_keyframe() -> None:
    sender, time = Sender(), Time()
    source = a_source(sender=sender, time=time)
    feed(source, 1, 3)
    tick(source, 1000.0, 1001.2, time)
    assert (set(sender.asked), sender.keyframes) == ({2}, 1)
    assert len(sender.asked) <= 7


def test_a_gap_too_wide_is_not_asked_for_but_a_keyframe_is() -> None:
    sender = Sender()
    source = a_source(sender=sender)
    feed(source, 1, 1000)
    assert (sender.asked, sender.keyframes) == ([], 1)


def test_lost_sound_is_not_asked_for() -> None:
    sender = Sender()
    source = a_source(codec=OPUS, sender=sender)
    source.feed(rtp(1, payload_type=111), 1.0)
    source.feed(rtp(3, payload_type=111), 1.0)
    assert (sender.asked, source.counts.packets) == ([], 2)


def test_what_comes_under_another_payload_type_is_only_counted() -> None:
    receiver = Receiver()
    source = a_source()
    a_sink(receiver=receiver, first_sequence=50).attach(source)
    source.feed(rtp(1, 0, vp8(1, keyframe=True)), 1.0)
    source.feed(rtp(3, 6000, vp8(3)), 1.0)
    source.feed(rtp(900, 3000, (2).to_bytes(2) + vp8(2), payload_type=97, ssrc=99), 1.0)
    assert receiver.sequences == [50, 52]
    assert (source.counts.foreign, source.counts.packets) == (1, 2)


def test_requests_for_keyframes_are_spaced_and_the_last_one_is_kept() -> None:
    sender, time = Sender(), Time()
    source = a_source(sender=sender, time=time)
    source.request_keyframe()
    time.now += 0.1
    source.request_keyframe()
    source.request_keyframe()
    assert sender.keyframes == 1
    tick(source, 1000.1, 1000.28, time)
    assert sender.keyframes == 1
    tick(source, 1000.28, 1000.5, time)
    assert sender.keyframes == 2
    tick(source, 1000.5, 1003.0, time)
    assert sender.keyframes == 2


def test_a_keyframe_that_comes_meanwhile_answers_the_request_that_was_kept() -> None:
    sender, time = Sender(), Time()
    source = a_source(sender=sender, time=time)
    source.request_keyframe()
    time.now += 0.1
    source.request_keyframe()
    source.feed(rtp(1, 0, vp8(1, keyframe=True)), time.now)
    tick(source, 1000.1, 1001.0, time)
    assert sender.keyframes == 1


def test_a_keyframe_that_does_not_come_is_asked_for_every_second_while_awaited() -> None:
    sender, time = Sender(), Time()
    source = a_source(sender=sender, time=time)
    sink = a_sink()
    sink.attach(source)
    tick(source, 1000.0, 1003.5, time)
    assert sender.keyframes == 4
    sink.detach()
    tick(source, 1003.5, 1006.0, time)
    assert sender.keyframes == 4


def test_a_stream_not_announced_is_the_first_that_comes() -> None:
    sender = Sender()
    source = a_source(sender=sender, ssrc=None)
    a_sink().attach(source)
    assert sender.keyframes == 0  # nobody to ask yet
    feed(source, 1, ssrc=1234)
    feed(source, 2, ssrc=99)
    assert (source.ssrc, source.counts.foreign, sender.keyframes) == (1234, 1, 1)


def test_a_sender_that_fell_silent_does_not_take_its_place_back_at_once() -> None:
    source = a_source(ssrc=None)
    source.feed(rtp(1, ssrc=5), 10.0)
    source.feed(rtp(1, ssrc=6), 10.5)
    source.feed(rtp(2, ssrc=5), 10.51)
    assert (source.ssrc, source.counts.foreign) == (6, 1)


def test_a_sender_that_counts_anew_keeps_its_place() -> None:
    source = a_source(ssrc=None)
    for number in (1, 30_000, 30_001):
        source.feed(rtp(number, ssrc=5), 10.0)
    source.feed(rtp(2, ssrc=6), 10.01)
    assert (source.ssrc, source.counts.foreign) == (5, 1)


def test_a_report_to_the_sender_says_what_got_lost() -> None:
    reports: list[rtcp.ReportBlock] = []
    source = a_source(report=reports.append)
    source.beat(1000.0)
    assert reports == []
    feed(source, *range(65530, 65536), at=1000.0)
    ntp = 0x0123456789ABCDEF
    source.feed_rtcp(rtcp.write_sender_report(rtcp.SenderReport(1, ntp, 0, 0, 0), "me"), 1000.5)
    source.beat(1001.0)
    feed(source, *range(4, 8), at=1001.0)
    source.beat(1002.0)
    first, second = reports
    assert (first.ssrc, first.fraction_lost, first.lost, first.highest) == (1, 0, 0, 65535)
    assert (first.last_report, first.delay) == (0x456789AB, 32768)
    assert (second.fraction_lost, second.lost, second.highest) == (128, 4, 65536 + 7)


def test_what_was_lost_of_late_is_told_in_the_stats() -> None:
    source = a_source()
    feed(source, *range(0, 80, 2), at=1000.0)  # every other one
    source.beat(1001.0)
    assert source.stats().fraction_lost == 39 / 79  # the last one may come yet
    for second in range(1, 7):
        feed(source, *range(40 + 40 * second, 80 + 40 * second), at=1000.0 + second)
        source.beat(1001.0 + second)
    assert (source.stats().lost, source.stats().fraction_lost) == (40, 0.0)


def test_jitter_is_that_of_the_standard() -> None:
    source = a_source()
    for number in range(200):
        arrival = 1000.0 + number / 30 + (0.010 if number % 2 else 0.0)
        source.feed(rtp(number, number * 3000, vp8(number)), arrival)
    assert abs(source.stats().jitter - 0.010) < 0.0005


def test_streams_that_share_a_clock_stay_in_step_through_their_legs() -> None:
    """A camera whose packets take 80 ms longer, and whose RTP time starts elsewhere."""
    shared = SenderClock()
    start = 5_000_000  # the sender's time at 1000.0 of ours
    legs = []
    for name, codec, late, offset in (
        ("camera", VP8, 0.080, 12_345),
        ("microphone", OPUS, 0.0, 4_000_000_000),
    ):
        source, receiver = a_source(name, codec, shared=shared), Receiver()
        sink = a_sink(name, codec, receiver=receiver)
        sink.attach(source)
        legs.append((source, sink, receiver, late, offset))
    for number in range(50):
        for source, _, _, late, offset in legs:
            rate, payload_type = source.codec.clock_rate, source.codec.payload_type
            arrival = 1000.0 + number * 0.02 + late
            payload = vp8(number, keyframe=True)
            time = offset + number * rate // 50
            source.feed(rtp(number, time, payload, payload_type=payload_type), arrival)
            if number == 25:
                ntp = int((start + number * 0.02) * (1 << 32))
                report = rtcp.SenderReport(1, ntp, time & 0xFFFFFFFF, 0, 0)
                source.feed_rtcp(rtcp.write_sender_report(report, "me"), arrival)
    captured = []
    for source, sink, receiver, _, _ in legs:
        sink.beat(1002.0)
        (told,) = rtcp.parse_rtcp(receiver.reports[-1]) or []
        assert isinstance(told, rtcp.SenderReport)
        since = told.timestamp - receiver.got[-1].timestamp & 0xFFFFFFFF
        captured.append(ntp_seconds(told.ntp) - since / source.codec.clock_rate)
    assert abs(captured[0] - captured[1]) < 0.0005


def test_a_sender_report_without_sense_moves_no_time() -> None:
    source = a_source()
    source.feed(rtp(1, 1000, vp8(1)), 1000.0)
    nonsense = rtcp.SenderReport(1, 1, 0x7FFFFFFF, 0, 0)
    source.feed_rtcp(rtcp.write_sender_report(nonsense, "me"), 1000.0)
    packet = parse_packet(rtp(2, 4000, vp8(2)), 1000.033)
    assert packet is not None
    assert source.capture_time(packet) == 1000.033


def test_upstream_speaks_rtcp_that_a_strict_sender_takes() -> None:
    sent: list[bytes] = []
    upstream = RtcpUpstream(sent.append, 5, "us")
    upstream.request_keyframe(7)
    upstream.request_packets(7, range(1, 2000, 20))
    upstream.limit_bitrate(1_000_000, 7)
    upstream.report(rtcp.ReportBlock(7, 0, 0, 0, 0, 0, 0))
    empty = rtcp.ReceiverReport(5, ())
    read = [rtcp.parse_rtcp(packet) for packet in sent]
    assert read == [
        [empty, rtcp.KeyframeRequest(7)],
        [empty, rtcp.Nack(7, tuple(range(1, 2000, 20)))],
        [empty, rtcp.BitrateLimit((7,), 1_000_000)],
        [rtcp.ReceiverReport(5, (rtcp.ReportBlock(7, 0, 0, 0, 0, 0, 0),))],
    ]


def test_a_long_nack_goes_out_in_parts_that_fit_a_datagram() -> None:
    sent: list[bytes] = []
    RtcpUpstream(sent.append, 5, "us").request_packets(7, range(0, 17 * 512, 17))
    assert len(sent) == 4
    assert max(map(len, sent)) < 600


def test_an_upstream_nobody_listens_to_raises_nothing() -> None:
    def gone(packet: bytes) -> None:
        raise ConnectionError

    RtcpUpstream(gone, 5, "us").request_keyframe(7)
