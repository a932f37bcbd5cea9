"""What is unsent, as a pure queue: in order, within its limits, of the replaceable the latest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.http.carriers.unsent import Unsent


def all_of(outbox: Unsent[str]) -> list[str]:
    return [outbox.take() for _ in range(len(outbox))]


def test_a_newer_list_takes_the_place_of_the_unsent_one() -> None:
    outbox: Unsent[str] = Unsent(10, 100)
    for item, replace in (("hi", ""), ("list 1", "who"), ("ho", ""), ("list two", "who")):
        outbox.add(item, len(item), replace)
    assert outbox.unsent == len("hi" + "list two" + "ho")
    assert all_of(outbox) == ["hi", "list two", "ho"]
    assert outbox.unsent == 0


def test_one_that_was_taken_is_not_replaced() -> None:
    outbox: Unsent[str] = Unsent(10, 100)
    outbox.add("list 1", 6, "who")
    assert outbox.take() == "list 1"
    outbox.add("hi", 2)
    outbox.add("list 2", 6, "who")
    assert all_of(outbox) == ["hi", "list 2"]


def test_one_that_is_partly_sent_is_not_replaced() -> None:
    outbox: Unsent[str] = Unsent(10, 100)
    outbox.add("list 1", 6, "who")
    outbox.shorten("st 1", 4)
    outbox.add("list 2", 6, "who")
    assert (outbox.first, outbox.unsent) == ("st 1", 10)
    assert all_of(outbox) == ["st 1", "list 2"]


def test_a_full_one_still_takes_a_newer_list() -> None:
    outbox: Unsent[str] = Unsent(2, 100)
    outbox.add("list 1", 6, "who")
    outbox.add("hi", 2)
    assert not outbox.has_room(1)
    assert outbox.has_room(6, "who")
    assert not outbox.has_room(99, "who")


STEPS = st.lists(st.tuples(st.sampled_from(("", "", "who", "me", "take")), st.integers(1, 30)))


@given(STEPS)
def test_it_keeps_its_limits_its_count_and_the_latest_of_each(steps: list[tuple[str, int]]) -> None:
    outbox: Unsent[tuple[int, str]] = Unsent(5, 60)
    waiting: list[tuple[int, str, int]] = []
    for number, (what, size) in enumerate(steps):
        if what == "take":
            if waiting:
                assert outbox.take() == waiting.pop(0)[:2]
        elif outbox.has_room(size, what):
            outbox.add((number, what), size, what)
            entry = (number, what, size)
            at = next((at for at, it in enumerate(waiting) if what and it[1] == what), None)
            if at is None:
                waiting.append(entry)
            else:
                waiting[at] = entry
        assert outbox.unsent == sum(size for _, _, size in waiting) <= 60
        assert len(outbox) == len(waiting) <= 5
