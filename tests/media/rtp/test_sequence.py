"""Sequence numbers of one source: widening, loss, duplicates, and senders that begin anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.rtp.sequence import SequenceWindow


def accepted(window: SequenceWindow, *sequences: int) -> list[int]:
    """Return how far each lies from the first one; -1 stands for a refused one."""
    numbers = [window.accept(sequence) for sequence in sequences]
    return [number - numbers[0] if number else -1 for number in numbers]


def test_numbers_go_on_over_the_wrap() -> None:
    window = SequenceWindow()
    assert accepted(window, 65534, 65535, 0, 1) == [0, 1, 2, 3]
    assert (window.lost, window.refused) == (0, 0)


def test_a_gap_counts_as_lost_until_it_is_filled() -> None:
    window = SequenceWindow()
    assert accepted(window, 65535, 3) == [0, 4]
    assert window.lost == 3
    assert window.accept(1)
    assert window.lost == 2


def test_a_duplicate_is_refused() -> None:
    window = SequenceWindow()
    assert accepted(window, 10, 11, 11, 10) == [0, 1, -1, -1]
    assert (window.lost, window.refused) == (0, 2)


def test_what_was_sent_before_the_first_one_is_taken_and_never_was_lost() -> None:
    window = SequenceWindow()
    first, before, again = (window.accept(sequence) for sequence in (0, 65535, 65535))
    assert (before - first, again) == (-1, 0)
    assert (window.lost, window.refused) == (0, 1)


def test_one_leap_is_not_believed() -> None:
    window = SequenceWindow()
    assert accepted(window, 10, 30_000, 11) == [0, -1, 1]
    assert (window.restarts, window.lost) == (0, 0)


def test_a_sender_that_goes_on_elsewhere_is_followed_from_its_second_packet() -> None:
    window = SequenceWindow()
    first, leap, second, third = (window.accept(n) for n in (10, 30_000, 30_001, 30_002))
    assert leap == 0
    assert second > first
    assert third == second + 1
    assert second & 0xFFFF == 30_001
    assert (window.restarts, window.lost) == (1, 0)


@given(
    first=st.integers(0, 65535),
    steps=st.lists(st.integers(0, 40), max_size=300),
    shuffle=st.randoms(use_true_random=False),
)
def test_numbers_grow_as_the_sender_counted_whatever_comes_late(
    first: int, steps: list[int], shuffle: object
) -> None:
    sent = [first + sum(steps[:count]) for count in range(len(steps) + 1)]
    arriving = sent[:1] + sorted(sent[1:], key=lambda n: n + shuffle.randrange(30))  # type: ignore[attr-defined]
    window = SequenceWindow()
    base = 0
    seen: set[int] = set()
    for number in arriving:
        wide = window.accept(number & 0xFFFF)
        base = base or wide - number
        assert wide == (0 if number in seen else number + base)
        seen.add(number)
    assert window.lost == max(sent) - first + 1 - len(seen)
