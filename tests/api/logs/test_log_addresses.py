"""How much of an address is shown: all, the network it is in, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.logs.addresses import shown_address, with_shown_addresses

NETWORKS = [
    ("192.0.2.17", "192.0.2.0/24"),
    ("192.0.2.17:5060", "192.0.2.0/24"),
    ("127.0.0.1", "127.0.0.0/24"),
    ("2001:db8:1:2::3", "2001:db8:1::/48"),
    ("[2001:db8:1:2::3]:5060", "2001:db8:1::/48"),
    ("[::1]", "::/48"),
    ("fe80::1%eth0", "fe80::/48"),
    ("::ffff:192.0.2.17", "192.0.2.0/24"),
    ("2001:db8:1:2::/64", "2001:db8:1::/48"),  # as limits by address count
    ("192.0.2.0/24", "192.0.2.0/24"),
    ("192.0.0.0/16", "192.0.0.0/16"),
    ("", ""),
    ("localhost", ""),
    ("unix:", ""),
    ("192.0.2.17/x", ""),
]


@pytest.mark.parametrize(("address", "network"), NETWORKS)
def test_of_an_address_its_network_is_shown(address: str, network: str) -> None:
    assert shown_address(address, "network") == network


@pytest.mark.parametrize("address", [address for address, _ in NETWORKS])
def test_all_or_nothing_of_an_address_is_shown(address: str) -> None:
    assert shown_address(address, "full") == address
    assert shown_address(address, "none") == ""


@given(st.ip_addresses().map(str))
def test_a_network_has_no_more_of_the_address(address: str) -> None:
    shown = shown_address(address, "network")
    assert shown.endswith(("/24", "/48"))
    assert shown_address(shown, "network") == shown


@given(st.text(max_size=60))
def test_whatever_is_said_to_be_an_address_hurts_nobody(text: str) -> None:
    shown = shown_address(text, "network")
    assert shown == "" or shown.partition("/")[2].isdecimal()


ENTRY = {
    "event": "websocket.refused",
    "address": "192.0.2.17",
    "host": "2001:db8:1:2::3",
    "reason": "timed out: 192.0.2.17:5060 (2001:db8:1:2::3), at 12:30:59, version 1.2.3",
    "room": "192.0.2.17",
    "urls": ["http://127.0.0.1:8080"],
    "status": 403,
}


def test_an_entry_says_as_much_of_addresses_as_the_policy_allows() -> None:
    assert with_shown_addresses(ENTRY, "full") == ENTRY
    assert with_shown_addresses(ENTRY, "network") == {
        **ENTRY,
        "address": "192.0.2.0/24",
        "host": "2001:db8:1::/48",
        "reason": "timed out: 192.0.2.0/24:5060 (2001:db8:1::/48), at 12:30:59, version 1.2.3",
    }
    none = with_shown_addresses(ENTRY, "none")
    assert none.keys() == ENTRY.keys() - {"address", "host"}
    assert none["reason"] == "timed out: …:5060 (…), at 12:30:59, version 1.2.3"


@pytest.mark.parametrize(
    ("key", "value", "network"),
    [
        ("host", "pbx.example.org", "pbx.example.org"),  # of the configuration
        ("host", "192.0.2.9:5060", "192.0.2.0/24"),
        ("address", "localhost", None),
        ("address", "", None),
        ("address", None, None),
    ],
)
def test_names_of_hosts_are_shown_unless_nothing_is(
    key: str, value: str | None, network: str | None
) -> None:
    assert with_shown_addresses({key: value}, "network").get(key) == network
    assert with_shown_addresses({key: value}, "none").get(key) is None


@given(st.ip_addresses().map(str), st.sampled_from(["message", "detail", "line", "reason", "hint"]))
def test_an_address_quoted_in_words_is_reduced(address: str, key: str) -> None:
    entry = {key: f"lost {address}, [{address}]:80, udp:{address} and ({address}); {address}: gone"}
    for policy in ("network", "none"):
        shown = with_shown_addresses(entry, policy)[key]
        assert address not in shown.replace("/24", "").replace("/48", "") or address.endswith(
            (".0", "::")
        )


@given(st.text(max_size=200))
def test_words_without_an_address_stay_or_hurt_nobody(text: str) -> None:
    assert isinstance(with_shown_addresses({"reason": text}, "none")["reason"], str)
