"""When something outside is tried again."""

from __future__ import annotations

import pytest

from media.contract.streaming import OutsideTrouble
from media.job.back_off import BackOff

T = OutsideTrouble


@pytest.mark.parametrize("trouble", [T.UNREACHABLE, T.SILENT, T.ENDED])
def test_who_is_not_there_is_tried_at_once_and_then_each_second(trouble: OutsideTrouble):
    back_off = BackOff(30.0)
    assert [back_off.pause(trouble) for _ in range(5)] == [0.0, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("trouble", [T.UNAUTHORISED, T.NOT_FOUND, T.REFUSED, T.UNREADABLE])
def test_who_refuses_is_tried_ever_more_seldom(trouble: OutsideTrouble):
    back_off = BackOff(30.0, lambda: 0.5)
    assert [back_off.pause(trouble) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 0.75), (0.5, 1.0), (1.0, 1.25)])
def test_chance_makes_a_pause_a_quarter_longer_or_shorter(chance: float, pause: float):
    assert BackOff(30.0, lambda: chance).pause(T.REFUSED) == pause


def test_no_pause_is_longer_than_the_longest():
    assert BackOff(1.0, lambda: 1.0).pause(T.REFUSED) == 1.0


def test_it_begins_anew_once_it_went_well():
    back_off = BackOff(30.0, lambda: 0.5)
    for _ in range(4):
        back_off.pause(T.REFUSED)
    back_off.settled()
    assert (back_off.pause(T.ENDED), back_off.pause(T.REFUSED)) == (0.0, 1.0)


def test_the_pauses_of_ten_thousand_refusals_are_finite():
    back_off = BackOff(30.0)
    assert max(back_off.pause(T.REFUSED) for _ in range(10_000)) <= 30.0
