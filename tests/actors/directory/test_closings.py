"""The table of what the operator has ordered: what is closed, and who stays out, and its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.directory.closings import Closings
from actors.words.closings import (
    ClosedByOperator,
    Closing,
    Expulsion,
    MemberExpelled,
    TooManyClosings,
)
from actors.words.keys import MemberKey, RoomKey

TEA, BLUE = RoomKey("test", "tea"), RoomKey("test", "blue")
ANN = MemberKey("test", "ann")


def test_a_closed_room_says_until_when_and_why() -> None:
    table = Closings()
    table.close(Closing(TEA, 20.0, "Repairs", "olga"), 10.0, 1)
    with pytest.raises(ClosedByOperator) as refused:
        table.check_room(TEA, 19.9)
    assert (refused.value.until, refused.value.text) == (20.0, "Repairs")
    assert "Repairs" not in repr(refused.value) + str(refused.value)  # of no use to a log
    table.check_room(BLUE, 19.9)
    table.check_room(TEA, 20.0)
    assert table.closed(20.0) == ()


def test_it_is_opened_by_hand_once() -> None:
    table = Closings()
    table.close(Closing(TEA, 20.0), 10.0, 1)
    assert table.open_again(TEA, 11.0)
    table.check_room(TEA, 11.0)
    assert not table.open_again(TEA, 11.0)
    table.close(Closing(TEA, 20.0), 10.0, 1)
    assert not table.open_again(TEA, 21.0)  # it was open already


def test_of_two_orders_the_later_one_holds_also_where_no_more_fit() -> None:
    table = Closings()
    table.close(Closing(TEA, 20.0, "one"), 10.0, 1)
    table.close(Closing(TEA, 15.0, "two"), 11.0, 1)
    assert table.closed(12.0) == (Closing(TEA, 15.0, "two"),)
    with pytest.raises(TooManyClosings):
        table.close(Closing(BLUE, 20.0), 12.0, 1)
    table.close(Closing(BLUE, 20.0), 15.0, 1)  # the first is over
    assert table.closed(16.0) == (Closing(BLUE, 20.0),)


def test_who_was_put_out_stays_out_until_let_back() -> None:
    table = Closings()
    table.expel(Expulsion(ANN, 20.0, "Sorry"), 10.0, 5)
    with pytest.raises(MemberExpelled) as refused:
        table.check_member(ANN, 11.0)
    assert refused.value.text == "Sorry"
    table.check_member(MemberKey("other", "ann"), 11.0)
    assert table.let_back(ANN, 12.0)
    table.check_member(ANN, 12.0)
    assert not table.let_back(ANN, 12.0)


KEYS = st.integers(0, 5)
STEPS = st.tuples(
    st.sampled_from(("close", "open", "expel", "back", "wait")), KEYS, st.integers(1, 9)
)


@given(st.lists(STEPS, max_size=60), st.integers(1, 4))
def test_it_holds_what_a_simple_list_of_orders_holds(
    steps: list[tuple[str, int, int]], most: int
) -> None:
    table, now = Closings(), 0.0
    closed: dict[int, float] = {}
    out: list[tuple[int, float]] = []  # the one put out first is first
    for what, key, amount in steps:
        room, member = RoomKey("test", str(key)), MemberKey("test", str(key))
        closed = {each: until for each, until in closed.items() if until > now}
        match what:
            case "close":
                try:
                    table.close(Closing(room, now + amount), now, most)
                    closed[key] = now + amount
                except TooManyClosings:
                    assert key not in closed
                    assert len(closed) == most
            case "open":
                assert table.open_again(room, now) is (closed.pop(key, None) is not None)
            case "expel":
                table.expel(Expulsion(member, now + amount), now, most)
                out = [it for it in out if it[0] != key]
                if len(out) >= most:
                    out = [it for it in out if it[1] > now]
                out = [*out[len(out) - most + 1 if len(out) >= most else 0 :], (key, now + amount)]
            case "back":
                held = [it for it in out if it[0] == key and it[1] > now]
                assert table.let_back(member, now) is bool(held)
                out = [it for it in out if it[0] != key]
            case "wait":
                now += amount
        assert table.people <= most
        assert len(table.closed(now)) <= most
        for each in range(6):
            assert refuses_room(table, each, now) is (closed.get(each, 0.0) > now)
            assert refuses_member(table, each, now) is (dict(out).get(each, 0.0) > now)


def refuses_room(table: Closings, key: int, now: float) -> bool:
    try:
        table.check_room(RoomKey("test", str(key)), now)
    except ClosedByOperator:
        return True
    return False


def refuses_member(table: Closings, key: int, now: float) -> bool:
    try:
        table.check_member(MemberKey("test", str(key)), now)
    except MemberExpelled:
        return True
    return False
