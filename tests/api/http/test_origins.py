"""Which pages may connect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.origins import origin_refusal

OWN = "meet.example.org"


@pytest.mark.parametrize(
    ("origin", "host", "secure", "public_url", "allowed"),
    [
        (None, OWN, True, "", []),
        ("https://meet.example.org", OWN, True, "", []),
        ("https://MEET.example.org", OWN, True, "", []),
        ("https://meet.example.org:443", OWN, True, "", []),
        ("https://meet.example.org", OWN + ":443", True, "", []),
        ("http://meet.example.org", OWN + ":80", False, "", []),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", False, "", []),
        ("http://[::1]:8080", "[::1]:8080", False, "", []),
        ("https://meet.example.org", "backend:8080", False, "https://meet.example.org", []),
        ("https://meet.example.org", "backend", False, "https://meet.example.org/sub", []),
        ("https://other.example", OWN, True, "", ["https://x.org", "https://Other.example:443"]),
        ("https://other.example", OWN, True, "", ["*"]),
        ("null", OWN, True, "", ["*"]),
        # Apps name the address that they connect to: Starscream, below CocoaMQTT, does.
        ("wss://meet.example.org:443", OWN, True, "", []),
        ("ws://127.0.0.1:8080", "127.0.0.1:8080", False, "", []),
        ("wss://meet.example.org", "backend:8080", False, "https://meet.example.org", []),
    ],
)
def test_our_own_pages_and_invited_ones_may(
    origin: str | None, host: str, secure: bool, public_url: str, allowed: list[str]
) -> None:
    assert origin_refusal(origin, host, secure, public_url, allowed) is None


@pytest.mark.parametrize(
    ("origin", "host", "secure", "public_url", "allowed", "reason"),
    [
        ("null", OWN, True, "", [], "origin is null"),
        ("NULL", OWN, True, "", ["https://x.org"], "origin is null"),
        ("", OWN, True, "", [], "origin is malformed"),
        ("https://", OWN, True, "", [], "origin is malformed"),
        ("https://meet.example.org/", OWN, True, "", [], "origin is malformed"),
        ("https://u@meet.example.org", OWN, True, "", [], "origin is malformed"),
        ("https://meet.example.org:x", OWN, True, "", [], "origin is malformed"),
        ("https://[::1", OWN, True, "", [], "origin is malformed"),
        ("http://meet.example.org", OWN, True, "", [], "origin http://meet.example.org is not"),
        ("ws://meet.example.org", OWN, True, "", [], "origin http://meet.example.org is not"),
        ("https://meet.example.org:8443", OWN, True, "", [], "example.org:8443 is not welcome"),
        ("https://sub.meet.example.org", OWN, True, "", [], "is not welcome here"),
        ("https://evil.example", "", True, "", [], "https://evil.example is not welcome here"),
        ("http://backend", "backend", False, "https://meet.example.org", [], "not welcome"),
        ("http://[::2]:1", "[::1]:1", False, "", [], "http://[::2]:1 is not welcome"),
    ],
)
def test_others_may_not_and_the_reason_is_told(
    origin: str, host: str, secure: bool, public_url: str, allowed: list[str], reason: str
) -> None:
    refusal = origin_refusal(origin, host, secure, public_url, allowed)
    assert refusal is not None
    assert reason in refusal


@given(st.text(), st.text())
def test_any_text_is_answered(origin: str, host: str) -> None:
    refusal = origin_refusal(origin, host, True, "https://meet.example.org", [])
    assert refusal is None or refusal.startswith("origin ")
