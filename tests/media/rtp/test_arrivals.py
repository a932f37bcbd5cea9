"""When packets came, as a sender is told; read back by a reader written from the draft alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp import rtcp
from media.rtp.arrivals import (
    INTERVAL_SECONDS,
    MOST_PENDING,
    MOST_TOLD,
    Arrivals,
    Feedback,
    write_feedback,
)

TICK = 0.00025
START = 1000.0


def read(packet: bytes) -> tuple[int, dict[int, float | None], int]:
    """Return the first number, when each packet came (None: it did not) and the count."""
    assert packet[0] & 0xDF == 0x8F
    assert packet[1] == 205
    assert len(packet) == 4 + 4 * int.from_bytes(packet[2:4])
    assert packet[4:12] == bytes([0, 0, 0, 1, 0, 0, 0, 2])
    first, left = int.from_bytes(packet[12:14]), int.from_bytes(packet[14:16])
    time, count = int.from_bytes(packet[16:19]) * 0.064, packet[19]
    symbols: list[int] = []
    at = 20
    while len(symbols) < left:
        chunk = int.from_bytes(packet[at : at + 2])
        at += 2
        if chunk >> 15 == 0:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif chunk >> 14 == 2:
            symbols += [chunk >> 13 - bit & 1 for bit in range(14)]
        else:
            symbols += [chunk >> 12 - 2 * pair & 3 for pair in range(7)]
    assert all(symbol == 0 for symbol in symbols[left:])
    came: dict[int, float | None] = {}
    for number, symbol in enumerate(symbols[:left], first):
        size = {0: 0, 1: 1, 2: 2}[symbol]
        delta = int.from_bytes(packet[at : at + size], signed=symbol == 2)
        at += size
        time += delta * TICK
        came[number & 0xFFFF] = time if size else None
    padding = packet[-1] if packet[0] & 0x20 else 0
    assert len(packet) - at == padding < 4
    return first, came, count


def told(arrivals: Arrivals, now: float) -> dict[int, float | None]:
    """Return what all feedbacks of one moment say."""
    found: dict[int, float | None] = {}
    for feedback in arrivals.due(now):
        _, came, _ = read(write_feedback(1, 2, feedback))
        assert not found.keys() & came.keys()
        found |= came
    return found


def chunks(feedback: Feedback) -> str:
    """Return the chunks in hexadecimal."""
    packet = write_feedback(1, 2, feedback)
    deltas = sum(ticks is not None for ticks in feedback.ticks)
    padding = packet[-1] if packet[0] & 0x20 else 0
    return packet[20 : len(packet) - padding - deltas].hex(" ", 2)


def test_a_feedback_byte_for_byte() -> None:
    feedback = Feedback(0x1FFFE, (256 * 5 + 3, None, 256 * 5 + 4, 256 * 5 + 400), 7)
    packet = write_feedback(0x01020304, 0x0A0B0C0D, feedback)
    assert packet.hex(" ", 4) == (
        "afcd0006 01020304 0a0b0c0d "  # padded; as words of four bytes
        "fffe0004 00000507 "  # from 65534 on four packets, 5 * 64 ms, the eighth feedback
        "d1800301 018c0002"  # two bits each: near, missing, near, far; three deltas
    )
    assert rtcp.parse_rtcp(packet) == []


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ((0,), "2001"),
        ((0,) * 20, "2014"),
        ((0, None) * 7, "aaaa"),
        ((0, None, None), "a000"),
        ((None,) * 100 + (0,), "0064 2001"),
        ((None,) * 9000 + (0,), "1fff 0329 2001"),
        ((0, None) * 7 + (0,), "aaaa 2001"),
        ((0,) * 13 + (None, 0), "bffe 2001"),
    ],
)
def test_short_chunks_are_chosen(ticks: tuple[int | None, ...], expected: str) -> None:
    assert chunks(Feedback(5, ticks, 0)) == expected


def test_packets_far_apart_are_told_in_two_bytes_each() -> None:
    feedback = Feedback(5, tuple(1000 * number for number in range(10)), 0)
    packet = write_feedback(1, 2, feedback)
    assert packet[20:26].hex(" ", 2) == "daaa 4003 0003"  # two bits for 7, then a run
    _, came, _ = read(packet)
    assert [came[5 + number] for number in range(10)] == pytest.approx(
        [number * 0.25 for number in range(10)]
    )


@given(
    lost=st.lists(st.booleans(), min_size=1, max_size=700),
    gaps=st.lists(st.sampled_from([0.0, 0.001, 0.02, 0.07, 3.0, 9.0]), min_size=1, max_size=9),
    first=st.integers(0, 0xFFFF),
    start=st.floats(1.0, 1_000_000.0),
)
def test_whatever_comes_is_told_once_and_to_the_tick(
    lost: list[bool], gaps: list[float], first: int, start: float
) -> None:
    arrivals, now = Arrivals(), start
    expected: dict[int, float | None] = {}
    for offset, gone in enumerate(lost):
        now += gaps[offset % len(gaps)]
        if not gone:
            arrivals.note(first + offset & 0xFFFF, now)
            expected[first + offset & 0xFFFF] = now % (0.064 * (1 << 24))
    came = told(arrivals, now + 0.1)
    present = {number: time for number, time in came.items() if time is not None}
    assert present.keys() == expected.keys()
    cycle = 0.064 * (1 << 24)
    for number, time in present.items():
        assert (expected[number] - time + 1) % cycle == pytest.approx(1, abs=2 * TICK)
    kept = [offset for offset, gone in enumerate(lost) if not gone]
    if kept:
        everything = {first + offset & 0xFFFF for offset in range(kept[0], kept[-1] + 1)}
        assert came.keys() == everything
    assert told(arrivals, now + 1.0) == {}


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(0, 1)), max_size=300))
def test_no_numbers_make_it_tell_nonsense_or_grow(packets: list[tuple[int, float]]) -> None:
    arrivals, now = Arrivals(), START
    for number, pause in packets:
        now += pause
        arrivals.note(number, now)
        if pause > 0.5:
            for feedback in arrivals.due(now):
                packet = write_feedback(1, 2, feedback)
                assert len(packet) < 1200
                assert read(packet)[1]
    assert len(arrivals._ticks) <= 2 * MOST_PENDING + 1


def test_a_feedback_waits_for_its_time_and_for_news() -> None:
    arrivals = Arrivals()
    assert arrivals.due(START) == []
    arrivals.note(1, START)
    assert told(arrivals, START).keys() == {1}
    arrivals.note(2, START + 0.001)
    assert arrivals.due(START + INTERVAL_SECONDS - 0.001) == []
    assert told(arrivals, START + INTERVAL_SECONDS + 0.001).keys() == {2}
    assert arrivals.due(START + 1) == []


def test_feedbacks_are_counted_over_all() -> None:
    arrivals, counts = Arrivals(), []
    for number in range(300):
        arrivals.note(number, START + number)
        counts += [feedback.count for feedback in arrivals.due(START + number)]
    assert counts == [number & 0xFF for number in range(300)]


def test_a_packet_lost_between_two_feedbacks_is_told_as_missing() -> None:
    arrivals = Arrivals()
    arrivals.note(1, START)
    told(arrivals, START)
    arrivals.note(4, START + 0.1)
    assert told(arrivals, START + 0.1) == {2: None, 3: None, 4: pytest.approx(1000.1, abs=TICK)}


def test_a_packet_that_comes_late_does_not_make_others_pass_for_lost() -> None:
    arrivals = Arrivals()
    for number in (1, 3, 4):
        arrivals.note(number, START)
    assert told(arrivals, START)[2] is None
    arrivals.note(2, START + 0.06)
    assert told(arrivals, START + 0.1) == {
        2: pytest.approx(START + 0.06, abs=TICK),
        3: pytest.approx(START, abs=TICK),
        4: pytest.approx(START, abs=TICK),
    }


def test_a_copy_changes_nothing() -> None:
    arrivals = Arrivals()
    arrivals.note(1, START)
    arrivals.note(1, START + 0.02)
    assert told(arrivals, START + 0.1) == {1: pytest.approx(START, abs=TICK)}
    arrivals.note(1, START + 0.2)
    assert arrivals.due(START + 0.3) == []


def test_a_leap_begins_anew_and_reports_no_losses() -> None:
    arrivals = Arrivals()
    arrivals.note(1, START)
    arrivals.note(30_000, START + 0.01)
    assert told(arrivals, START + 0.1).keys() == {30_000}


def test_who_is_not_asked_for_long_tells_the_latest_only() -> None:
    arrivals = Arrivals()
    for number in range(10_000):
        arrivals.note(number & 0xFFFF, START + number / 1000)
    assert len(arrivals._ticks) <= 2 * MOST_PENDING
    found = arrivals.due(START + 10)
    assert sum(len(feedback.ticks) for feedback in found) == MOST_PENDING
    assert all(len(feedback.ticks) <= MOST_TOLD for feedback in found)
    assert found[-1].first + len(found[-1].ticks) - 1 & 0xFFFF == 9_999
