"""Times of a source, put to times that go on."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.job.pulling.pulled_time import (
    FIRST_POSITION,
    OutputTime,
    PulledClock,
    PulledPace,
    PulledTime,
)

FRAME = 0.04


def positions(times: list[float | None], *, kind: str = "video") -> list[float]:
    """Return the positions of packets that come every 40 ms, since the first one."""
    time = PulledTime()
    found = [time.place(kind, it, FRAME, 100 + n * FRAME) for n, it in enumerate(times)]
    return [round(it - FIRST_POSITION, 6) for it in found]


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        pytest.param([5.0, 5.04, 5.08], [0, 0.04, 0.08], id="from anywhere"),
        pytest.param([-0.08, -0.04, 0.0], [0, 0.04, 0.08], id="from below zero"),
        pytest.param([0.0, None, 0.08], [0, 0.04, 0.08], id="one is missing"),
        pytest.param([None, None, None], [0, 0.04, 0.08], id="all are missing"),
        pytest.param([0.0, 0.04, 900.0, 900.04], [0, 0.04, 0.08, 0.12], id="a jump ahead"),
        pytest.param([900.0, 900.04, 0.0, 0.04], [0, 0.04, 0.08, 0.12], id="a jump back"),
        pytest.param([0.0, 0.04, 1.0, 1.04], [0, 0.04, 1.0, 1.04], id="a gap"),
        pytest.param([0.0, 0.0, 0.0], [0, 0, 0], id="all the same"),
    ],
)
def test_positions(times: list[float | None], wanted: list[float]):
    assert positions(times) == wanted


def test_sound_and_picture_have_one_zero():
    time = PulledTime()
    video = time.place("video", 7.0, FRAME, 100.0)
    audio = time.place("audio", 7.3, 0.02, 100.2)
    assert audio - video == pytest.approx(0.3)


def test_sound_and_picture_stay_in_step_when_both_jump_one_after_the_other():
    time = PulledTime()
    for number in range(10):
        time.place("video", number * FRAME, FRAME, 100 + number * FRAME)
        time.place("audio", number * FRAME, FRAME, 100 + number * FRAME)
    video = time.place("video", 500.0, FRAME, 100.4)
    late = time.place("audio", 0.4, FRAME, 100.41)  # from before the jump
    audio = time.place("audio", 500.02, FRAME, 100.44)
    assert (video, late) == (pytest.approx(1.4), pytest.approx(1.4))
    assert audio - video == pytest.approx(0.02)
    assert time.jumps == 1


def test_a_source_that_was_opened_anew_goes_on_after_the_time_it_was_away():
    time = PulledTime()
    time.place("video", 3.0, FRAME, 100.0)
    time.restart()
    assert time.place("video", 0.0, FRAME, 104.5) == pytest.approx(FIRST_POSITION + 4.5)
    assert time.place("audio", 0.1, 0.02, 104.6) == pytest.approx(FIRST_POSITION + 4.6)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["audio", "video"]),
            st.none() | st.floats(-1e9, 1e9),
            st.floats(0, 20),
            st.sampled_from([0.0, FRAME, 1e13]),
        ),
        max_size=60,
    )
)
def test_no_time_whatever_leads_far_from_what_has_passed(
    packets: list[tuple[str, float | None, float, float]],
):
    time, now = PulledTime(), 100.0
    latest: dict[str, float] = {}
    for kind, seconds, passed, step in packets:
        now += passed
        position = time.place(kind, seconds, step, now)
        assert position >= latest.get(kind, 0.0) - 0.5
        # Each packet may be three seconds ahead of its arrival, and no more.
        assert position - FIRST_POSITION <= now - 100 + 3.0 * len(packets) + 10.0
        latest[kind] = position


def test_the_clock_is_that_of_the_packet_that_came_soonest():
    clock = PulledClock()
    for position, arrival in ((1.0, 100.5), (1.04, 100.05), (1.08, 100.6)):
        clock.observe(position, arrival)
    assert clock.moment(1.04) == pytest.approx(100.05, abs=0.002)
    assert clock.version == 2


@pytest.mark.parametrize("rate", [0.999, 1.0, 1.001])
def test_the_clock_stays_with_a_source_whose_own_is_slow_or_fast(rate: float):
    """For four hours; an oscillator of a camera is off by a tenth of that."""
    time, clock = PulledTime(), PulledClock()
    for second in range(4 * 3600):
        arrival = 100 + second / rate
        position = time.place("audio", float(second), 1.0, arrival)
        clock.observe(position, arrival)
        assert clock.moment(position) == pytest.approx(arrival, abs=0.003)
    assert time.jumps == 0


def test_a_paced_source_goes_as_fast_as_it_is_shown_and_begins_again_when_it_comes_late():
    pace = PulledPace()
    assert [pace.due(at, 50.0) for at in (1.0, 1.5, 9.0)] == [50.0, 50.5, 58.0]
    assert pace.due(2.0, 51.4) == 51.0  # a little late: it is made up for
    assert pace.due(2.5, 60.0) == 60.0
    assert pace.due(3.0, 60.0) == 60.5


def test_times_of_an_output_follow_each_other_where_those_of_the_source_are_rounded():
    time = OutputTime(48_000, 0.03)
    at = [time.begin(round(number * 0.0213333, 3), 1024) for number in range(50)]
    assert {b - a for a, b in pairwise(at) if a is not None and b is not None} == {1024}


def test_an_output_leaves_a_gap_out_and_what_comes_too_late():
    time = OutputTime(1000, 0.03)
    assert [time.begin(at, 20) for at in (1.0, 1.5, 1.2, 1.49, 1.52)] == [
        1000,
        1500,
        None,
        1520,
        1540,
    ]
