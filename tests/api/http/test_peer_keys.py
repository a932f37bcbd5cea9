"""Which devices and browsers may use which API key, and who meets whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.words.keys import peers_realm
from api.http.origins import host_of
from api.http.peer_keys import ApiKey, DeviceKey, PeerKeys

USUAL = "peerjs"
OPEN = ApiKey("open")
DOMAINS = ApiKey("domains", ("example.com", "Robots.example"))
SECRET = ApiKey("secret", ("example.com",), "s3cret")
SECRET_BROWSERS = ApiKey("both", (), "s3cret", browsers=True)
KEYS = PeerKeys([OPEN, DOMAINS, SECRET, SECRET_BROWSERS])
PAGE = "https://example.com"


@pytest.mark.parametrize(
    ("key", "domain", "found"),
    [
        ("open", "any.example", DeviceKey(peers_realm("open"))),
        ("open", "", DeviceKey(peers_realm("open"))),
        ("domains", "example.com", DeviceKey(peers_realm("domains"))),
        ("domains", "EXAMPLE.com", DeviceKey(peers_realm("domains"))),
        ("domains", "robots.example", DeviceKey(peers_realm("domains"))),
        ("domains", "www.example.com", None),
        ("domains", "example.com.evil", None),
        ("domains", "", None),
        ("secret", "example.com", DeviceKey(peers_realm("secret"), "s3cret")),
        ("both", "x", DeviceKey(peers_realm("both"), "s3cret")),
        ("peerjs", "example.com", None),
        ("unknown", "example.com", None),
        ("", "example.com", None),
        ("OPEN", "example.com", None),
    ],
)
def test_devices_need_a_listed_key_and_one_of_its_domains(
    key: str, domain: str, found: DeviceKey | None
) -> None:
    assert KEYS.for_device(key, domain, USUAL) == found


@pytest.mark.parametrize(
    ("key", "origin", "realm"),
    [
        ("peerjs", None, "peerjs"),
        ("peerjs", "https://any.example", "peerjs"),
        ("peerjs", "null", "peerjs"),
        ("open", None, "open"),
        ("open", "https://any.example", "open"),
        ("domains", PAGE, "domains"),
        ("domains", "http://example.com:8080", "domains"),
        ("domains", "https://Example.COM", "domains"),
        ("domains", "https://robots.example", "domains"),
        ("domains", None, None),
        ("domains", "", None),
        ("domains", "null", None),
        ("domains", "example.com", None),
        ("domains", "https://www.example.com", None),
        ("domains", "https://example.com.evil", None),
        ("domains", "https://evil/example.com", None),
        ("domains", "https://example.com@evil", None),
        ("domains", "https://example.com:port", None),
        ("secret", PAGE, None),
        ("both", PAGE, "both"),
        ("both", None, "both"),
        ("unknown", PAGE, None),
        ("", PAGE, None),
    ],
)
def test_browsers_use_the_usual_key_or_a_listed_one_from_its_pages(
    key: str, origin: str | None, realm: str | None
) -> None:
    expected = None if realm is None else peers_realm(realm)
    assert KEYS.for_browser(key, origin, USUAL) == expected


@given(st.text(), st.text(), st.text(min_size=1))
def test_without_keys_every_device_meets_browsers_under_the_usual_one(
    key: str, domain: str, usual: str
) -> None:
    keys = PeerKeys()
    assert keys.for_device(key, domain, usual) == DeviceKey(peers_realm(usual))
    assert keys.for_browser(usual, None, usual) == peers_realm(usual)
    assert keys.for_browser(key, PAGE, usual) == (peers_realm(usual) if key == usual else None)


@given(st.text(), st.text(), st.one_of(st.none(), st.text()))
def test_nobody_meets_under_a_key_other_than_that_he_gives(
    key: str, domain: str, origin: str | None
) -> None:
    device = KEYS.for_device(key, domain, USUAL)
    assert device is None or device.realm == peers_realm(key)
    assert KEYS.for_browser(key, origin, USUAL) in (None, peers_realm(key))


def test_the_usual_key_is_like_others_where_it_is_listed() -> None:
    keys = PeerKeys([ApiKey(USUAL, ("example.com",))])
    assert keys.for_device(USUAL, "example.com", USUAL) == DeviceKey(peers_realm(USUAL))
    assert keys.for_browser(USUAL, PAGE, USUAL) == peers_realm(USUAL)
    assert keys.for_browser(USUAL, "https://other.example", USUAL) is None
    assert keys.for_browser(USUAL, None, USUAL) is None


def test_what_is_listed_now_counts() -> None:
    keys = PeerKeys([OPEN])
    keys.set(iter([DOMAINS]))
    assert keys.for_device("open", "example.com", USUAL) is None
    assert keys.for_browser("open", PAGE, USUAL) is None
    assert keys.for_browser("domains", PAGE, USUAL) == peers_realm("domains")


def test_an_address_of_ipv6_is_a_domain_with_and_without_brackets() -> None:
    for domain in ("::1", "[::1]"):
        keys = PeerKeys([ApiKey("k", (domain,))])
        assert keys.for_browser("k", "http://[::1]:8080", USUAL) == peers_realm("k")


def test_keys_and_secrets_are_in_no_text_of_them() -> None:
    found = KEYS.for_device("secret", "example.com", USUAL)
    for text in (repr(SECRET), repr(found), repr(KEYS)):
        assert "s3cret" not in text
    assert "secret" not in repr(SECRET).replace("secret=", "")


@given(st.text())
def test_the_host_of_any_text_is_found_or_none(origin: str) -> None:
    host = host_of(origin)
    assert host is None or host == host.lower()


def test_the_secret_of_a_realm_is_that_of_its_key_now() -> None:
    keys = PeerKeys([OPEN, SECRET])
    assert keys.secret_of(peers_realm("secret")) == "s3cret"
    assert keys.secret_of(peers_realm("open")) == ""
    assert keys.secret_of(peers_realm(USUAL)) is None
    keys.set([ApiKey("secret", secret="another")])
    assert keys.secret_of(peers_realm("secret")) == "another"
    assert keys.secret_of(peers_realm("open")) is None
