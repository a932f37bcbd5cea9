"""Who is heard most."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from media.job.speech import HeardMost

Levels = Callable[[float], dict[str, float]]


def told(levels: Levels, seconds: float) -> list[tuple[float, str | None]]:
    """Return when somebody else is heard most, and who."""
    rule, changes = HeardMost(), []
    for number in range(int(seconds * 10)):
        now = number / 10
        if rule.step(levels(now), 1000 + now):
            changes.append((now, rule.input))
    return changes


def syllables(now: float, level: float) -> float:
    return level if int(now * 10) % 4 else level / 1000


def test_one_who_speaks_is_told_at_once_and_nobody_after_two_seconds() -> None:
    changes = told(lambda now: {"a": syllables(now, 0.01) if 1 <= now < 5 else 0.0}, 10)
    assert [who for _, who in changes] == ["a", None]
    assert changes[0][0] < 1.3
    assert 6.5 < changes[1][0] < 7.5


def test_the_louder_of_two_is_told() -> None:
    changes = told(lambda now: {"a": syllables(now, 0.002), "b": syllables(now + 0.1, 0.02)}, 5)
    assert changes[-1][1] == "b"
    assert len(changes) <= 2


def test_two_who_are_as_loud_do_not_alternate() -> None:
    def levels(now: float) -> dict[str, float]:
        first = int(now * 2) % 2
        return {"a": 0.010 if first else 0.012, "b": 0.012 if first else 0.010}

    assert len(told(levels, 60)) == 1


def test_there_is_a_change_a_second_at_most() -> None:
    changes = told(lambda now: {"ab"[int(now * 3) % 2]: 0.02, "ab"[int(now * 3 + 1) % 2]: 0.0}, 60)
    assert len(changes) > 1
    assert all(after - before >= 0.99 for (before, _), (after, _) in pairwise(changes))


def test_steady_noise_is_nobody() -> None:
    changes = told(lambda now: {"fan": 7e-5, "silent": 0.0}, 30)
    assert changes[-1][1] is None
    assert changes[-1][0] < 15


def test_a_steady_loud_tone_is_somebody() -> None:
    assert told(lambda now: {"tone": 0.02}, 60) == [(0.0, "tone")]


def test_what_is_hardly_there_is_nobody() -> None:
    assert told(lambda now: {"a": 5e-6}, 20) == []


def test_who_leaves_is_nobody_any_more() -> None:
    changes = told(lambda now: {"a": 0.02, "b": 0.001} if now < 3 else {"b": 0.001}, 6)
    assert [who for _, who in changes] == ["a", "b"]
    assert told(lambda now: {"a": 0.02} if now < 3 else {}, 6)[-1][1] is None
