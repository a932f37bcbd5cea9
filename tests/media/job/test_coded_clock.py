"""When units of a stream were captured: by reports, or by arrival, and without unrest."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.job.sending.coded_clock import LEAP_SECONDS, PACES, PLAUSIBLE_SECONDS, CodedClock

RATE = 90_000
FRAME = 3600  # 40 ms


def times(clock: CodedClock, count: int, *, late: float = 0.0, first: int = 0) -> list[float]:
    """Return the moments of pictures that arrive one behind the other, all of them so late."""
    return [clock.moment(first + n * FRAME & 0xFFFFFFFF, n * 0.04 + late) for n in range(count)]


def test_without_a_report_arrival_counts_and_jitter_does_not_show() -> None:
    clock = CodedClock("video", RATE)
    assert not clock.told
    found = [clock.moment(n * FRAME, 10 + n * 0.04 + (n % 3) * 0.02) for n in range(50)]
    assert found == pytest.approx([10 + n * 0.04 for n in range(50)])


def test_a_report_says_it_before_the_first_unit_at_once() -> None:
    clock = CodedClock("video", RATE)
    clock.take_report(0xFFFFFF00, 99.0)
    assert clock.told
    moment = 99.0 + (FRAME + 256) / RATE
    assert clock.moment(FRAME, 99.6) == pytest.approx(moment)


@given(st.integers(0, 0xFFFFFFFF))
def test_timestamps_go_on_beyond_their_end(first: int) -> None:
    assert times(CodedClock("video", RATE), 20, first=first) == pytest.approx(
        [n * 0.04 for n in range(20)]
    )


@pytest.mark.parametrize("kind", PACES)
@pytest.mark.parametrize("away", [-0.3, 0.3])
def test_a_later_report_moves_times_gently(kind: str, away: float) -> None:
    clock = CodedClock(kind, RATE)
    found = times(clock, 10)
    clock.take_report(9 * FRAME, 9 * 0.04 + away)
    found += [clock.moment(n * FRAME, n * 0.04) for n in range(10, 1000)]
    steps = [after - before for before, after in pairwise(found)]
    assert all(abs(step - 0.04) <= 0.04 * PACES[kind] + 1e-6 for step in steps)
    assert found[-1] == pytest.approx(999 * 0.04 + away)


def test_a_leap_is_taken_at_once() -> None:
    clock = CodedClock("video", RATE)
    times(clock, 10)
    away = LEAP_SECONDS + 0.1
    clock.take_report(9 * FRAME, 9 * 0.04 - away)
    assert clock.moment(10 * FRAME, 0.4) == pytest.approx(0.4 - away)
    assert not clock.backward


def test_a_sender_that_paused_goes_on_where_it_is_now() -> None:
    """Its timestamps stood still meanwhile."""
    clock = CodedClock("video", RATE)
    times(clock, 10)
    assert clock.moment(10 * FRAME, 60.0) == pytest.approx(60.0)


def test_a_report_of_another_time_is_not_believed() -> None:
    clock = CodedClock("video", RATE)
    clock.take_report(0, 50.0 + PLAUSIBLE_SECONDS + 1)
    assert clock.moment(0, 50.0) == 50.0


def test_a_picture_that_is_shown_before_the_last_one_is_known() -> None:
    order = (0, 3, 1, 2, 5, 4)
    clock = CodedClock("video", RATE)
    clock.take_report(0, 0.0)
    shown = [(n, clock.moment(n * FRAME, at * 0.04), clock.backward) for at, n in enumerate(order)]
    assert [n for n, _, backward in shown if backward] == [1, 2, 4]
    assert [time for _, time, _ in sorted(shown)] == pytest.approx([n * 0.04 for n in range(6)])
