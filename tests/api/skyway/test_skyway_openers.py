"""How many UDP sockets one address may have."""

from __future__ import annotations

import pytest

from api.skyway.openers import Openers


def test_those_that_live_or_are_about_to_count() -> None:
    living: set[str] = set()
    openers = Openers(living.__contains__)
    assert openers.begin("a", "192.0.2.1", 2)
    assert openers.begin("b", "192.0.2.1", 2)
    assert not openers.begin("c", "192.0.2.1", 2)
    assert openers.begin("c", "192.0.2.2", 2)
    living.add("a")
    openers.end("a")
    assert not openers.begin("d", "192.0.2.1", 2)
    openers.end("b")  # it could not be opened
    assert openers.begin("d", "192.0.2.1", 2)
    openers.end("d")
    living.clear()
    assert openers.begin("e", "192.0.2.1", 1)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", ""])
def test_programs_of_this_machine_have_no_bound(address: str) -> None:
    openers = Openers(lambda _: True)
    assert all(openers.begin(str(number), address, 1) for number in range(9))


def test_an_address_of_ipv6_is_its_network() -> None:
    openers = Openers(lambda _: True)
    assert openers.begin("a", "2001:db8::1", 1)
    assert not openers.begin("b", "2001:db8::2", 1)
    assert openers.begin("b", "2001:db8:0:1::2", 1)
