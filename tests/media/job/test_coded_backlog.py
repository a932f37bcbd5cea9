"""Units that wait for a target: never too many, and never pictures without their keyframe."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.job.sending.coded_backlog import CodedBacklog
from media.job.sending.coded_unit import CodedUnit


def unit(kind: str = "video", size: int = 1, *, keyframe: bool = False) -> CodedUnit:
    return CodedUnit(kind, 0.0, bytes(size), keyframe or kind == "audio")


@pytest.mark.parametrize(("units", "size"), [(4, 1), (1000, 25)], ids=["number", "bytes"])
def test_where_there_is_no_room_all_goes_up_to_the_next_keyframe(units: int, size: int) -> None:
    backlog = CodedBacklog(units, 100)
    for number in range(4):
        backlog.put(unit(size=size, keyframe=number == 0))
    assert (len(backlog), backlog.waiting, backlog.dropped) == (4, False, 0)
    backlog.put(unit(size=size))
    assert (len(backlog), backlog.waiting, backlog.dropped) == (0, True, 5)
    backlog.put(unit("audio"))
    backlog.put(unit())
    assert (len(backlog), backlog.dropped) == (1, 6)
    backlog.put(unit(keyframe=True))
    assert not backlog.waiting
    assert [each.kind for each in backlog.take()] == ["audio", "video"]
    assert len(backlog) == 0


def test_sound_alone_waits_for_no_picture() -> None:
    backlog = CodedBacklog(2, 100)
    for _ in range(3):
        backlog.put(unit("audio"))
    assert (len(backlog), backlog.waiting, backlog.dropped) == (1, False, 2)


def test_one_that_is_larger_than_all_there_is_room_for_is_dropped() -> None:
    backlog = CodedBacklog(10, 100)
    backlog.put(unit(size=101, keyframe=True))
    assert (len(backlog), backlog.dropped) == (0, 1)


UNITS = st.lists(
    st.tuples(st.sampled_from(["audio", "video", "take"]), st.integers(1, 60), st.booleans()),
    max_size=60,
)


@given(UNITS)
def test_it_keeps_within_its_bounds_and_counts_what_it_drops(steps: list[tuple]) -> None:
    backlog, put, taken = CodedBacklog(8, 200), 0, []
    for kind, size, keyframe in steps:
        if kind == "take":
            taken += backlog.take()
            continue
        put += 1
        backlog.put(unit(kind, size, keyframe=keyframe))
        assert len(backlog) <= 8
        assert sum(len(each.data) for each in backlog._units) <= 200
    assert put == len(taken) + len(backlog) + backlog.dropped


@given(UNITS)
def test_no_picture_comes_behind_a_hole_without_a_keyframe(steps: list[tuple]) -> None:
    """Pictures are numbered by their length here, one larger each time."""
    backlog, taken, number = CodedBacklog(8, 100_000), [], 0
    for kind, _, keyframe in steps:
        if kind == "take":
            taken += backlog.take()
        elif kind == "video":
            number += 1
            backlog.put(unit(size=number, keyframe=keyframe))
        else:
            backlog.put(unit("audio"))
    pictures = [each for each in taken + backlog.take() if each.kind == "video"]
    for before, after in pairwise(pictures):
        assert after.keyframe or len(after.data) == len(before.data) + 1
