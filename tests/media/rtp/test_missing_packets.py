"""Asking again for what is missing."""

from __future__ import annotations

import itertools

from media.rtp.missing_packets import LIMIT, MissingPackets


def ticks(missing: MissingPackets, start: float, end: float) -> list[tuple[float, list[int]]]:
    """Tick every 20 ms; return when what was asked for."""
    asked = []
    for step in range(int((end - start) / 0.02) + 1):
        now = start + step * 0.02
        again, _ = missing.due(now)
        if again:
            asked.append((round(now - start, 2), again))
    return asked


def test_a_gap_is_asked_for_at_once_and_then_ever_more_slowly() -> None:
    missing = MissingPackets()
    assert missing.open_gap(10, 12, 0.0) == [10, 11]
    times = [at for at, numbers in ticks(missing, 0.0, 0.98) if numbers == [10, 11]]
    assert 3 <= len(times) <= 6
    assert times[0] <= 0.08
    assert all(later - sooner <= 0.26 for sooner, later in itertools.pairwise(times))


def test_what_came_is_not_asked_for_again() -> None:
    missing = MissingPackets()
    missing.open_gap(10, 12, 0.0)
    assert missing.fill(10)
    assert not missing.fill(10)
    assert {number for _, numbers in ticks(missing, 0.0, 0.9) for number in numbers} == {11}


def test_what_never_comes_is_given_up_after_a_second() -> None:
    missing = MissingPackets()
    missing.open_gap(10, 13, 0.0)
    assert missing.due(1.01) == ([], 3)
    assert not missing
    assert missing.due(2.0) == ([], 0)


def test_too_many_at_once_are_not_worth_asking_for() -> None:
    missing = MissingPackets()
    missing.open_gap(1, 11, 0.0)
    assert missing.open_gap(20, 20 + LIMIT, 0.1) == []
    assert not missing


def test_nothing_is_asked_of_a_sender_that_began_anew() -> None:
    missing = MissingPackets()
    missing.open_gap(1, 11, 0.0)
    missing.forget()
    assert ticks(missing, 0.0, 1.5) == []
