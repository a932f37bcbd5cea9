"""When a keyframe is asked for: as often as segments end, whatever else asks for some."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.job.sending.broadcast_pace import LEAST_SECONDS, KeyframePace, least_seconds


def test_none_is_due_before_the_first_came() -> None:
    assert not KeyframePace(2.0).due(1e9)


def test_one_is_due_a_segment_after_the_last_that_began_one() -> None:
    pace = KeyframePace(4.0)
    pace.note(10.0)
    pace.note(11.0)  # it ends no segment: that would be too short
    assert not pace.due(13.9)
    assert pace.due(14.0)
    pace.note(14.1)
    assert not pace.due(18.0)


def test_a_segment_is_never_shorter_than_a_number_of_it_stands_for() -> None:
    assert least_seconds(0.5) == LEAST_SECONDS
    assert least_seconds(6.0) == 3.0


@given(st.lists(st.floats(0.05, 1.0), min_size=20, max_size=200), st.sampled_from([2.0, 4.0, 6.0]))
def test_segments_keep_their_length_though_viewers_ask_too(
    gaps: list[float], seconds: float
) -> None:
    """A keyframe comes whenever one is due, and besides whenever a viewer came."""
    pace, now, begun = KeyframePace(seconds), 0.0, 0.0
    pace.note(now)
    for gap in gaps:
        now += gap
        if pace.due(now):
            assert now - begun <= seconds + 1.0
        pace.note(now)
        if now - begun >= least_seconds(seconds):
            begun = now
        assert not pace.due(begun + seconds - 0.01)
