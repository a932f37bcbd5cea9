"""Lines by owner: places go round, bounds hold, and the largest line gives way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.fair_line import FairLine, LineFull, LineLimits

LIMITS = LineLimits(
    places=2,
    places_of_one=1,
    waiting=6,
    waiting_of_one=4,
    waiting_bytes=100,
    waiting_bytes_of_one=60,
)


def called(line: FairLine[str]) -> list[str]:
    """Give out all places there are."""
    found = []
    while (ticket := line.call()) is not None:
        found.append(ticket)
    return found


def test_owners_take_turns_however_many_one_has_sent() -> None:
    line = FairLine[str](replace(LIMITS, places=1))
    for ticket in ("a1", "a2", "a3", "b1", "c1", "b2"):
        line.join(ticket[0], ticket)
    order = []
    while (found := line.call()) is not None:
        order.append(found)
        line.done(found[0])
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert (line.waiting, line.placed) == (0, 0)


def test_one_owner_has_no_more_places_than_one_may() -> None:
    line = FairLine[str](LIMITS)
    for ticket in ("a1", "a2", "b1"):
        line.join(ticket[0], ticket)
    assert called(line) == ["a1", "b1"]
    line.done("b")
    assert called(line) == []
    line.done("a")
    assert called(line) == ["a2"]


def test_an_owner_cannot_have_more_wait_than_one_may() -> None:
    line = FairLine[str](LIMITS)
    for number in range(4):
        line.join("a", f"a{number}")
    with pytest.raises(LineFull):
        line.join("a", "a4")
    line = FairLine[str](LIMITS)
    line.join("a", "a0", 50)
    with pytest.raises(LineFull):
        line.join("a", "a1", 11)
    with pytest.raises(LineFull):
        line.join("b", "b0", 101)


def test_the_newest_of_whom_most_wait_gives_way() -> None:
    line = FairLine[str](LIMITS)
    for ticket in ("a1", "a2", "a3", "a4", "b1", "b2"):
        line.join(ticket[0], ticket)
    assert line.join("c", "c1") == ["a4"]
    assert line.join("c", "c2") == ["a3"]
    with pytest.raises(LineFull):
        line.join("b", "b3")
    assert line.waiting == 6


def test_bytes_give_way_to_who_holds_fewer() -> None:
    line = FairLine[str](LIMITS)
    for ticket in ("a1", "a2", "b1"):
        line.join(ticket[0], ticket, 30)
    assert line.join("c", "c1", 20) == ["a2"]


def test_who_cannot_wait_all_the_same_puts_nobody_out() -> None:
    line = FairLine[str](replace(LIMITS, places=6, places_of_one=2))
    for ticket, size in (("a1", 30), ("a2", 10), ("b1", 30), ("c1", 30)):
        line.join(ticket[0], ticket, size)
    with pytest.raises(LineFull):
        line.join("d", "d1", 30)  # a2 would have to go, and then another
    assert line.waiting == 4
    assert sorted(called(line)) == ["a1", "a2", "b1", "c1"]


def test_who_leaves_is_never_called() -> None:
    line = FairLine[str](LIMITS)
    line.join("a", "a1", 5)
    line.leave("a", "a1")
    line.leave("a", "a1")
    line.leave("x", "x1")
    assert called(line) == []
    assert line.waiting == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["join", "call", "done", "leave"]),
            st.sampled_from("abcd"),
            st.integers(0, 70),
        ),
        max_size=60,
    )
)
def test_bounds_hold_whatever_happens(steps: list[tuple[str, str, int]]) -> None:
    line = FairLine[str](LIMITS)
    waiting: dict[str, tuple[str, int]] = {}
    placed: list[str] = []
    for number, (what, owner, size) in enumerate(steps):
        if what == "join":
            ticket = f"{owner}{number}"
            try:
                gone = line.join(owner, ticket, size)
            except LineFull:
                gone = []
            else:
                waiting[ticket] = owner, size
            for each in gone:
                assert waiting.pop(each)[0] != owner
        elif what == "call":
            found = line.call()
            if found is not None:
                placed.append(waiting.pop(found)[0])
        elif what == "done" and placed:
            line.done(placed.pop())
        elif what == "leave" and waiting:
            ticket = next(iter(waiting))
            line.leave(waiting.pop(ticket)[0], ticket)
        assert line.waiting == len(waiting) <= LIMITS.waiting
        assert line.placed == len(placed) <= LIMITS.places
        assert len(set(placed)) == len(placed)  # one each
        assert sum(bytes_ for _, bytes_ in waiting.values()) <= LIMITS.waiting_bytes
    for owner in placed:
        line.done(owner)
    while waiting:
        found = line.call()
        assert found is not None, "nobody waits for ever"
        line.done(waiting.pop(found)[0])
