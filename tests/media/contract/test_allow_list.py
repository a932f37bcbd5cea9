"""Who may send to a port, in every way that an address can be written."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.allow_list import AllowList


def allowed(*networks: str) -> AllowList:
    return AllowList(ip_network(network) for network in networks)


@pytest.mark.parametrize(
    ("networks", "host", "allows"),
    [
        (("192.0.2.0/24",), "192.0.2.7", True),
        (("192.0.2.0/24",), "192.0.3.7", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("192.0.2.0/24",), "::ffff:192.0.3.7", False),
        (("192.0.2.0/24",), "::192.0.2.7", False),
        (("::ffff:192.0.2.0/120",), "192.0.2.7", True),
        (("::ffff:192.0.2.0/120",), "192.0.3.7", False),
        (("::ffff:0:0/96",), "10.0.0.1", True),
        (("::/0",), "2001:db8::1", True),
        (("::/0",), "192.0.2.7", False),
        (("::/0",), "::ffff:192.0.2.7", False),
        (("0.0.0.0/0",), "2001:db8::1", False),
        (("0.0.0.0/0",), "255.255.255.255", True),
        (("2001:db8::/32", "10.0.0.0/8"), "10.1.2.3", True),
        (("fe80::/10",), "fe80::1%lo", True),
        (("192.0.2.0/24", "192.0.3.1/32"), "192.0.3.1", True),
        (("127.0.0.0/8",), "::1", False),
        ((), "127.0.0.1", False),
    ],
)
def test_who_may_send(networks: tuple[str, ...], host: str, allows: bool):
    assert allowed(*networks).allows(host) is allows


def test_without_a_list_everybody_may():
    assert AllowList(None).allows("192.0.2.7")


@given(st.lists(st.sampled_from(["192.0.2.7", "192.0.3.7", "::ffff:192.0.2.9", "::1"])))
def test_who_asked_before_does_not_matter(hosts: list[str]):
    asked = allowed("192.0.2.0/24", "::1/128")
    assert [asked.allows(host) for host in hosts] == [host != "192.0.3.7" for host in hosts]


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_an_address_is_of_every_network_around_it(address: IPv4Address, bits: int):
    around = ip_network((address, bits), strict=False)
    assert AllowList([around]).allows(str(address))
    assert not allowed("::/0").allows(str(address))


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_a_mapped_address_is_the_address(address: IPv4Address, bits: int):
    mapped = IPv6Address(f"::ffff:{address}")
    plain = AllowList([ip_network((address, bits), strict=False)])
    other = AllowList([ip_network((mapped, 96 + bits), strict=False)])
    for host in (str(address), str(mapped), "198.51.100.1", "::ffff:198.51.100.1"):
        assert plain.allows(host) == other.allows(host)


def test_the_same_sender_again_is_told_at_once():
    asked = allowed(*(f"10.0.{n}.0/24" for n in range(256)), "192.0.2.0/24")
    assert asked.allows("192.0.2.7")
    began = time.process_time()
    for _ in range(10_000):
        asked.allows("192.0.2.7")
    assert time.process_time() - began < 0.2
