"""One leg: what it makes of packets, and what its receiver may ask of it."""

from __future__ import annotations

import itertools

import pytest

from media.contract.stats import LegState, ReceiverStats
from media.rtp import rtcp
from media.rtp.packet_cache import MOST_TIMES
from media.rtp.receiver import ReceiverReports
from media.rtp.router import Codec, RtpSink, RtpSource
from tests.support.rtp import OPUS, Receiver, Sender, Time, a_sink, a_source, let_flow, rtp, vp8

SECOND = 90_000


def joined(
    *, source: RtpSource | None = None, receiver: Receiver | None = None, **options: object
) -> tuple[RtpSource, RtpSink, Receiver]:
    """Return a source, and a sink that carries it."""
    source = source or a_source()
    receiver = receiver or Receiver()
    sink = a_sink(receiver=receiver, **options)
    sink.attach(source)
    return source, sink, receiver


def play(
    source: RtpSource, count: int, *, start: int = 0, at: float = 1000.0, key: int = 0
) -> None:
    """Send one packet a frame, 30 a second, the `key`th a keyframe."""
    for number in range(start, start + count):
        payload = vp8(number, b"picture", keyframe=number == start + key)
        source.feed(
            rtp(number, number * 3000, payload, ssrc=source.ssrc or 1), at + (number - start) / 30
        )


def test_packets_leave_under_the_names_of_the_leg() -> None:
    source, _, receiver = joined(
        mid=(4, "12"),
        first_sequence=65534,
    )
    sent = vp8(5, b"picture", keyframe=True)
    source.feed(rtp(700, 1000, sent, marker=True), 1.0)
    source.feed(rtp(701, 4000, vp8(6)), 1.1)
    source.feed(rtp(702, 7000, vp8(7)), 1.2)
    first, second, third = receiver.got
    assert (first.ssrc, first.payload_type, first.marker) == (77, 96, True)
    assert first.extension == bytes.fromhex("bede0001 41313200")
    assert first.payload == sent
    assert [packet.sequence for packet in (first, second, third)] == [65534, 65535, 0]
    assert second.timestamp - first.timestamp & 0xFFFFFFFF == 3000
    assert not second.marker


def test_the_payload_type_is_the_sinks() -> None:
    receiver = Receiver()
    sink = a_sink(codec=Codec("vp8", 90_000, 100), receiver=receiver)
    source = a_source()
    sink.attach(source)
    play(source, 1)
    assert receiver.got[0].payload_type == 100


def test_a_leg_begins_at_a_keyframe_and_asks_for_it() -> None:
    sender = Sender()
    source, sink, receiver = joined(source=a_source(sender=sender))
    assert sender.keyframes == 1
    assert sink.state is LegState.WAITING
    play(source, 5, key=3)
    assert [packet.payload for packet in receiver.got] == [
        vp8(3, b"picture", keyframe=True),
        vp8(4, b"picture"),
    ]
    assert sink.state is LegState.FLOWING


def test_sound_begins_with_any_packet() -> None:
    source, _, receiver = joined(source=a_source(codec=OPUS), codec=OPUS)
    source.feed(rtp(5, payload_type=111), 1.0)
    assert len(receiver.data) == 1


def test_packets_keep_their_order_of_arrival_and_their_number() -> None:
    source, _, receiver = joined(first_sequence=100)
    play(source, 1)
    for number in (1, 4, 2, 3, 5):
        source.feed(rtp(number, number * 3000, vp8(number)), 1.0)
    assert receiver.sequences == [100, 101, 104, 102, 103, 105]


def test_what_was_sent_before_the_leg_began_is_not_sent() -> None:
    source, sink, receiver = joined(first_sequence=100)
    play(source, 1, start=10)
    source.feed(rtp(9, 9 * 3000, vp8(9)), 1.0)
    assert receiver.sequences == [100]
    assert sink.counts.late == 1


def test_a_keyframe_that_comes_late_is_no_beginning() -> None:
    sender, time = Sender(), Time()
    source, sink, receiver = joined(source=a_source(sender=sender, time=time))
    source.feed(rtp(1, 3000, vp8(1)), 1.0)
    source.feed(rtp(3, 9000, vp8(3)), 1.0)
    time.now += 1
    source.feed(rtp(2, 6000, vp8(2, keyframe=True)), 1.0)
    assert receiver.data == []
    assert sink.state is LegState.WAITING
    assert sender.keyframes == 2


