"""Which part of a stream got lost of late, made of counters of all that ever were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.recent_loss import HOLDS_SECONDS, MOST_COUNTS, RecentLoss


def told(*counts: tuple[float, int, int]) -> list[float | None]:
    """Note so much; return what is told after each."""
    loss, found = RecentLoss(), list[float | None]()
    for at, expected, lost in counts:
        loss.note(expected, lost, at)
        found.append(loss.fraction(at))
    return found


def test_it_is_of_the_last_five_seconds() -> None:
    losing = [(float(at), 100 * at, 25 * at) for at in range(60)]
    better = [(60.0 + at, 6000 + 100 * at, 1500) for at in range(6)]
    assert told(*losing)[1:] == [0.25] * 59
    assert told(*losing, *better)[-6:] == [0.25, 0.2, 0.15, 0.1, 0.05, 0.0]


def test_of_few_packets_it_takes_as_long_as_it_takes() -> None:
    slow = [(float(at), at, at // 10) for at in range(60)]
    assert told(*slow)[19:21] == [None, 0.1]
    assert told(*slow)[-1] == pytest.approx(0.1, abs=0.05)


def test_looks_in_quick_succession_are_one() -> None:
    assert told((0.0, 0, 0), (1.0, 50, 10), (1.1, 51, 11), (1.5, 75, 10))[1:] == [
        0.2, 0.2, pytest.approx(10 / 75),
    ]  # fmt: skip


def test_what_came_long_ago_says_nothing_any_more() -> None:
    loss = RecentLoss()
    for at in range(100):  # it has ceased after three seconds
        loss.note(min(at, 3) * 100, min(at, 3) * 50, float(at))
    assert loss.fraction(2.9 + HOLDS_SECONDS) == 0.5
    assert loss.fraction(3.0 + HOLDS_SECONDS) is None


def test_what_was_lost_before_a_pause_is_not_told_after_it() -> None:
    losing = [(float(at), 50 * at, 25 * at) for at in range(10)]
    again = [(600.0 + at, 451 + at, 225) for at in range(25)]  # few come, as of who is muted
    assert told(*losing, *again)[10:] == [None] * 19 + [0.0] * 6


def test_of_a_pause_itself_it_tells_what_was_lost() -> None:
    assert told((0.0, 0, 0), (1.0, 50, 0), (51.0, 100, 25))[-1] == 0.5


def test_of_too_few_in_half_a_minute_it_tells_nothing() -> None:
    assert set(told(*((2.0 * at, at, at // 2) for at in range(100)))) == {None}


def test_packets_that_come_late_make_up_for_lost_ones() -> None:
    assert told((0.0, 100, 20), (1.0, 200, 0))[-1] == 0.0


def test_who_counts_anew_begins_anew() -> None:
    assert told((0.0, 0, 0), (1.0, 100, 50), (2.0, 10, 0), (3.0, 110, 10))[-1] == 0.1


@given(st.lists(st.tuples(st.integers(), st.integers()), max_size=200))
def test_whatever_is_reported_it_is_a_fraction_and_takes_little_room(
    counts: list[tuple[int, int]],
) -> None:
    loss = RecentLoss()
    for at, (expected, lost) in enumerate(counts):
        loss.note(expected, lost, float(at))
        assert 0.0 <= (loss.fraction(float(at)) or 0.0) <= 1.0
    assert len(loss._counts) <= MOST_COUNTS
