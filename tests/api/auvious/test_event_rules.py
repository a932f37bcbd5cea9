"""What makes an event sendable: its type and its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auvious.event_rules import instant, is_event_type, is_instant, problems_of


@pytest.mark.parametrize(
    "name",
    [
        "UserCreatedEvent",
        "IceCandidatesFoundEvent",
        "HTTPSentEvent",
        "Mp4FinishedEvent",
        "UserEndpointKeepAliveReminderEvent",
    ],
)
def test_a_noun_and_a_verb_make_a_type(name: str) -> None:
    assert is_event_type(name)


@pytest.mark.parametrize(
    "name",
    [
        "CallEvent", "Event", "userCreatedEvent", "UserCreated", "User CreatedEvent",
        "Created_Event", "UserCreatedEvents", "UserCreatedevent", "", "ÄrgerEntstandEvent",
        "UserCreatedEvent\n", "A" * 300 + "Event", None, 5, ["UserCreatedEvent"],
    ],
)  # fmt: skip
def test_anything_else_is_no_type(name: object) -> None:
    assert not is_event_type(name)


@pytest.mark.parametrize(
    "text",
    [
        "2011-12-03T10:15:30Z", "2011-12-03T10:15:30.1Z", "2011-12-03T10:15:30.123456789Z",
        "2024-02-29T23:59:59Z", "0001-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_an_instant_has_seconds_and_is_in_utc(text: str) -> None:
    assert is_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "2011-12-03T10:15Z", "2011-12-03T10:15:30", "2011-12-03T10:15:30+01:00",
        "2011-12-03 10:15:30Z", "2011-13-40T10:15:30Z", "2023-02-29T00:00:00Z",
        "2011-12-03T24:00:00Z", "2011-12-03T10:15:60Z", "2011-12-03T10:15:30.Z",
        "2011-12-03T10:15:30.1234567890Z", "2011-12-03t10:15:30z", "٢٠١١-12-03T10:15:30Z",
        "2011-12-03T10:15:30Z\n", "", None, 1322907330,
    ],
)  # fmt: skip
def test_anything_else_is_no_instant(text: object) -> None:
    assert not is_instant(text)


def test_both_problems_are_told() -> None:
    assert [field for field, _ in problems_of({})] == ["event.type", "event.timestamp"]
    good = {"type": "UserCreatedEvent", "timestamp": "2011-12-03T10:15:30Z", "more": []}
    assert list(problems_of(good)) == []


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5))])))
def test_our_own_instants_have_three_digits_and_are_instants(moment: datetime) -> None:
    try:
        text = instant(moment)
    except OverflowError:  # the year before 1 in UTC
        return
    assert is_instant(text)
    assert len(text) == len("2011-12-03T10:15:30.123Z")