def test_packets_with_nothing_in_them_leave_no_gap() -> None:
    source, _, receiver = joined(first_sequence=100)
    play(source, 1)
    source.feed(rtp(1, 0, b"", padding=200), 1.0)
    source.feed(rtp(2, 0, b"", padding=200), 1.0)
    source.feed(rtp(3, 3000, vp8(1)), 1.0)
    assert receiver.sequences == [100, 101]
    source.feed(rtp(5, 3000, b"", padding=200), 1.0)  # 4 comes late
    source.feed(rtp(6, 6000, vp8(2)), 1.0)
    source.feed(rtp(4, 3000, vp8(1)), 1.0)
    assert receiver.sequences == [100, 101, 103, 102]


def test_an_empty_packet_that_comes_late_fills_the_gap_it_left() -> None:
    source, _, receiver = joined(first_sequence=100)
    play(source, 1)
    source.feed(rtp(2, 3000, vp8(1)), 1.0)
    source.feed(rtp(1, 0, b"", padding=200), 1.0)
    assert receiver.sequences == [100, 102, 101]
    assert receiver.got[2].payload == b""


def test_a_switch_of_sources_shows_in_no_number() -> None:
    time = Time()
    old = a_source("old", time=time)
    new = a_source("new", time=time, ssrc=2)
    _, sink, receiver = joined(source=old)
    play(old, 10, start=500, at=1000.0)
    sink.attach(new)
    play(old, 2, start=510, at=1000.0 + 10 / 30, key=-1)  # the old one goes on until the keyframe
    play(new, 5, start=65530, at=1000.0 + 12 / 30 + 0.005, key=2)
    play(old, 3, start=512, at=1000.0 + 15 / 30)
    got = receiver.got
    first = got[0].sequence
    assert [packet.sequence - first & 0xFFFF for packet in got] == list(range(15))
    times = [packet.timestamp - got[0].timestamp & 0xFFFFFFFF for packet in got]
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert steps[:11] == [3000] * 11
    assert steps[11] == pytest.approx(3000 * 3 + 0.005 * SECOND, abs=2)
    assert steps[12:] == [3000] * 2
    pictures = [packet.payload[2] << 8 & 0x7F00 | packet.payload[3] for packet in got]
    assert pictures == list(range(500, 515))
    layers = [packet.payload[4] for packet in got]
    assert layers == [number & 0xFF for number in range(500, 515)]


def test_time_goes_on_even_if_clocks_say_otherwise() -> None:
    old, new = a_source("old"), a_source("new", ssrc=2)
    _, sink, receiver = joined(source=old)
    play(old, 3, at=1000.0)
    sink.attach(new)
    play(new, 3, at=999.0)
    times = [packet.timestamp - receiver.got[0].timestamp & 0xFFFFFFFF for packet in receiver.got]
    assert times == sorted(set(times))


def test_a_pause_is_time_that_passed_and_ends_with_a_keyframe() -> None:
    sender, time = Sender(), Time()
    source, sink, receiver = joined(source=a_source(sender=sender, time=time))
    play(source, 3)
    sink.pause()
    assert sink.state is LegState.PAUSED
    play(source, 30, start=3, at=1000.1, key=-1)
    time.now += 2
    sink.resume()
    assert (sink.state, sender.keyframes) == (LegState.WAITING, 2)
    play(source, 4, start=33, at=1001.1, key=2)
    got = receiver.got
    assert [packet.sequence - got[0].sequence & 0xFFFF for packet in got] == list(range(5))
    assert (got[3].timestamp - got[2].timestamp) & 0xFFFFFFFF == pytest.approx(33 * 3000, abs=2)


def test_a_paused_leg_may_be_attached_elsewhere() -> None:
    old, new = a_source("old"), a_source("new", ssrc=2)
    _, sink, receiver = joined(source=old)
    sink.pause()
    sink.attach(new)
    play(new, 2)
    assert receiver.data == []
    sink.resume()
    play(old, 2)
    play(new, 2, start=2)
    assert [packet.payload for packet in receiver.got] == [
        vp8(2, b"picture", keyframe=True),
        vp8(3, b"picture"),
    ]


