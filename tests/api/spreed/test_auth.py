"""Logins signed by a portal, names set by a proxy, and TURN credentials."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.settings import IceSettings
from api.spreed.auth import make_login, user_of_combo, user_of_header
from api.spreed.turn import stun_uris, turn_document, turn_uris

SECRET = "shared"
NOW = 1000.0


def sign(combo: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), combo.encode(), hashlib.sha256)).decode()


@pytest.mark.parametrize(
    ("combo", "user"),
    [
        ("2000:ann", "ann"),
        ("1000:ann", "ann"),
        ("2000:ann:anything", "ann"),
        ("999:ann", None),
        ("2000:", None),
        ("2000", None),
        (":ann", None),
        ("", None),
        ("soon:ann", None),
        ("-5:ann", None),
        ("²000:ann", None),
        ("9" * 400 + ":ann", None),
    ],
)
def test_a_signed_combination_is_good_until_it_ends(combo: str, user: str | None) -> None:
    assert user_of_combo(combo, sign(combo), SECRET, NOW) == user


def test_the_third_field_is_signed_too() -> None:
    assert user_of_combo("2000:ann:x", sign("2000:ann"), SECRET, NOW) is None


def test_an_empty_shared_secret_never_validates() -> None:
    assert user_of_combo("2000:ann", sign("2000:ann", ""), "", NOW) is None
    with pytest.raises(ValueError, match="empty shared secret"):
        make_login("ann", "", 2000)


@pytest.mark.parametrize("user", ["", "a:b"])
def test_no_login_is_made_for_a_name_that_could_not_be_read_back(user: str) -> None:
    with pytest.raises(ValueError, match="user id"):
        make_login(user, SECRET, 2000)


@given(st.text(st.characters(exclude_characters=":"), min_size=1), st.integers(1000, 10**12))
def test_what_is_made_is_accepted(user: str, expires: int) -> None:
    try:
        user.encode()
    except UnicodeEncodeError:
        return
    login = make_login(user, SECRET, expires)
    assert user_of_combo(login.combo, login.secret, SECRET, NOW) == user


@given(st.text(), st.text())
def test_nothing_unsigned_is_accepted(combo: str, secret: str) -> None:
    assert user_of_combo(combo, secret, SECRET, NOW) is None


def test_a_header_counts_only_from_a_trusted_proxy() -> None:
    headers = {"x-users": " ann "}
    assert user_of_header(headers, "X-Users", trusted=True) == "ann"
    assert user_of_header(headers, "X-Users", trusted=False) == ""
    assert user_of_header({}, "X-Users", trusted=True) == ""


def test_turn_credentials_end_with_their_hour() -> None:
    ice = IceSettings.model_validate({"turn_urls": ["turn:t:3478"], "turn_secret": "s"})
    document = turn_document(ice, "id", NOW)
    username = str(document["username"])
    expiry, name = username.split(":")
    assert (int(expiry), name) == (
        4600,
        base64.b64encode(hashlib.sha256(b"id").digest()).decode(),
    )
    mac = hmac.digest(b"s", username.encode(), hashlib.sha1)
    assert document["password"] == base64.b64encode(mac).decode()
    assert (document["ttl"], document["urls"]) == (3600, ["turn:t:3478"])


def test_without_a_secret_the_servers_own_credentials_are_given_and_never_null() -> None:
    server = {"urls": ["stun:s", "turn:t"], "username": "u", "credential": "c"}
    ice = IceSettings.model_validate({"servers": [server]})
    assert turn_document(ice, "id", NOW) == {
        "username": "u", "password": "c", "ttl": 0, "urls": ["turn:t"],
    }  # fmt: skip
    assert (stun_uris(ice), turn_uris(ice)) == (["stun:s"], ["turn:t"])
    assert turn_document(IceSettings(), "id", NOW) == {
        "username": "", "password": "", "ttl": 0, "urls": [],
    }  # fmt: skip
