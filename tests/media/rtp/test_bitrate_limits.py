"""What a sender is told of what its receivers can take."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from media.rtp import rtcp
from media.rtp.bitrate_limits import TIMES_TOLD, UNLIMITED, BitrateLimits, ReceiverLimit
from media.rtp.router import RtpSink, RtpSource
from tests.support.rtp import Receiver, Sender, Time, a_sink, a_source, let_flow, rtp, vp8

K = 1000


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ([900], 900),
        ([900, 300], 300),
        ([900, 50], 100),  # no receiver limits the sender to nothing
        ([900, 800, 300], 800),  # under half of 800
        ([900, 600, 300], 300),  # just half of 600
        ([900, 599, 299], 599),
        ([900, 400, 300], 300),
        ([900, 800, 300, 310], 300),  # of four, the lower middle: half of them cannot be left out
        ([900, 800, 700, 310], 700),
        ([900, 800, 700, 310, 320], 700),
        ([1_000_000, 1_000_000, 300], 1_000_000),
        ([1_000_000, 300, 310], 300),
        ([50, 40, 10], 100),
    ],
)
def test_the_lowest_counts_that_is_not_far_below_the_others(limits: list[int], told: int) -> None:
    kept = BitrateLimits()
    for number, limit in enumerate(limits):
        kept.set(f"{number}", limit * K, 1000.0)
    assert kept.set("0", limits[0] * K, 1002.0) == told * K


def test_who_is_silent_or_gone_counts_no_more() -> None:
    kept = BitrateLimits()
    for name, limit in (("a", 900), ("b", 800), ("c", 300)):
        kept.set(name, limit * K, 1000.0)
    assert kept.set("a", 900 * K, 1001.5) == 800 * K
    kept.forget("b")
    assert kept.set("a", 900 * K, 1003.0) == 300 * K
    assert kept.set("a", 900 * K, 1011.0) == 900 * K


def beats(source: RtpSource, time: Time, count: int) -> None:
    for _ in range(count):
        time.now += 1.0
        source.beat(time.now)


@pytest.mark.parametrize("leave", [RtpSink.detach, RtpSink.pause, RtpSink.close])
def test_the_sender_is_told_when_who_limited_it_has_left(leave: Callable[[RtpSink], None]) -> None:
    sender, time, source, sinks = legs([900, 500])
    assert sender.limits == [900 * K, 500 * K]
    beats(source, time, 5)
    assert sender.limits == [900 * K, 500 * K]
    leave(sinks[1])
    beats(source, time, 5)  # by nobody's word
    assert sender.limits[2:] == [900 * K] * TIMES_TOLD
    leave(sinks[0])
    beats(source, time, 9)
    assert sender.limits[2 + TIMES_TOLD :] == [UNLIMITED] * TIMES_TOLD


def test_who_falls_silent_limits_nobody_any_more() -> None:
    sender, time, source, sinks = legs([900, 500])
    for _ in range(11):
        beats(source, time, 1)
        sinks[0].feed_rtcp(rtcp.write_remb(1, (77,), 900 * K), time.now)
    assert set(sender.limits[1:-1]) == {500 * K}
    assert sender.limits[-1] == 900 * K
    beats(source, time, 20)
    assert sender.limits[-TIMES_TOLD:] == [UNLIMITED] * TIMES_TOLD


def test_who_said_nothing_leaves_without_a_word() -> None:
    sender, time, source, sinks = legs([])
    beats(source, time, 5)
    other = a_sink("other", time=time)
    other.attach(source)
    other.detach()
    beats(source, time, 5)
    assert sinks == []
    assert sender.limits == []


def legs(limits: list[int], **options: object) -> tuple[Sender, Time, RtpSource, list[RtpSink]]:
    """Return a sender, and a leg for each receiver that says what it can take."""
    sender, time = Sender(), Time()
    source = a_source(sender=sender, time=time, **options)
    sinks = [a_sink(f"leg-{number}", time=time) for number in range(len(limits))]
    for sink in sinks:
        sink.attach(source)
    source.feed(rtp(1, 0, vp8(1, keyframe=True)), time.now)
    for sink, limit in zip(sinks, limits, strict=True):
        let_flow(sink, 2000 * K, time.now)
        sink.feed_rtcp(rtcp.write_remb(1, (77,), limit * K), time.now)
    return sender, time, source, sinks


@pytest.mark.parametrize(
    ("limits", "asked"),
    [([900, 900, 300], 4), ([900, 300], 10), ([900, 900, 800], 10), ([900, 300, 300], 10)],
)
def test_keyframes_for_who_is_left_out_come_every_three_seconds(
    limits: list[int], asked: int
) -> None:
    sender, time, source, sinks = legs(limits)
    before = sender.keyframes
    for _ in range(10):
        time.now += 1.0
        sinks[-1].feed_rtcp(rtcp.write_pli(1, 77), time.now)
        for sink, limit in zip(sinks, limits, strict=True):
            sink.feed_rtcp(rtcp.write_remb(1, (77,), limit * K), time.now)
        source.tick(time.now)
    assert sender.keyframes - before == asked
    time.now += 1.0
    sinks[0].feed_rtcp(rtcp.write_pli(1, 77), time.now)
    assert sender.keyframes - before == asked + 1  # those of the others always count


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ([], 300),
        ([900], 300),
        ([900, 800, 700], 300),
        ([200], 200),
        ([50], 100),
        ([900, 200], 200),
        ([900, 800, 200], 300),  # who takes far less than the others is left out still
    ],
)
def test_more_than_the_most_is_never_told(limits: list[int], told: int) -> None:
    kept = BitrateLimits(300 * K)
    said = [kept.set(f"{number}", limit * K, 1000.0) for number, limit in enumerate(limits)]
    assert all(limit is None or limit <= 300 * K for limit in said)
    assert (kept.set("0", limits[0] * K, 1002.0) if limits else kept.due(1000.0)) == told * K


def test_the_most_may_be_less_than_receivers_can_say() -> None:
    kept = BitrateLimits(32 * K)
    assert kept.due(1000.0) == 32 * K
    assert kept.set("a", 900 * K, 1005.0) == 32 * K


def test_the_most_is_told_every_few_seconds_though_nobody_else_limits() -> None:
    sender, time, source, _ = legs([], most=300 * K)
    beats(source, time, 30)
    assert 30 / 4 <= len(sender.limits[TIMES_TOLD:]) <= 30 / 3
    assert set(sender.limits) == {300 * K}


def test_with_a_most_who_leaves_makes_it_no_more_than_that() -> None:
    sender, time, source, sinks = legs([900, 200], most=300 * K)
    assert sender.limits == [300 * K, 200 * K]
    for sink in sinks:
        sink.detach()
    beats(source, time, 60)
    assert set(sender.limits[2:]) == {300 * K}
    assert len(sender.limits) > 60 / 4


Word = tuple[float, int, int, bool]  # at which time, its limit, what flows (kbit/s); does it bind


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            [(0, 500, 0, False), (1, 80, 0, False), (2, 500, 600, True)],
            id="before it is known what flows it says nothing",
        ),
        pytest.param([(0, 500, 600, True)], id="a first word below what flows is believed"),
        pytest.param([(0, 590, 600, False)], id="a first word about what flows says nothing"),
        pytest.param([(0, 900, 600, False)], id="nor does one far above"),
        pytest.param(
            [(0, 300, 200, False), (1, 300, 1700, False), (2, 324, 1700, False)]
            + [(2 + n, 324 * 108**n // 100**n, 1700, False) for n in range(1, 20)],
            id="one that grows has not caught up with what flows",
        ),
        pytest.param(
            [(0, 1500, 1000, False)] + [(n / 8, 1500 + 4 * n, 1700, False) for n in range(1, 80)],
            id="however slowly it grows",
        ),
        pytest.param(
            [(0, 420, 300, False), (1, 420, 1700, False), (2, 420, 1700, True)],
            id="one that grows no more has found its path full",
        ),
        pytest.param(
            [
                *((0, 2300, 1700, False), (1, 1400, 1700, True), (2, 1500, 1400, True)),
                *((3, 1620, 1500, True), (4, 2300, 1700, False), (5, 2290, 1700, False)),
                (6, 1900, 1700, True),
            ],
            id="one that falls binds until it is well above what flows",
        ),
        pytest.param(
            [
                *((0, 450, 300, False), (20, 450, 300, False), (21, 450, 1700, False)),
                *((22, 486, 1700, False), (23, 525, 1700, False)),
            ],
            id="a picture may be quiet for long and then busy",
        ),
    ],
)
def test_a_limit_binds_when_it_says_what_the_path_takes(words: list[Word]) -> None:
    limit = ReceiverLimit()
    for at, said, flowing, binds in words:
        expected = said * K if binds else UNLIMITED
        assert limit.binding(said * K, flowing * K, 1000.0 + at) == expected, (at, said)


def test_a_leg_that_begins_anew_has_said_nothing_yet() -> None:
    sender, time, source, (sink,) = legs([900])
    receiver = Receiver()
    assert sender.limits == [pytest.approx(900 * K, rel=0.001)]
    sink.pause()
    sink.resume()
    source.feed(rtp(2, 3000, vp8(2, keyframe=True)), time.now)
    assert sink.stats().receiver.limit is None
    let_flow(sink, 3000 * K, time.now + 2)
    sink.feed_rtcp(rtcp.write_remb(1, (77,), 2000 * K), time.now + 2)
    assert sender.limits[-1] == pytest.approx(2000 * K, rel=0.001)
    assert receiver.data == []