def test_a_leg_detached_is_silent_at_once_and_goes_on_where_it_stopped() -> None:
    source, sink, receiver = joined(first_sequence=7)
    play(source, 3)
    sink.detach()
    play(source, 3, start=3)
    assert (receiver.sequences, sink.state) == ([7, 8, 9], LegState.IDLE)
    sink.attach(source)
    play(source, 2, start=6)
    assert receiver.sequences == [7, 8, 9, 10, 11]


def test_a_source_that_ends_leaves_its_legs_idle() -> None:
    source, sink, _ = joined()
    play(source, 3)
    source.close()
    play(source, 3, start=3)
    assert (sink.state, sink.source, sink.counts.packets) == (LegState.IDLE, None, 3)


def test_a_source_that_ends_while_awaited_leaves_the_leg_with_the_old_one() -> None:
    old, new = a_source("old"), a_source("new", ssrc=2)
    _, sink, receiver = joined(source=old)
    play(old, 3)
    sink.attach(new)
    old.close()
    assert sink.state is LegState.WAITING
    play(new, 2)
    assert len(receiver.data) == 5


def test_a_sender_that_begins_anew_is_awaited_at_a_keyframe() -> None:
    source, sink, receiver = joined(source=a_source(ssrc=None), first_sequence=0)
    play(source, 3)
    source.feed(rtp(900, 0, vp8(0), ssrc=5), 1000.08)  # too soon to be a successor
    assert source.counts.foreign == 1
    source.feed(rtp(901, 0, vp8(0), ssrc=5), 1001.0)
    assert (source.ssrc, sink.state) == (5, LegState.WAITING)
    play(source, 3, start=902, at=1001.1)
    assert receiver.sequences == list(range(6))
    pictures = [packet.payload[3] for packet in receiver.got]
    assert pictures == list(range(6))


def test_a_missing_packet_is_sent_again_byte_for_byte() -> None:
    source, sink, receiver = joined(first_sequence=65530)
    play(source, 20)
    lost = [receiver.sequences[number] for number in (2, 7, 19)]
    sink.feed_rtcp(rtcp.write_nack(1, 77, lost), 1001.0)
    assert receiver.data[20:] == [receiver.data[number] for number in (2, 7, 19)]
    assert (sink.counts.nacks, sink.counts.retransmitted, sink.counts.packets) == (3, 3, 20)


def test_what_cannot_leave_again_either_counts_as_dropped_and_not_as_sent_again() -> None:
    source, sink, receiver = joined(first_sequence=65530)
    play(source, 20)
    lost = [receiver.sequences[number] for number in (2, 7)]
    receiver.full = True
    sink.feed_rtcp(rtcp.write_nack(1, 77, lost), 1001.0)
    assert (sink.counts.nacks, sink.counts.retransmitted, sink.counts.dropped) == (2, 0, 2)


def test_a_packet_from_before_a_switch_is_sent_again_as_it_was() -> None:
    old, new = a_source("old"), a_source("new", ssrc=2)
    _, sink, receiver = joined(source=old)
    play(old, 5, start=100)
    sink.attach(new)
    play(new, 5, start=200)
    sink.feed_rtcp(rtcp.write_nack(1, 77, receiver.sequences[3:8]), 1001.0)
    assert receiver.data[10:] == receiver.data[3:8]
    sink.detach()
    sink.feed_rtcp(rtcp.write_nack(1, 77, receiver.sequences[9:10]), 1001.0)
    assert receiver.data[15] == receiver.data[9]


def test_retransmissions_have_a_stream_of_their_own_where_there_is_one() -> None:
    source, sink, receiver = joined(rtx=(97, 78), mid=(4, "0"), first_sequence=40)
    play(source, 3)
    sink.feed_rtcp(rtcp.write_nack(1, 77, [41, 42]), 1001.0)
    again, next_one = receiver.got[3:]
    original = receiver.got[1]
    assert (again.payload_type, again.ssrc, again.extension) == (97, 78, original.extension)
    assert again.payload == (41).to_bytes(2) + original.payload
    assert again.timestamp == original.timestamp
    assert next_one.sequence == again.sequence + 1


def test_what_is_gone_or_was_never_sent_is_not_sent_again() -> None:
    source, sink, receiver = joined(first_sequence=0)
    play(source, 600)
    sink.feed_rtcp(rtcp.write_nack(1, 77, [0, 87, 88, 599, 600, 30_000]), 1021.0)
    assert receiver.sequences[600:] == [88, 599]
    sink.feed_rtcp(rtcp.write_nack(1, 12345, [599]), 1022.0)  # another leg's
    assert len(receiver.data) == 602


