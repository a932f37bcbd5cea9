"""How often a sender is asked for a keyframe."""

from __future__ import annotations

from media.rtp.keyframe_requests import KeyframeRequests


def test_the_first_request_goes_at_once_and_the_next_ones_make_one() -> None:
    requests = KeyframeRequests()
    assert requests.ask(10.0)
    assert not requests.ask(10.1)
    assert not requests.ask(10.2)
    assert not requests.due(10.29)
    assert requests.due(10.3)
    assert not requests.due(10.31)
    assert not requests.due(11.0)


def test_ten_who_join_within_a_second_cost_four_requests() -> None:
    requests = KeyframeRequests()
    sent = 0
    for tick in range(60):
        sent += tick % 5 == 0 and tick < 50 and requests.ask(tick * 0.02)
        sent += requests.due(tick * 0.02)
    assert sent == 4


def test_a_keyframe_answers_the_request_that_waits() -> None:
    requests = KeyframeRequests()
    assert requests.ask(10.0)
    assert not requests.ask(10.1)
    requests.answered()
    assert not requests.due(10.5)
    assert requests.ask(10.5)
