"""Requests for keyframes: one a second for each stream, and none of them is lost."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from media.job.paced_requests import INTERVAL_SECONDS, PacedRequests
from tests.support.examples import examples


def test_the_first_request_goes_at_once_and_the_next_when_it_is_time():
    paced = PacedRequests()
    assert paced.ask("a", 10.0)
    assert paced.ask("b", 10.2)
    assert not paced.ask("a", 10.5)
    assert paced.next_due == 10.0 + INTERVAL_SECONDS
    assert paced.due(10.9) == []
    assert paced.due(11.0) == ["a"]
    assert paced.next_due == float("inf")
    assert not paced.ask("a", 11.5)


def test_a_stream_that_is_gone_is_asked_no_more():
    paced = PacedRequests()
    paced.ask("a", 1.0)
    paced.ask("a", 1.5)
    paced.keep_only({"b"})
    assert paced.due(9.0) == []
    assert paced.ask("a", 1.6)


@settings(max_examples=examples(200))
@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 3), st.booleans())))
def test_requests_of_one_stream_are_a_second_apart_and_one_follows_each(
    steps: list[tuple[str, float, bool]],
):
    paced, now = PacedRequests(), 100.0
    went: dict[str, list[float]] = {"a": [], "b": []}
    asked = {"a": 0.0, "b": 0.0}
    for name, pause, asks in steps:
        now += pause
        for late in paced.due(now):
            went[late].append(now)
        if asks:
            asked[name] = now
            if paced.ask(name, now):
                went[name].append(now)
    if paced.next_due < float("inf"):
        now = max(now, paced.next_due)
        for late in paced.due(now + INTERVAL_SECONDS):
            went[late].append(now + INTERVAL_SECONDS)
    for name, times in went.items():
        gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
        assert all(gap >= INTERVAL_SECONDS - 1e-6 for gap in gaps)
        assert not asked[name] or times[-1] >= asked[name]
