"""Timestamps that follow a source, and pictures that are left out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.job.followed_time import FollowedTime, FrameThinner
from tests.support.examples import examples


def follow(*pictures: tuple[float, float]) -> list[float]:
    """Return the seconds that pictures get, of which the source says one and arrivals another."""
    time = FollowedTime()
    return [
        round(time.follow(round(1000 + said * 90_000), 50.0 + came) / 90_000 - 1000 / 90_000, 3)
        for said, came in pictures
    ]


def test_steps_are_those_of_the_source() -> None:
    assert follow((0, 0), (0.04, 0.05), (0.08, 0.11), (0.12, 0.12)) == [0, 0.04, 0.08, 0.12]


def test_a_pause_is_kept() -> None:
    assert follow((0, 0), (60, 60), (60.04, 60.05)) == [0, 60, 60.04]


def test_a_clock_that_is_set_does_not_show() -> None:
    assert follow((0, 0), (5000, 0.04), (5000.04, 0.08)) == [0, 0.04, 0.08]
    assert follow((9000, 0), (3, 0.04), (3.04, 0.08)) == [9000, 9000.04, 9000.08]


def test_a_clock_that_stood_during_a_pause_is_made_up_for() -> None:
    assert follow((0, 0), (0.04, 60), (0.08, 60.04)) == [0, 60, 60.04]


def test_a_stalled_network_changes_nothing() -> None:
    burst = [(3 + number * 0.04, 6.0) for number in range(10)]
    assert follow((0, 0), *burst) == [0, *(round(said, 3) for said, _ in burst)]


def test_a_picture_that_is_shown_again_lies_between() -> None:
    time = FollowedTime()
    time.follow(0, 10.0)
    assert time.repeat(10.5) == 45_000
    assert time.follow(44_000, 10.51) == 45_001  # captured before; still later than what was shown
    assert time.follow(54_000, 10.6) == 54_000
    assert time.jumps == 0


def test_another_source_goes_on_from_there() -> None:
    time = FollowedTime()
    time.follow(90_000, 10.0)
    time.change_source()
    assert time.follow(80_000, 10.5) == 135_000
    assert time.follow(83_000, 10.6) == 138_000


@given(st.lists(st.tuples(st.integers(-(2**40), 2**40), st.floats(-1, 100)), max_size=40))
@settings(max_examples=examples(300))
def test_times_only_grow(pictures: list[tuple[int, float]]) -> None:
    time = FollowedTime()
    found = [time.follow(said, came) for said, came in pictures]
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("source", "wanted", "expected"),
    [
        (30, 15, 15),
        (30, 24, 24),
        (30, 10, 10),
        (15, 24, 15),
        (30, 30, 30),
        (29.97, 30, 30),
        (60, 7.5, 7.5),
    ],
)
def test_as_many_pictures_are_kept_as_wanted(source: float, wanted: float, expected: float) -> None:
    thinner = FrameThinner(wanted)
    jitter = (0, 200, -200, 100, -50)
    times = [round(n * 90_000 / source) + jitter[n % 5] for n in range(round(source * 20))]
    kept = [time for time in times if thinner.keeps(time)]
    assert abs(len(kept) - expected * 20) <= 2
    assert max(b - a for a, b in pairwise(kept)) <= 2.1 * 90_000 / expected


def test_no_burst_comes_after_a_pause() -> None:
    thinner = FrameThinner(15)
    times = [*range(0, 90_000, 3000), *range(10_000_000, 10_090_000, 3000)]
    assert len([time for time in times if thinner.keeps(time)]) == 30
