"""What is taken of remote candidates, and which addresses are told of ours."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.errors import BadCandidate
from media.webrtc.candidates import (
    DeniedNetworks,
    RemoteCandidate,
    announced_address,
    denied_to,
    parse_remote,
)

HOST = "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 9"
PARSED = RemoteCandidate("842163049", 1677729535, "203.0.113.7", 46154, "srflx")


@pytest.mark.parametrize(
    "text",
    [
        HOST,
        f"a={HOST}",
        HOST.removeprefix("candidate:"),
        f"  {HOST}\r\n",
        HOST.replace("udp", "UDP"),
        f"{HOST} generation 0 ufrag x network-cost 999",
        HOST.replace("srflx", "prflx"),
    ],
)
def test_a_candidate_is_read_in_every_form_browsers_and_sdks_send(text: str):
    assert parse_remote(text) == PARSED


def test_an_ipv6_candidate_is_read_in_its_shortest_form():
    parsed = parse_remote("1 1 udp 5 2001:0db8:0:0:0:0:0:1 9999 typ host")
    assert parsed is not None
    assert parsed.host == "2001:db8::1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=",
        "candidate:",
        "a=end-of-candidates",
        "candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
        "candidate:1 1 udp 1 8f3e5f1c-7d3a-4d6e-9d3a-1b2c3d4e5f60.local 5000 typ host",
        "candidate:1 2 udp 1 192.0.2.1 5001 typ host",
        "candidate:1 1 udp 1 192.0.2.1 0 typ host",
        "candidate:1 1 udp 1 0.0.0.0 5000 typ host",
        "candidate:1 1 udp 1 239.1.2.3 5000 typ host",
        "candidate:1 1 udp 1 fe80::1%eth0 5000 typ host",
        "candidate:1 1 ssltcp 1 192.0.2.1 443 typ host",
    ],
)
def test_what_cannot_be_used_is_passed_over(text: str):
    assert parse_remote(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "candidate:1",
        "candidate:1 1 udp 1 192.0.2.1 5000 host typ",
        "candidate:1 1 udp 1 192.0.2.1 5000 typ strange",
        "candidate:1 one udp 1 192.0.2.1 5000 typ host",
        "candidate:1 1 udp -1 192.0.2.1 5000 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 4294967296 192.0.2.1 5000 typ host",
        "candidate:1 1 udp 1 192.0.2.1;rm 5000 typ host",
        "candidate:1 1 udp 1 ::1::2 5000 typ host",
        "candidate:a=b 1 udp 1 192.0.2.1 5000 typ host",
        "candidate:" + "1" * 600,
    ],
)
def test_what_makes_no_sense_is_refused(text: str):
    with pytest.raises(BadCandidate):
        parse_remote(text)


@given(st.text(max_size=200))
def test_no_text_does_worse_than_being_refused(text: str):
    try:
        parse_remote(text)
    except BadCandidate:
        return


@given(
    st.lists(
        st.sampled_from(
            ["1", "0", "udp", "typ", "host", "192.0.2.1", "::1", "-", "99999999999", "x.local", ":"]
        ),
        min_size=8,
        max_size=12,
    )
)
def test_no_order_of_likely_words_does_worse_than_being_refused(words: list[str]):
    try:
        found = parse_remote(" ".join(words))
    except BadCandidate:
        return
    assert found is None or found.port > 0


@pytest.mark.parametrize(
    ("address", "listen", "announced", "told"),
    [
        ("10.0.0.5", [], [], "10.0.0.5"),
        ("10.0.0.5", [], ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.5", ["10.0.0.5"], ["198.51.100.1"], "198.51.100.1"),
        ("fd00::5", [], ["198.51.100.1"], "fd00::5"),
        ("fd00::5", [], ["198.51.100.1", "2001:db8::1"], "2001:db8::1"),
        ("10.0.0.6", ["10.0.0.5", "10.0.0.6"], ["198.51.100.1", "198.51.100.2"], "198.51.100.2"),
        ("10.0.0.6", ["10.0.0.5", "10.0.0.6"], ["198.51.100.1"], "198.51.100.1"),
        ("fd00:0::5", ["10.0.0.5", "fd00::5"], ["198.51.100.1", "2001:db8::1"], "2001:db8::1"),
    ],
)
def test_announced_addresses_stand_for_those_that_are_bound(address, listen, announced, told):
    assert announced_address(address, listen, announced) == told


DENIED = ("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10")


@pytest.mark.parametrize(
    ("came_from", "lifted"),
    [
        (None, ()),  # nothing is known of it
        ("127.0.0.1", DENIED),
        ("127.9.9.9", DENIED),
        ("::1", DENIED),
        ("::ffff:127.0.0.1", DENIED),
        ("fe80::1", ("fe80::/10",)),
        ("fe80::1%eth0", ("fe80::/10",)),
        ("169.254.169.254", ("169.254.0.0/16",)),
        ("192.0.2.1", ()),
        ("10.0.0.1", ()),
        ("2001:db8::1", ()),
        ("", ()),
        ("localhost", ()),
    ],
)
def test_one_may_name_what_one_comes_from(came_from: str | None, lifted: tuple[str, ...]):
    assert denied_to(came_from, DENIED) == tuple(each for each in DENIED if each not in lifted)


@pytest.mark.parametrize(
    ("allowed", "left"),
    [
        ((), DENIED),
        (("0.0.0.0/0", "::/0"), ()),
        (("127.0.0.0/8",), DENIED[1:]),
        (("10.0.0.0/8", "2001:db8::/32"), DENIED),
        (("127.0.0.0/9", "fe80::/10"), ("127.128.0.0/9", "::1/128", "169.254.0.0/16")),
        (("169.254.0.0/17", "169.254.128.0/17"), (*DENIED[:2], DENIED[3])),
    ],
)
def test_of_whom_nothing_is_known_may_name_what_is_allowed(
    allowed: tuple[str, ...], left: tuple[str, ...]
):
    assert denied_to(None, DENIED, allowed) == left
    assert denied_to("10.0.0.1", DENIED, allowed) == DENIED  # of him it is known


@pytest.mark.parametrize(
    ("host", "denied"),
    [
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:169.254.169.254", True),
        ("169.254.169.254", True),
        ("fe80::1", True),
        ("126.255.255.255", False),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("2001:db8::1", False),
        ("::ffff:192.0.2.1", False),
    ],
)
def test_an_address_in_a_denied_network_is_denied(host: str, denied: bool):
    networks = DeniedNetworks(DENIED)
    assert networks.has(host) is denied
    networks.become([])
    assert not networks.has(host)


@given(st.ip_addresses(), st.ip_addresses())
def test_nobody_names_more_by_where_he_comes_from_than_his_own_networks(
    host: IPv4Address | IPv6Address, came_from: IPv4Address | IPv6Address
):
    networks = DeniedNetworks(denied_to(str(came_from), DENIED))
    if DeniedNetworks(DENIED).has(str(host)):
        alike = any(host in ip_network(each) and came_from in ip_network(each) for each in DENIED)
        mapped = isinstance(came_from, IPv6Address) and came_from.ipv4_mapped is not None
        assert networks.has(str(host)) or alike or came_from.is_loopback or mapped
