"""What is unsent, as a pure queue: in order, within its limits, of the replaceable the latest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.http.byte_budget import SHARED, ByteBudget
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


def test_nothing_is_remembered_of_what_was_taken() -> None:
    outbox: Unsent[str] = Unsent(10, 100)
    for number in range(5):
        outbox.add("status", 6, f"status {number}", source="ann")
        outbox.add("status", 6, f"status {number}", source="ann")
    assert len(outbox) == 5
    assert outbox.take_all() == ["status"] * 5
    assert outbox._places == {}
    assert outbox._sources == {}


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


def test_a_source_has_its_part_and_one_message_always() -> None:
    outbox: Unsent[str] = Unsent(800, 800)
    assert outbox.has_room_for("ann", 700)  # nothing else waits
    outbox.add("a", 90, source="ann")
    assert outbox.has_room_for("ann", 10)
    assert not outbox.has_room_for("ann", 11)
    assert outbox.has_room_for("bob", 310)
    assert not outbox.has_room_for("bob", 311)  # all of them have half
    outbox.add("b", 310, source="bob")
    assert not outbox.has_room_for("ann", 1)
    assert outbox.has_room(400)  # for what the room tells
    outbox.take()
    assert outbox.has_room_for("ann", 90)
    outbox.clear()
    assert outbox.has_room_for("ann", 700)


def test_what_is_partly_sent_is_kept_when_all_else_is_dropped() -> None:
    outbox: Unsent[str] = Unsent(10, 100)
    outbox.add("list 1", 6, "who")
    outbox.shorten("st 1", 4)
    outbox.add("hi", 2, source="ann")
    outbox.drop()
    assert (len(outbox), outbox.unsent, outbox.first) == (1, 4, "st 1")
    outbox.add("list 2", 6, "who")
    assert all_of(outbox) == ["st 1", "list 2"]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(("add", "add", "who", "shorten", "take", "drop", "clear")),
        st.integers(0, 3),
        st.sampled_from(("", "ann", "bob")),
    )
)


@given(ACTS)
def test_all_that_waits_is_counted_once_and_given_back(acts: list[tuple[str, int, str]]) -> None:
    budget = ByteBudget(1 << 40, 1 << 40)
    account = budget.account("a", lambda: None)
    outbox: Unsent[int] = Unsent(1000, 1 << 30, account)
    payloads = [bytes(size) for size in (1, 10, SHARED, 3 * SHARED)]
    for what, which, source in acts:
        payload = payloads[which]
        if what in ("add", "who"):
            replace = what if what == "who" else ""
            outbox.add(which, len(payload), replace, payload, source)
        elif what == "shorten" and outbox:
            outbox.shorten(outbox.first, 1)
        elif what == "take" and outbox:
            outbox.take()
        elif what == "drop":
            outbox.drop()
        elif what == "clear":
            outbox.clear()
        assert (account.bytes == 0) == (len(outbox) == 0)
        assert budget.used <= account.bytes
    outbox.clear()
    assert (account.bytes, budget.used, outbox.unsent) == (0, 0, 0)
    assert outbox.has_room_for("ann", 1 << 29)
