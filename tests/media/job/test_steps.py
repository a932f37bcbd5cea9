"""When steps of sound are due."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from media.job.steps import StepSchedule
from tests.support.examples import examples


def test_the_first_is_due_at_once_and_the_others_every_twenty_milliseconds() -> None:
    schedule = StepSchedule()
    assert schedule.next == 0
    (first,) = schedule.due(100.0)
    assert first.told
    assert list(schedule.due(100.01)) == []
    assert schedule.next == 100.02
    after = list(schedule.due(100.061))
    assert [due.position - first.position for due in after] == [960, 1920, 2880]
    assert not any(due.told for due in after)


@settings(max_examples=examples(200))
@given(st.lists(st.floats(0, 3), min_size=1, max_size=50))
def test_positions_are_times_whatever_was_left_out(waits: list[float]) -> None:
    schedule = StepSchedule()
    now, done = 5000.0, 0
    for wait in [0.0, *waits]:
        now += wait
        steps = list(schedule.due(now))
        assert len(steps) <= 12
        for due in steps:
            assert abs(due.moment - 5000 - (due.position - 48_000) / 48_000) < 1e-6
            assert now - 0.241 < due.moment <= now
        assert now < schedule.next <= now + 0.0201
        done += len(steps)
    assert done + schedule.skipped == round((schedule.next - 5000) / 0.02)
