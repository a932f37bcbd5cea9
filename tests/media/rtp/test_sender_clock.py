"""Clocks of senders, told in the time of ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.rtp.sender_clock import OurClock, SenderClock, ntp_time, time_of
from tests.support.examples import examples


@settings(max_examples=examples(100))
@given(st.floats(0.0, 1e8))
def test_our_time_comes_back(now: float) -> None:
    assert time_of(ntp_time(now)) == pytest.approx(now, abs=1e-5)


def test_what_is_told_in_our_time_is_taken_as_it_is() -> None:
    """A job reports when something was captured, which is long before it tells."""
    ours, guessed = OurClock(), SenderClock()
    for clock in (ours, guessed):
        clock.observe(ntp_time(100.0), 100.3)
    assert ours.to_ours(ntp_time(200.0)) == pytest.approx(200.0, abs=1e-5)
    assert guessed.to_ours(ntp_time(200.0)) == pytest.approx(200.3, abs=1e-5)