def test_a_packet_that_comes_far_too_late_takes_no_newer_ones_place() -> None:
    source, sink, receiver = joined(first_sequence=0)
    play(source, 10)
    play(source, 600, start=11, key=-1)
    play(source, 1, start=10, key=-1)
    sink.feed_rtcp(rtcp.write_nack(1, 77, [10 + 512]), 1021.0)
    assert receiver.sequences[-2:] == [10, 522]


def test_one_packet_is_not_sent_again_too_soon_or_too_often() -> None:
    source, sink, receiver = joined(first_sequence=0)
    play(source, 100)
    ask = rtcp.write_nack(1, 77, [50])
    sink.feed_rtcp(ask, 1010.0)
    sink.feed_rtcp(ask, 1010.01)
    assert len(receiver.data) == 101
    for second in range(20):
        sink.feed_rtcp(ask, 1011.0 + second)
    assert len(receiver.data) == 100 + MOST_TIMES


def test_a_receiver_that_asks_for_all_again_gets_half_of_it() -> None:
    source, sink, _receiver = joined(first_sequence=0)
    play(source, 1)
    for start in range(1, 3001, 100):
        play(source, 100, start=start, key=-1)
        sink.feed_rtcp(rtcp.write_nack(1, 77, range(start, start + 100)), 1000.0 + start)
    assert 1500 <= sink.counts.retransmitted <= 1500 + 512


def test_a_way_that_is_full_costs_the_packet_and_nothing_else() -> None:
    receiver = Receiver()
    source, sink, _ = joined(receiver=receiver, first_sequence=0)
    other = Receiver()
    a_sink("other", receiver=other).attach(source)
    play(source, 3)
    receiver.full = True
    play(source, 2, start=3, key=-1)
    receiver.full = False
    play(source, 1, start=5, key=-1)
    assert receiver.sequences == [0, 1, 2, 5]
    assert sink.counts.dropped == 2
    assert len(other.data) == 6
    sink.feed_rtcp(rtcp.write_nack(1, 77, [3, 4]), 1001.0)
    assert receiver.sequences == [0, 1, 2, 5, 3, 4]


def test_a_receivers_request_for_a_keyframe_reaches_the_sender() -> None:
    sender, time = Sender(), Time()
    source, sink, _ = joined(source=a_source(sender=sender, time=time))
    play(source, 2)
    time.now += 1
    sink.feed_rtcp(rtcp.write_pli(1, 77), 1001.0)
    assert sender.keyframes == 2
    time.now += 1
    sink.feed_rtcp(rtcp.write_pli(1, 12345), 1002.0)
    assert (sender.keyframes, sink.counts.keyframe_requests) == (2, 1)


def test_a_fir_said_twice_counts_once() -> None:
    sender, time = Sender(), Time()
    source, sink, _ = joined(source=a_source(sender=sender, time=time))
    play(source, 2)
    for number in (3, 3, 4):
        time.now += 1
        fir = bytes([0x84, 206, 0, 4]) + bytes(8) + (77).to_bytes(4) + bytes([number, 0, 0, 0])
        sink.feed_rtcp(fir, 1001.0)
    assert sender.keyframes == 3


def test_a_paused_leg_asks_for_no_keyframe() -> None:
    sender, time = Sender(), Time()
    source, sink, _ = joined(source=a_source(sender=sender, time=time))
    play(source, 2)
    sink.pause()
    time.now += 1
    sink.feed_rtcp(rtcp.write_pli(1, 77), 1001.0)
    assert sender.keyframes == 1


def test_the_sender_is_told_the_lowest_limit_of_those_that_listen() -> None:
    sender = Sender()
    source = a_source(sender=sender)
    sinks = [joined(source=source, receiver=Receiver())[1] for _ in range(2)]
    for number, sink in enumerate(sinks):
        sink.id = f"sink-{number}"
    play(source, 2)
    for sink in sinks:
        let_flow(sink, 4_000_000, 1000.0)
    sinks[0].feed_rtcp(rtcp.write_remb(1, (77,), 2_000_000), 1000.0)
    sinks[1].feed_rtcp(rtcp.write_remb(1, (77,), 800_000), 1000.1)  # lower: at once
    sinks[0].feed_rtcp(rtcp.write_remb(1, (77,), 3_000_000), 1000.2)  # no news
    sinks[0].feed_rtcp(rtcp.write_remb(1, (77,), 3_000_000), 1001.3)
    assert sender.limits == [2_000_000, 800_000, 800_000]
    sinks[1].pause()
    sinks[0].feed_rtcp(rtcp.write_remb(1, (77,), 3_000_000), 1002.4)
    assert sender.limits[3:] == [pytest.approx(3_000_000, rel=0.001)]


