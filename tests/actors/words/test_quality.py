"""How well connections do: the bounds between good, fair and bad."""

from __future__ import annotations

import pytest

from actors.words.quality import CallFailedReason, Quality


@pytest.mark.parametrize(
    ("loss", "round_trip", "rating"),
    [
        (None, None, "good"),
        (0.0, 0.02, "good"),
        (0.03, 0.25, "good"),
        (0.031, 0.02, "fair"),
        (0.0, 0.251, "fair"),
        (0.10, 0.5, "fair"),
        (0.101, None, "bad"),
        (None, 0.501, "bad"),
        (0.04, 0.6, "bad"),
        (1.0, 60.0, "bad"),
    ],
)
def test_the_worse_of_loss_and_round_trip_decides(
    loss: float | None, round_trip: float | None, rating: str
) -> None:
    assert Quality(loss, round_trip).rating == rating


def test_quality_is_shown_with_its_rating_and_what_is_not_known_as_null() -> None:
    assert Quality(0.2, jitter=0.004, connections=2, at=1700000000.0).shown() == {
        "rating": "bad",
        "loss": 0.2,
        "round_trip": None,
        "jitter": 0.004,
        "bits_in": None,
        "bits_out": None,
        "connections": 2,
        "at": 1700000000.0,
    }


def test_calls_fail_for_one_of_five_reasons() -> None:
    assert [*CallFailedReason] == ["no_route", "timeout", "dtls", "media", "other"]
