"""Pauses of a sender are pauses in the file, stalls of the network are none; time only goes on."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.journey import ON_THE_WAY, START, Journey, Network, Span, travel

PAUSE: Span = (3.0, 9.0)
STALL: Span = (15.0, 18.0)
JITTERS = st.floats(0.0, 0.08)


def off(journey: Journey) -> list[float]:
    """Return by how much each frame is placed away from when it happened."""
    assert len(journey.placed) == len(journey.captured)
    return [
        placed - START - ON_THE_WAY - captured
        for placed, captured in zip(journey.placed, journey.captured, strict=True)
    ]


def assert_in_place(*journeys: Journey, within: float) -> None:
    for journey in journeys:
        assert max(map(abs, off(journey))) <= within
        assert all(later >= earlier for earlier, later in pairwise(journey.placed))


@pytest.mark.parametrize("reports", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("speed", [1e9, 2.0, 1.3])
@pytest.mark.parametrize(
    ("audio_pauses", "video_pauses"),
    [
        ((PAUSE,), ()),
        ((), (PAUSE,)),
        ((PAUSE,), (PAUSE,)),
        ((), ()),
        (((3.0, 4.0), (5.0, 25.0)), ()),
    ],
)
def test_a_pause_is_a_gap_and_a_stall_is_none(
    audio_pauses: tuple[Span, ...], video_pauses: tuple[Span, ...], reports: float, speed: float
) -> None:
    audio = Journey("opus", pauses=audio_pauses, reports=reports)
    video = Journey("vp8", pauses=video_pauses, reports=reports)
    travel(Network(jitter=0.04, stalls=(STALL,), speed=speed), audio, video)
    assert_in_place(audio, video, within=0.08)


def test_what_dtx_leaves_out_is_no_pause_of_the_clock() -> None:
    audio = Journey("opus", silences=((2.0, 12.0),), pauses=((14.0, 20.0),))
    travel(Network(jitter=0.04), audio)
    assert_in_place(audio, within=0.08)


def test_a_stall_in_which_packets_are_lost_is_no_pause() -> None:
    audio = Journey("opus")
    kept = [time for time in audio.times() if not 5.0 <= time < 8.0]
    audio.times = lambda: iter(kept)  # type: ignore[method-assign]
    travel(Network(jitter=0.04, stalls=((4.0, 8.0),)), audio)
    assert_in_place(audio, within=0.08)


@pytest.mark.parametrize("by", [3 * 3600.0, 5.0, -0.5, -5.0, -3 * 3600.0])
@pytest.mark.parametrize("codec", ["opus", "vp8"])
def test_a_clock_that_is_set_is_not_followed(codec: str, by: float) -> None:
    stream = Journey(codec, leaps=((10.0, by),), reports=1.0)
    travel(Network(jitter=0.04), stream)
    assert_in_place(stream, within=0.1)


def test_a_clock_that_is_set_while_it_runs_ahead_does_not_step_back() -> None:
    stream = Journey("opus", seconds=60.0, drift=0.03, leaps=((50.0, 3 * 3600.0),))
    travel(Network(), stream)
    steps = [later - earlier for earlier, later in pairwise(stream.placed)]
    assert 0.0 <= min(steps) <= max(steps) < 0.1


@pytest.mark.parametrize("reports", [0.0, 1.0])
def test_a_clock_that_is_far_too_slow_is_not_followed_for_ever(reports: float) -> None:
    stream = Journey("opus", seconds=150.0, drift=-0.09, reports=reports)
    travel(Network(jitter=0.04), stream)
    assert_in_place(stream, within=10.5)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    jitter=JITTERS,
    pause=st.floats(0.8, 14.0),
    stall=st.floats(0.0, 6.0),
    speed=st.sampled_from([1e9, 3.0, 1.5]),
    drift=st.floats(-2e-4, 2e-4),
    reports=st.sampled_from([0.0, 1.0, 5.0]),
    who=st.sampled_from(["audio", "video", "both"]),
)
def test_sound_and_picture_stay_together_over_pauses(
    seed: int,
    jitter: float,
    pause: float,
    stall: float,
    speed: float,
    drift: float,
    reports: float,
    who: str,
) -> None:
    pauses = ((3.0, 3.0 + pause),)
    end = 3.0 + pause + 2.0
    audio = Journey("opus", drift=drift, reports=reports, pauses=pauses if who != "video" else ())
    video = Journey("vp8", reports=reports, pauses=pauses if who != "audio" else ())
    stalls = ((end, end + stall),)
    travel(Network(jitter, stalls, speed, seed), audio, video)
    assert_in_place(audio, video, within=0.05 + 2 * jitter)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    jitter=st.floats(0.0, 0.4),
    pauses=st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), max_size=3),
    stalls=st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), max_size=3),
    leaps=st.lists(st.tuples(st.floats(0, 20), st.floats(-20_000, 20_000)), max_size=3),
    speed=st.floats(1.01, 100.0),
    drift=st.floats(-0.05, 0.05),
    reports=st.sampled_from([0.0, 1.0]),
)
def test_time_never_goes_back(
    seed: int,
    jitter: float,
    pauses: list[Span],
    stalls: list[Span],
    leaps: list[Span],
    speed: float,
    drift: float,
    reports: float,
) -> None:
    spans = tuple((min(span), max(span)) for span in pauses)
    audio = Journey("opus", 20.0, spans[:1], leaps=tuple(leaps), drift=drift, reports=reports)
    video = Journey("vp8", 20.0, spans[1:2], leaps=tuple(leaps[:1]), reports=reports)
    stuck = tuple((min(span), max(span)) for span in stalls)
    travel(Network(jitter, stuck, speed, seed), audio, video)
    for journey in (audio, video):
        assert len(journey.placed) == len(journey.captured)
        assert all(later >= earlier for earlier, later in pairwise(journey.placed))