@pytest.mark.parametrize(
    ("limit", "told"),
    [(500_000, 500_000), (850_000, 850_000), (950_000, 1_000_000_000), (1_500_000, 1_000_000_000)],
)
def test_a_receiver_that_gets_little_limits_nobody(limit: int, told: int) -> None:
    sender = Sender()
    source, sink, _ = joined(source=a_source(sender=sender))
    play(source, 2)
    let_flow(sink, 1_000_000, 1001.0)
    sink.feed_rtcp(rtcp.write_remb(1, (77,), limit), 1001.1)
    assert sender.limits == [pytest.approx(told, rel=0.001)]


def test_no_receiver_can_limit_the_sender_to_nothing() -> None:
    sender = Sender()
    source, sink, _ = joined(source=a_source(sender=sender))
    play(source, 2)
    let_flow(sink, 1_000_000, 1000.0)
    sink.feed_rtcp(rtcp.write_remb(1, (77,), 1), 1000.0)
    assert sender.limits == [100_000]


def test_reports_of_the_receiver_are_told_in_the_stats() -> None:
    source, sink, receiver = joined()
    play(source, 30)
    sink.beat(1001.0)
    (report,) = rtcp.parse_rtcp(receiver.reports[-1]) or []
    assert isinstance(report, rtcp.SenderReport)
    last = report.ntp >> 16 & 0xFFFFFFFF
    for lost, highest, arrival in ((2, 0xFFFFFFF0, 1000.75), (12, 4, 1001.75)):
        block = rtcp.ReportBlock(77, 1, lost, highest, 900, last, 65536 // 2)
        sink.feed_rtcp(rtcp.write_receiver_report(1, (block,), "them"), arrival)
    remote = sink.stats().receiver
    assert (remote.lost, remote.fraction_lost, remote.jitter) == (12, 0.5, 0.01)
    assert remote.round_trip == pytest.approx(0.25, abs=0.001)


def test_of_a_receiver_that_reports_no_more_nothing_is_told_but_the_count() -> None:
    reports = ReceiverReports()
    for number in range(3):
        block = rtcp.ReportBlock(77, 0, 10 * number, 100 * number, 900, 0, 0)
        reports.take_report(block, 1000.0 + number)
    assert reports.stats(90_000, 1031.9).fraction_lost == 0.1
    assert reports.stats(90_000, 1032.0) == ReceiverStats(20, None, None, None, None)


def test_reports_without_sense_are_left_aside() -> None:
    _, sink, _ = joined()
    sink.feed_rtcp(b"\x80\xc9", 1000.0)
    block = rtcp.ReportBlock(77, 0, 0, 0, 0, 1, 0)  # a round trip of days
    sink.feed_rtcp(rtcp.write_receiver_report(1, (block,), "them"), 1000.0)
    assert (sink.counts.malformed, sink.stats().receiver.round_trip) == (1, None)


def test_the_bitrate_is_that_of_the_last_second() -> None:
    source, sink, receiver = joined()
    sink.beat(1000.0)
    source.beat(1000.0)
    play(source, 30)
    octets = sum(len(packet.payload) for packet in receiver.got)
    sink.beat(1002.0)
    source.beat(1002.0)
    assert sink.stats().bitrate == source.stats().bitrate == octets * 4


def test_vp8_without_picture_ids_goes_through_as_it_is() -> None:
    source, sink, receiver = joined()
    payloads = [b"\x10\x00key", b"\x10\x01delta"]
    for number, payload in enumerate(payloads):
        source.feed(rtp(number, number, payload), 1000.0)
    sink.pause()
    sink.resume()
    source.feed(rtp(2, 2, payloads[0]), 1001.0)
    assert [packet.payload for packet in receiver.got] == [*payloads, payloads[0]]
