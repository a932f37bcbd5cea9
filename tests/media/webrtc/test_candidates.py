"""What is taken of remote candidates, and which addresses are told of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.errors import BadCandidate
from media.webrtc.candidates import RemoteCandidate, announced_address, parse_remote

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
