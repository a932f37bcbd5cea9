"""Who asks in vain is answered later each time, and nobody else."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from api.skyway.slowing import FORGOTTEN_SECONDS, LONGEST_SECONDS, Slowing


def test_refusals_come_later_each_time_up_to_a_limit() -> None:
    slowing = Slowing()
    delays = [slowing.next_delay("a", "/p", 0.0) for _ in range(30)]
    assert delays[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert delays[19:] == [LONGEST_SECONDS] * 11
    assert slowing.next_delay("b", "/p", 0.0) == slowing.next_delay("a", "/q", 0.0) == 0.1
    assert slowing.next_delay("a", "/p", FORGOTTEN_SECONDS) == 0.1


def test_who_is_slowed_down_is_a_bounded_table() -> None:
    slowing = Slowing(most=10)
    for number in range(100):
        slowing.next_delay("a", f"/{number}", 0.0)
    assert len(slowing) == 10


async def test_nobody_is_slowed_down_while_the_server_goes(autojump_clock: MockClock) -> None:
    slowing = Slowing()
    slowing.drain()
    for _ in range(10):
        await slowing.wait("a", "/p")
    assert trio.current_time() < 0.5


def test_a_network_of_ipv6_is_one_client() -> None:
    slowing = Slowing()
    assert slowing.next_delay("2001:db8::1", "/p", 0.0) == 0.1
    assert slowing.next_delay("2001:db8::2", "/p", 0.0) == 0.2
    assert slowing.next_delay("2001:db8:0:1::1", "/p", 0.0) == 0.1
