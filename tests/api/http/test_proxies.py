"""Who is calling: forwarded headers count only from trusted proxies."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.http.proxies import RemoteClient, _Notice, client_of

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.fixture(autouse=True)
def fresh_notice() -> Iterator[None]:
    _Notice.given = False
    yield
    _Notice.given = False


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.9, 192.0.2.1", "192.0.2.1"),  # the left one is the client's word
        ("10.0.0.1", "192.0.2.1, 10.2.3.4", "192.0.2.1"),
        ("10.0.0.1", "10.9.9.9, 10.2.3.4", "10.9.9.9"),
        ("10.0.0.1", "192.0.2.1:4711", "192.0.2.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1, unknown, 10.2.3.4", "10.2.3.4"),
        ("10.0.0.1", " , ", "10.0.0.1"),
        ("::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("fd00::1%eth0", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.7", "198.51.100.9", "192.0.2.7"),
        ("::ffff:192.0.2.7", "", "192.0.2.7"),
        ("", "198.51.100.9", ""),
    ],
)
def test_the_client_is_the_first_hop_that_is_no_trusted_proxy(
    peer: str, forwarded: str, address: str
) -> None:
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    assert client_of(peer, headers, False, PROXIES).address == address


@pytest.mark.parametrize(
    ("peer", "proto", "secure", "expected"),
    [
        ("10.0.0.1", "https", False, True),
        ("10.0.0.1", "HTTPS, http", False, True),
        ("10.0.0.1", "wss", False, True),
        ("10.0.0.1", "http", True, False),
        ("10.0.0.1", "gopher", True, True),
        ("10.0.0.1", "", False, False),
        ("192.0.2.7", "https", False, False),
    ],
)
def test_the_scheme_is_the_first_a_trusted_proxy_names(
    peer: str, proto: str, secure: bool, expected: bool
) -> None:
    assert client_of(peer, {"x-forwarded-proto": proto}, secure, PROXIES).secure is expected


def test_the_host_is_the_host_header_only() -> None:
    headers = {"host": "meet.example.org", "x-forwarded-host": "evil.example"}
    assert client_of("10.0.0.1", headers, True, PROXIES) == RemoteClient(
        "10.0.0.1", secure=True, host="meet.example.org", trusted=True
    )
    assert client_of("10.0.0.1", {}, True, []).host is None


PRIVATE = [
    "127.0.0.1",
    "::1",
    "172.16.9.1",
    "192.168.1.7",
    "fd12::7",
    "::ffff:10.1.2.3",
    "100.64.3.2",
]


@pytest.mark.parametrize("peer", PRIVATE)
def test_an_untrusted_proxy_is_told_of_once(peer: str) -> None:
    trusted = [ip_network("10.0.0.0/16")]
    with capture_logs() as logs:
        client_of("10.0.0.1", {"x-forwarded-for": "192.0.2.1"}, False, trusted)
        client_of(peer, {}, False, trusted)
        client_of("8.8.8.8", {"x-forwarded-for": "1.2.3.4"}, False, trusted)  # no proxy of ours
        client_of(peer, {"x-forwarded-for": "1.2.3.4"}, False, trusted)
        client_of("127.0.0.9", {"x-forwarded-for": "1.2.3.4"}, False, trusted)
    ((entry),) = logs
    assert (entry["event"], entry["address"]) == ("proxy.untrusted", peer.removeprefix("::ffff:"))
    assert "trusted_proxies" in entry["hint"]
    assert "1.2.3.4" not in str(entry)


def test_nobody_on_the_internet_is_told_of() -> None:
    with capture_logs() as logs:
        for peer in ("8.8.8.8", "2001:4860::8888"):
            assert client_of(peer, {"x-forwarded-for": "::1"}, False, []).address == peer
    assert logs == []


@given(st.text(), st.text())
def test_any_header_leaves_a_real_address(forwarded: str, proto: str) -> None:
    headers = {"x-forwarded-for": forwarded, "x-forwarded-proto": proto}
    client = client_of("10.0.0.1", headers, False, PROXIES)
    assert str(ip_address(client.address)) == client.address
