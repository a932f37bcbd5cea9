"""What the answers of a target mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.streaming import OutsideTrouble
from media.outside.upload_answers import LONGEST_REST, rest_asked_for, trouble_in

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "reason", "over"),
    [
        (301, OutsideTrouble.NOT_ALLOWED, True),
        (307, OutsideTrouble.NOT_ALLOWED, True),
        (308, OutsideTrouble.NOT_ALLOWED, True),
        (400, OutsideTrouble.REFUSED, True),
        (401, OutsideTrouble.UNAUTHORISED, True),
        (403, OutsideTrouble.UNAUTHORISED, True),
        (404, OutsideTrouble.NOT_FOUND, True),
        (405, OutsideTrouble.REFUSED, True),
        (408, OutsideTrouble.REFUSED, False),
        (409, OutsideTrouble.REFUSED, True),
        (410, OutsideTrouble.NOT_FOUND, True),
        (413, OutsideTrouble.REFUSED, True),
        (418, OutsideTrouble.REFUSED, True),
        (429, OutsideTrouble.REFUSED, False),
        (500, OutsideTrouble.REFUSED, False),
        (501, OutsideTrouble.REFUSED, True),
        (503, OutsideTrouble.REFUSED, False),
        (505, OutsideTrouble.REFUSED, True),
        (507, OutsideTrouble.REFUSED, False),
        (599, OutsideTrouble.REFUSED, False),
    ],
)
def test_answers_are_the_end_or_pass(status: int, reason: OutsideTrouble, over: bool) -> None:
    trouble = trouble_in(status)
    assert (trouble.reason, trouble.over) == (reason, over)
    assert trouble.detail.startswith("the target ")
    assert trouble.detail.endswith(f"(HTTP {status})")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0.0),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("120", LONGEST_REST),
        ("9" * 5000, LONGEST_REST),
        ("-3", 0.0),
        ("1.5", 0.0),
        ("٣", 0.0),
        ("soon", 0.0),
        ("Mon, 30 Nov 2026 12:00:05 GMT", 5.0),
        ("Mon, 30 Nov 2026 11:59:00 GMT", 0.0),
        ("Mon, 30 Nov 2026 13:00:00 GMT", LONGEST_REST),
    ],
    ids=lambda value: str(value)[:30],
)
def test_pause_that_is_asked_for(text: str, seconds: float) -> None:
    assert rest_asked_for(text, NOW) == seconds


@given(st.text(max_size=60))
def test_any_text_is_a_pause_in_bounds(text: str) -> None:
    assert 0.0 <= rest_asked_for(text, NOW) <= LONGEST_REST
