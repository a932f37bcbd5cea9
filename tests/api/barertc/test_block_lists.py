"""Block lists that wait for their owners: the latest of each, and not too many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.barertc.block_lists import BlockLists

NAMES = st.sampled_from(["ann", "Ann", "bob", "cleo", "\ud800"])


def test_the_oldest_list_goes_first_and_a_renewed_one_is_young() -> None:
    lists = BlockLists()
    for name in ("a", "b", "a", "c"):
        lists.put(name, (f"by {name}",), 2, 10_000)
    assert (lists.get("a"), lists.get("b"), lists.get("c")) == (("by a",), (), ("by c",))


def test_a_list_that_is_too_large_takes_no_other_ones_place() -> None:
    lists = BlockLists()
    lists.put("a", ("x",), 10, 1000)
    lists.put("b", ("x" * 2000,), 10, 1000)
    assert (lists.get("a"), lists.get("b")) == (("x",), ())


@given(
    st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=5))), st.integers(1, 4), st.integers(1, 900)
)
def test_lists_and_bytes_stay_within_their_limits(
    puts: list[tuple[str, list[str]]], most: int, most_bytes: int
) -> None:
    lists = BlockLists()
    for name, blocked in puts:
        lists.put(name, tuple(blocked), most, most_bytes)
        assert len(lists) <= most
        assert lists.bytes <= most_bytes
        assert lists.get(name) in ((), tuple(blocked))
    for name in ("ann", "Ann", "bob", "cleo", "\ud800"):
        lists.put(name, (), most, most_bytes)
    assert (len(lists), lists.bytes) == (0, 0)
