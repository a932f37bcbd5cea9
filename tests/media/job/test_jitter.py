"""The buffer that puts packets in order and says how long they wait."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.job.jitter import LONGEST, MOST_BYTES, MOST_PACKETS, SHORTEST, JitterBuffer
from media.job.pcm import RATE
from tests.support.examples import examples

FRAME = 960
ARRIVALS = st.tuples(
    st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(0, 200).map(lambda each: each * FRAME)),
    st.integers(0, 4000),
    st.floats(0, 5),
)


def drained(buffer: JitterBuffer) -> list[int]:
    times = []
    while (packet := buffer.pop(1 << 60)) is not None:
        times.append(packet[0])
    return times


def test_packets_come_out_in_order_and_once() -> None:
    buffer = JitterBuffer(48_000)
    for place in (0, 2, 1, 1, 4, 3, 2):
        buffer.push(place * FRAME, b"%d" % place, 10 + place / 50)
    assert [buffer.pop(1 << 60) for _ in range(5)] == [(n * FRAME, b"%d" % n) for n in range(5)]
    assert buffer.pop(1 << 60) is None
    assert buffer.repeated == 2


def test_what_begins_later_is_left() -> None:
    buffer = JitterBuffer(48_000)
    buffer.push(0, b"a", 10)
    buffer.push(FRAME, b"b", 10.02)
    assert buffer.pop(FRAME) == (0, b"a")
    assert buffer.pop(FRAME) is None
    assert buffer.pop(FRAME + 1) == (FRAME, b"b")


def test_what_was_given_up_is_not_taken_any_more() -> None:
    buffer = JitterBuffer(48_000)
    buffer.push(FRAME, b"b", 10.02)
    assert buffer.pop(1 << 60) is not None
    buffer.push(0, b"a", 10.03)
    assert buffer.held == 0
    assert buffer.late == 1


def test_times_of_a_slow_clock_count_in_samples_and_wrap() -> None:
    buffer = JitterBuffer(8000)
    first = 0xFFFFFFFF - 159
    for place in range(4):
        buffer.push(first + 160 * place & 0xFFFFFFFF, b"x", 10 + place / 50)
    times = drained(buffer)
    assert [time - times[0] for time in times] == [0, FRAME, 2 * FRAME, 3 * FRAME]
    assert buffer.leaps == 0


@pytest.mark.parametrize(("jitter", "least", "most"), [(0.0, 0.02, 0.021), (0.06, 0.05, 0.085)])
def test_the_delay_follows_the_jitter(jitter: float, least: float, most: float) -> None:
    buffer = JitterBuffer(48_000)
    chance = random.Random(1)
    for place in range(500):
        arrival = 10 + place / 50 + chance.uniform(0, jitter)
        buffer.push(place * FRAME, b"x", arrival)
        buffer.pop(1 << 60)
    assert least <= buffer.delay <= most
    for place in range(500, 1500):
        buffer.push(place * FRAME, b"x", 10 + place / 50)
        buffer.pop(1 << 60)
    assert buffer.delay == pytest.approx(SHORTEST, abs=0.002)


def test_a_clock_that_is_set_is_believed_after_four_packets() -> None:
    buffer = JitterBuffer(48_000)
    for place in range(50):
        buffer.push(place * FRAME, b"x", 10 + place / 50)
    drained(buffer)
    for place in range(50, 60):
        buffer.push(place * FRAME + 100_000_000, b"y", 10 + place / 50)
    assert buffer.leaps == 1
    assert buffer.late == 3
    assert len(drained(buffer)) == 7


def test_one_packet_of_another_time_changes_nothing() -> None:
    buffer = JitterBuffer(48_000)
    for place in range(50):
        buffer.push(place * FRAME, b"x", 10 + place / 50)
        if place % 10 == 5:
            buffer.push(place * FRAME + 100_000_000, b"y", 10 + place / 50)
    assert buffer.leaps == 0
    assert len(drained(buffer)) == 50


def test_a_sender_whose_clock_stood_still_is_heard_again() -> None:
    buffer = JitterBuffer(48_000)
    for place in range(50):
        buffer.push(place * FRAME, b"x", 10 + place / 50)
    drained(buffer)
    for place in range(50, 100):
        buffer.push(place * FRAME, b"x", 70 + place / 50)
    assert buffer.leaps == 1
    assert len(drained(buffer)) >= 46
    assert buffer.place == pytest.approx(70 + buffer.delay, abs=0.001)


def test_a_burst_after_a_stall_is_no_leap() -> None:
    buffer = JitterBuffer(48_000)
    for place in range(200):
        due = place / 50
        buffer.push(place * FRAME, b"x", 10 + (max(due, 2.0) if due > 1 else due))
    assert buffer.leaps == 0


@settings(max_examples=examples(300))
@given(st.lists(ARRIVALS, max_size=300), st.sampled_from([8000, 48_000]))
def test_whatever_comes_the_buffer_is_bounded_and_in_order(
    arrivals: list[tuple[int, int, float]], clock_rate: int
) -> None:
    buffer = JitterBuffer(clock_rate)
    now, leaps, last, given_out = 100.0, 0, -(1 << 62), 0
    for number, (timestamp, size, passed) in enumerate(arrivals):
        now += passed
        buffer.push(timestamp, bytes(size), now)
        assert buffer.held <= MOST_PACKETS
        assert SHORTEST <= buffer.delay <= LONGEST
        if number % 3 == 0 and (packet := buffer.pop(1 << 60)) is not None:
            assert packet[0] > last or buffer.leaps > leaps
            last, leaps = packet[0], buffer.leaps
            given_out += 1
    rest = []
    total = 0
    while (packet := buffer.pop(1 << 60)) is not None:
        rest.append(packet[0])
        total += len(packet[1])
    assert rest == sorted(set(rest))
    assert total <= MOST_BYTES
    assert given_out + len(rest) + buffer.late + buffer.repeated <= len(arrivals)


@settings(max_examples=examples(100))
@given(st.permutations(range(12)), st.integers(0, 0xFFFFFFFF))
def test_any_order_within_the_delay_comes_out_sorted(order: list[int], first: int) -> None:
    buffer = JitterBuffer(48_000)
    buffer.push(first, b"0", 10.0)
    for place in order:
        buffer.push(first + (place + 1) * 480 & 0xFFFFFFFF, b"x", 10.12)
    times = drained(buffer)
    assert times == [times[0] + 480 * place for place in range(13)]
    assert RATE // 100 == 480
