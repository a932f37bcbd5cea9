"""UDP ports out of a range."""

from __future__ import annotations

from contextlib import ExitStack, closing

import pytest

from media.contract.errors import NoFreePort
from media.udp.port_range import PortRange
from tests.support.ports import free_udp_ports


def test_every_port_of_the_range_is_given_once_and_again_when_it_is_closed() -> None:
    first = free_udp_ports(4)
    ports = PortRange(first, first + 3)
    with ExitStack() as held:
        bound = [held.enter_context(closing(ports.bind("127.0.0.1"))) for _ in range(4)]
        assert {one.getsockname()[1] for one in bound} == set(range(first, first + 4))
        with pytest.raises(NoFreePort):
            ports.bind("127.0.0.1")
        bound[2].close()
        again = held.enter_context(closing(ports.bind("127.0.0.1")))
        assert again.getsockname()[1] in range(first, first + 4)


def test_a_pair_is_an_even_port_and_the_next_one() -> None:
    first = free_udp_ports(4)
    ports = PortRange(first - 1, first + 4)  # the pairs in it begin at first and first + 2
    with ExitStack() as held:
        pairs = [ports.bind_pair("127.0.0.1") for _ in range(2)]
        for pair in pairs:
            for one in pair:
                held.enter_context(closing(one))
        numbers = sorted(tuple(one.getsockname()[1] for one in pair) for pair in pairs)
        assert numbers == [(first, first + 1), (first + 2, first + 3)]
        with pytest.raises(NoFreePort):
            ports.bind_pair("127.0.0.1")
        pairs[0][1].close()  # its neighbour is still taken
        with pytest.raises(NoFreePort):
            ports.bind_pair("127.0.0.1")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_any_port_may_be_left_to_the_system(address: str) -> None:
    ports = PortRange(0, 0)
    lower, upper = ports.bind_pair(address)
    with closing(lower), closing(upper), closing(ports.bind(address)) as single:
        assert lower.getsockname()[1] % 2 == 0
        assert upper.getsockname()[1] == lower.getsockname()[1] + 1
        assert single.getsockname()[:1] == (address,)


def test_an_address_that_is_not_ours_is_not_mistaken_for_a_port_that_is_taken() -> None:
    with pytest.raises(OSError, match="Cannot assign"):
        PortRange(0, 0).bind("192.0.2.1")


def test_a_range_without_a_pair_has_none() -> None:
    with pytest.raises(NoFreePort):
        PortRange(50_001, 50_002).bind_pair("127.0.0.1")


@pytest.mark.parametrize(("first", "last"), [(2, 1), (0, 5), (1, 65536), (-1, 0)])
def test_a_range_that_is_none_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="65535"):
        PortRange(first, last)
