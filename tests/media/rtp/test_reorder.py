"""Packets come out in order, each once, and a hole is waited for, but not for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.rtp.reorder import Reorder


def push_all(reorder: Reorder[int], numbers: list[int], arrival: float = 0.0) -> list[int]:
    out = []
    for number in numbers:
        out += [item for item, _ in reorder.push(number & 0xFFFF, number, arrival)]
    return out


def test_packets_in_order_pass_at_once_also_where_numbers_wrap() -> None:
    numbers = list(range(65_530, 65_560))
    assert push_all(Reorder(), numbers) == numbers


def test_a_late_packet_is_put_in_its_place() -> None:
    reorder: Reorder[int] = Reorder()
    assert push_all(reorder, [10, 12, 13]) == [10]
    assert reorder.push(11, 11, 0.1) == [(11, True), (12, True), (13, True)]
    assert reorder.lost == 0


def test_a_hole_is_given_up_after_its_time() -> None:
    reorder: Reorder[int] = Reorder(patience=0.2)
    push_all(reorder, [10, 12])
    assert reorder.release(0.19) == []
    assert reorder.release(0.2) == [(12, False)]
    assert reorder.lost == 1
    assert push_all(reorder, [11]) == []
    assert reorder.dropped == 1


def test_a_hole_is_given_up_when_too_much_waits_behind_it() -> None:
    reorder: Reorder[int] = Reorder(limit=64)
    assert push_all(reorder, [0, *range(2, 66)]) == [0]
    assert push_all(reorder, [66]) == list(range(2, 67))


def test_a_packet_that_comes_twice_is_taken_once() -> None:
    reorder: Reorder[int] = Reorder()
    assert push_all(reorder, [1, 1, 3, 3, 2]) == [1, 2, 3]
    assert reorder.dropped == 2


def test_a_sender_that_begins_anew_is_followed() -> None:
    reorder: Reorder[int] = Reorder()
    push_all(reorder, [100, 102])
    assert reorder.push(40_000, 40_000, 0.0) == [(102, False), (40_000, False)]
    assert push_all(reorder, [40_001]) == [40_001]


@given(st.lists(st.integers(0, 120), max_size=200))
def test_whatever_comes_goes_out_in_order_and_once(numbers: list[int]) -> None:
    reorder: Reorder[int] = Reorder(limit=8)
    out = push_all(reorder, numbers)
    out += [item for item, _ in reorder.drain()]
    assert out == sorted(set(out))
    assert len(out) + reorder.dropped == len(numbers)


def test_it_says_when_it_gives_up() -> None:
    reorder: Reorder[str] = Reorder(patience=0.2)
    assert reorder.due == float("inf")
    reorder.push(1, "a", 10.0)
    reorder.push(3, "c", 10.5)
    assert reorder.due == 10.7
    assert reorder.release(10.69) == []
    assert reorder.release(reorder.due) == [("c", False)]
    assert reorder.due == float("inf")
