"""Parameters that are read, and pages that lists are cut into."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.core import Slices
from api.operator.overview import paging
from api.operator.overview.log import LogQuery, when
from api.operator.overview.paging import BadParameter, Page, PageQuery, in_order, read_query
from api.operator.overview.rooms import RoomsQuery

VALUES = st.lists(st.none() | st.integers(-5, 5), max_size=30)


def paged(values: Sequence[int | None], query: PageQuery, *, descending: bool) -> Page[int | None]:
    async def order() -> Page[int | None]:
        return await in_order(values, query, lambda value: value, Slices(), descending=descending)

    return trio.run(order)


@given(VALUES, st.integers(1, 4), st.integers(1, 20), st.booleans())
def test_a_page_is_part_of_the_sorted_list_with_what_is_not_known_last(
    values: list[int | None], page: int, per_page: int, descending: bool
) -> None:
    run, paging.RUN = paging.RUN, 4  # several are merged
    try:
        found = paged(values, PageQuery(page=page, per_page=per_page), descending=descending)
    finally:
        paging.RUN = run
    known = sorted((it for it in values if it is not None), reverse=descending)
    whole = [*known, *(it for it in values if it is None)]
    assert found.records == whole[(page - 1) * per_page : page * per_page]
    assert (found.total, found.page, found.per_page) == (len(values), page, per_page)


@pytest.mark.parametrize("descending", [False, True])
def test_what_is_equal_stays_in_its_order_on_every_page(descending: bool) -> None:
    async def names(page: int) -> Sequence[tuple[int, int]]:
        records = [(number % 3, number) for number in range(900)]
        query = PageQuery(page=page, per_page=100)
        key, last = (lambda record: record[0]), descending
        return (await in_order(records, query, key, Slices(), descending=last)).records

    found = [each for page in range(1, 10) for each in trio.run(names, page)]
    assert sorted(found) == sorted({*found})
    for first, second in pairwise(found):
        assert first[0] == second[0] or (first[0] > second[0]) is descending
        assert first[0] != second[0] or first[1] < second[1]


def test_long_work_lets_others_run() -> None:
    steps = 0

    async def count() -> None:
        nonlocal steps
        while True:
            steps += 1
            await trio.lowlevel.checkpoint()

    async def look() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            records = range(200_000)  # many times what a fast machine sorts in ten slices
            await in_order(records, PageQuery(), lambda number: -number, Slices(0.0005))
            nursery.cancel_scope.cancel()

    trio.run(look)
    assert steps > 10


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("page", "0")], "page: Input should be greater than or equal to 1."),
        ([("page", "one")], "page: "),
        ([("per_page", "501")], "per_page: Input should be less than or equal to 500."),
        ([("per_page", "")], "per_page: "),
        ([("colour", "red")], "colour: there is no such parameter."),
        ([("page", "1"), ("page", "1")], "page: it is given more than once."),
        ([("sort", "people; drop")], "sort: "),
        ([("search", "x" * 201)], "search: "),
        ([("\u2028\n" * 100, "")], "\\u2028\\n"),
        ([("", "")], "(without a name): "),
    ],
)
def test_what_is_wrong_is_said_with_the_name_of_the_parameter(
    pairs: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(BadParameter) as error:
        read_query(RoomsQuery, pairs)
    assert str(error.value).startswith(words)
    assert len(str(error.value)) < 300


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=6))
def test_no_parameters_raise_anything_else(pairs: list[tuple[str, str]]) -> None:
    for kind in (RoomsQuery, LogQuery):
        for sent in (pairs, [("since", value) for _, value in pairs[:1]]):
            with suppress(BadParameter):
                read_query(kind, sent)


def test_the_fullest_rooms_come_first_and_the_worst_quality() -> None:
    assert read_query(RoomsQuery, []).descending
    assert not read_query(RoomsQuery, [("order", "asc")]).descending
    assert not read_query(RoomsQuery, [("sort", "quality")]).descending
    assert read_query(RoomsQuery, [("sort", "name"), ("order", "desc")]).descending


def test_a_time_is_in_unix_seconds_or_as_quintet_logs_takes_it() -> None:
    now = when("1800000000", when("0", None))  # type: ignore[arg-type]
    assert now.isoformat() == "2027-01-15T08:00:00+00:00"
    assert when("10m", now).timestamp() == 1_800_000_000 - 600
    assert when("07:30", now).timestamp() == 1_800_000_000 - 1800
    for junk in ("nan", "inf", "1e99", "soon", "-1e30"):
        with pytest.raises(ValueError, match=r"."):
            when(junk, now)
