"""The rule by which owners share a store: nobody fills it for others, alone or together."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.store.shares import OVERFLOW, SpaceTaken, has_room
from tests.support.examples import examples

MOST = 100


@pytest.mark.parametrize(
    ("size", "kept", "owners", "room"),
    [
        (10, SpaceTaken(90, 80), 2, True),  # all there is in all
        (10, SpaceTaken(80, 80), 2, True),  # all there is for one
        (11, SpaceTaken(80, 80), 2, False),
        (11, SpaceTaken(90, 40), 2, False),  # its share is 50
        (10, SpaceTaken(91, 40), 2, True),
        (10, SpaceTaken(91, 40), 3, False),  # 33
        (10, SpaceTaken(91, 0), 0, False),  # no shares
        (1, SpaceTaken(100, 0), 1000, True),  # a share is one at least
        (2, SpaceTaken(100, 0), 1000, False),
        (1, SpaceTaken(200, 0), 1000, False),  # there is an end to it
        (40, SpaceTaken(500, 300, before=40), 2, True),  # what does not grow
        (41, SpaceTaken(500, 300, before=40), 2, False),
        (41, SpaceTaken(20, 10, before=40), 2, True),
    ],
)
def test_room_for_a_document(size: int, kept: SpaceTaken, owners: int, room: bool) -> None:
    assert has_room(size, kept, MOST, 90, owners) is room


@pytest.mark.parametrize(
    ("replaced", "own", "kept"),
    [(None, False, SpaceTaken(9, 5)), (2, True, SpaceTaken(7, 3, 2)), (2, False, SpaceTaken(7, 5))],
)
def test_what_is_replaced_counts_apart(replaced: int | None, own: bool, kept: SpaceTaken) -> None:
    assert SpaceTaken.counted(9, 5, replaced, own=own) == kept


@given(
    owners=st.integers(2, 8),
    most_of_one=st.integers(1, MOST),
    wishes=st.lists(st.tuples(st.integers(0, 7), st.integers(1, 60)), max_size=60),
)
@settings(max_examples=examples(200))
def test_whoever_has_less_than_an_equal_share_is_served(
    owners: int, most_of_one: int, wishes: list[tuple[int, int]]
) -> None:
    of = [0] * owners
    for number, size in wishes:
        owner = number % owners
        room = has_room(size, SpaceTaken(sum(of), of[owner]), MOST, most_of_one, owners)
        fair = of[owner] + size <= min(MOST // owners, most_of_one)
        assert room or not fair
        if room:
            of[owner] += size
        assert sum(of) <= OVERFLOW * MOST
        assert of[owner] <= most_of_one
