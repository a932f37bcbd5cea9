"""Login tokens: what is signed, what is taken, and that nobody can make one up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.words.site import (
    NO_STANDING,
    Rule,
    Standing,
)
from api.barertc.tokens import (
    LIFE_SECONDS,
    LONGEST_TOKEN,
    BadLoginToken,
    Bearer,
    LoginClaims,
    LoginTokens,
    claims_document,
    rules_document,
)

SECRET = "a secret of the site, of thirty-two bytes and more"
NOW = 1_700_000_000.0
OPERATOR = {"sub": "alice", "op": True}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(claims: object, secret: str = SECRET, alg: str = "HS256") -> str:
    """Sign without the library under test."""
    signed = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": alg}, claims))
    kind = {"HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(alg, hashlib.sha256)
    mac = b"" if alg == "none" else hmac.digest(secret.encode(), signed.encode(), kind)
    return f"{signed}.{b64(mac)}"


def tokens(secret: str = SECRET, now: float = NOW) -> LoginTokens:
    return LoginTokens(lambda: secret, lambda: now)


def claims_in(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_what_is_signed_comes_back() -> None:
    standing = Standing(
        "Al", True, True, "/a.png", "/u/alice", "🤖", "m", frozenset({Rule.NO_IMAGE})
    )
    token = tokens().sign_for(Bearer("alice", standing))
    assert tokens().verify(token) == Bearer("alice", standing)


def test_ends_and_begins_of_the_claims_are_overwritten() -> None:
    claims = LoginClaims.model_validate({"sub": "a", "exp": 1, "iat": 9e12, "nbf": 9e12})
    times = claims_in(tokens().sign(claims))
    assert times["exp"] == NOW + LIFE_SECONDS
    assert (times["iat"], times["nbf"]) == (NOW, NOW)


def test_it_ends_after_five_minutes() -> None:
    token = tokens().sign(LoginClaims(sub="a"))
    assert tokens(now=NOW + LIFE_SECONDS - 1).verify(token).name == "a"
    with pytest.raises(BadLoginToken, match="expired"):
        tokens(now=NOW + LIFE_SECONDS).verify(token)


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_three_algorithms_are_taken(alg: str) -> None:
    assert tokens().verify(forged(OPERATOR, alg=alg)).standing.operator


@pytest.mark.parametrize("alg", ["none", "None", "HS1", "RS256", "ES256", "EdDSA", ""])
def test_no_other_algorithm_is(alg: str) -> None:
    with pytest.raises(BadLoginToken):
        tokens().verify(forged(OPERATOR, alg=alg))


def test_an_empty_secret_validates_and_signs_nothing() -> None:
    with pytest.raises(BadLoginToken):
        tokens("").verify(forged(OPERATOR, ""))
    with pytest.raises(BadLoginToken):
        tokens("").sign(LoginClaims(sub="alice"))


def test_a_token_signed_with_an_empty_secret_is_no_token() -> None:
    with pytest.raises(BadLoginToken):
        tokens().verify(forged(OPERATOR, ""))


def test_a_short_secret_of_an_old_site_still_works() -> None:
    assert tokens("change me").verify(forged(OPERATOR, "change me")).name == "alice"


@pytest.mark.parametrize("name", ["Alice", "alice ", "ALICE", "a\u0301lice", ""])
def test_the_subject_is_taken_exactly(name: str) -> None:
    assert tokens().verify(forged({"sub": name})).name == name


def test_names_of_claims_are_matched_without_case_and_the_exact_one_wins() -> None:
    claims = {"SUB": "x", "sub": "alice", "Op": True, "ISS": "y", "nIck": "Al"}
    assert tokens().verify(forged(claims)) == Bearer("alice", Standing("Al", operator=True))


def test_null_is_a_claim_left_out() -> None:
    names = ("nick", "op", "vip", "img", "url", "emoji", "gender", "rules", "exp", "nbf", "iat")
    claims = {"sub": "a"} | dict.fromkeys(names)
    assert tokens().verify(forged(claims)) == Bearer("a", NO_STANDING)


def test_rules_nobody_knows_are_left_out() -> None:
    token = forged({"sub": "a", "rules": ["noimage", "nosuch", "redcam"]})
    assert tokens().verify(token).standing.rules == {Rule.NO_IMAGE, Rule.RED_CAMERA}


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": 5}, {"sub": "a", "op": "true"}, {"sub": "a", "op": 1}, {"sub": ["a"]},
        {"sub": "a", "rules": "noimage"}, {"sub": "a", "rules": [1]}, {"sub": "a" * 129},
        {"sub": "a", "nick": "n" * 2049}, {"sub": "a", "exp": "9999999999"},
        {"sub": "a", "exp": True}, {"sub": "a", "exp": float("nan")}, {"sub": "a", "exp": 1},
        {"sub": "a", "nbf": NOW + 1000}, {"sub": "a", "iat": NOW + 1000}, ["sub"], "a", None, 7,
        {"sub": "a", "rules": ["noimage"] * 33},
    ],
)  # fmt: skip
def test_wrong_claims_are_refused(claims: object) -> None:
    with pytest.raises(BadLoginToken):
        tokens().verify(forged(claims))


def test_a_token_that_could_not_come_back_is_not_signed() -> None:
    claims = LoginClaims(sub="a", nick="n" * 2048, img="i" * 2048, url="u" * 2048, emoji="e" * 2048)
    with pytest.raises(BadLoginToken, match="too long"):
        tokens().sign(claims)


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "\ud800.x.y", "."])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(BadLoginToken):
        tokens().verify(token)


@given(st.text() | st.binary().map(lambda raw: b64(raw) + "." + b64(raw) + "." + b64(raw)))
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(BadLoginToken):
        tokens().verify(token)


@given(st.integers(0, 400), st.characters(codec="ascii", categories=["L", "N"]))
def test_a_changed_token_is_refused(index: int, character: str) -> None:
    token = tokens().sign(LoginClaims(sub="alice", op=True, nick="Al"))
    index %= len(token) - 1  # the last character holds bits that are not read
    changed = token[:index] + character + token[index + 1 :]
    if changed != token:
        with pytest.raises(BadLoginToken):
            tokens().verify(changed)


def test_a_long_token_is_not_read() -> None:
    with pytest.raises(BadLoginToken, match="too long"):
        tokens().verify("a" * (LONGEST_TOKEN + 1))


def test_the_page_is_told_claims_and_rules() -> None:
    bearer = Bearer("alice", Standing("Al", vip=True, rules=frozenset({Rule.NO_VIDEO})))
    assert claims_document(bearer) == {
        "sub": "alice", "nick": "Al", "op": False, "vip": True, "img": "", "url": "",
        "emoji": "", "gender": "", "rules": ["novideo"],
    }  # fmt: skip
    assert rules_document(bearer.standing.rules) == {
        "IsNoVideoRule": True,
        "IsNoImageRule": False,
        "IsNoBroadcastRule": True,
        "IsRedCamRule": False,
        "IsNoDarkVideoRule": False,
    }
