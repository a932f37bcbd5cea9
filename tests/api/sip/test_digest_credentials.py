"""Digest: the vectors of RFC 7616, our two ends, counts that come twice, old nonces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.sip.auth import (
    Challenge,
    Credentials,
    DigestServer,
    DigestVerdict,
    authorization,
    challenges,
    digest,
    pairs,
)

MUFASA = Credentials("Mufasa", "Circle of Life")
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
VECTORS = [
    ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
]


@pytest.mark.parametrize(("algorithm", "response"), VECTORS)
def test_vectors_of_rfc_7616(algorithm: str, response: str) -> None:
    """Section 3.9.1."""
    uri = "/dir/index.html"
    realm = "http-auth@example.org"
    assert digest(algorithm, MUFASA, realm, "GET", uri, NONCE, "00000001", CNONCE) == response
    said = authorization(MUFASA, Challenge(realm, NONCE, algorithm), "GET", uri, CNONCE)
    assert pairs(said) == {
        "username": "Mufasa", "realm": realm, "uri": uri, "algorithm": algorithm, "nonce": NONCE,
        "nc": "00000001", "cnonce": CNONCE, "qop": "auth", "response": response,
    }  # fmt: skip


def test_vector_of_rfc_2069_without_qop() -> None:
    """RFC 2617's example without qop, as old registrars ask."""
    who = Credentials("Mufasa", "Circle Of Life")
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    response = digest("MD5", who, "testrealm@host.com", "GET", "/dir/index.html", nonce)
    assert response == "670fd8c2df070c60b045671b8b24ff02"


def server(**more: Any) -> DigestServer:
    return DigestServer("house", {"u": "p"}.get, **more)


def shown(asked: str, password: str = "p", count: int = 1, method: str = "INVITE") -> list[str]:
    (challenge,) = challenges([asked])
    return [authorization(Credentials("u", password), challenge, method, "sip:a@b", count=count)]


@pytest.mark.parametrize("index", [0, 1])
def test_our_two_ends_understand_each_other(index: int) -> None:
    ours = server()
    asked = ours.challenge(100.0)[index]
    assert ("MD5", "SHA-256")[index] in asked
    assert ours.check(shown(asked), "INVITE", 101.0) == (DigestVerdict.RIGHT, "u")
    assert ours.check(shown(asked), "INVITE", 101.0)[0] is DigestVerdict.STALE  # that count again
    assert ours.check(shown(asked, count=3), "INVITE", 101.0)[0] is DigestVerdict.RIGHT
    assert ours.check(shown(asked, count=2), "INVITE", 101.0)[0] is DigestVerdict.STALE
    assert ours.check(shown(asked, "q", count=4), "INVITE", 101.0)[0] is DigestVerdict.WRONG
    assert ours.check(shown(asked, count=4), "REGISTER", 101.0)[0] is DigestVerdict.WRONG
    assert ours.check(shown(asked, count=4), "INVITE", 500.0)[0] is DigestVerdict.STALE
    assert ours.check([], "INVITE", 101.0)[0] is DigestVerdict.NONE


def test_better_algorithm_is_chosen_whatever_the_order() -> None:
    asked = server().challenge(0.0)
    assert [each.algorithm for each in challenges(asked[::-1])] == ["SHA-256", "MD5"]
    assert challenges(["Basic realm=x", 'Digest realm="x", nonce="n", algorithm=SHA-512']) == []
    assert challenges(['Digest realm="x", nonce="n", qop="auth-int"']) == []
    (both,) = challenges(['digest realm="a, \\"b\\"",nonce="n",qop="auth,auth-int",stale=TRUE'])
    assert (both.realm, both.qop, both.stale) == ('a, "b"', True, True)


def test_nonces_of_others_are_stale_though_the_password_is_right() -> None:
    ours, other = server(), server()
    asked = other.challenge(1.0)[0]
    assert ours.check(shown(asked), "INVITE", 1.0)[0] is DigestVerdict.STALE
    assert ours.check(shown(asked, "q"), "INVITE", 1.0)[0] is DigestVerdict.STALE
    theirs = ours.challenge(1.0, host="192.0.2.1")[0]  # told as if it came from another one
    assert ours.check(shown(theirs, "q"), "INVITE", 1.0, "192.0.2.2")[0] is DigestVerdict.STALE
    assert ours.check(shown(theirs, "q"), "INVITE", 1.0, "192.0.2.1")[0] is DigestVerdict.WRONG
    assert "stale=true" in ours.challenge(1.0, stale=True)[0]


def test_forgotten_counts_cannot_be_told_again() -> None:
    ours = server(most=2)
    first = shown(ours.challenge(1.0)[0])
    assert ours.check(first, "INVITE", 1.0)[0] is DigestVerdict.RIGHT
    for second in (2.0, 3.0, 4.0):
        later = shown(ours.challenge(second)[0])
        assert ours.check(later, "INVITE", second)[0] is DigestVerdict.RIGHT
    assert len(ours._counts) == 2
    assert ours.check(first, "INVITE", 4.0)[0] is DigestVerdict.STALE


def test_unknown_user_is_wrong_also_with_an_empty_password() -> None:
    ours = server()
    (challenge, _) = challenges(ours.challenge(1.0))
    said = authorization(Credentials("nobody", ""), challenge, "INVITE", "sip:a@b")
    assert ours.check([said], "INVITE", 1.0)[0] is DigestVerdict.WRONG


@given(st.text(max_size=200), st.booleans())
def test_any_header_is_judged_without_an_error(text: str, prefixed: bool) -> None:
    value = f"Digest {text}" if prefixed else text
    pairs(value)
    challenges([value])
    assert server().check([value], "INVITE", 1.0)[0] in (DigestVerdict.NONE, DigestVerdict.STALE)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_name_and_password_go_through(user: str, password: str, uri: str) -> None:
    kept = "".join(sign for sign in user if sign not in "\r\n\0")
    ours = DigestServer("house", {kept: password}.get)
    (challenge, _) = challenges(ours.challenge(1.0))
    said = authorization(Credentials(kept, password), challenge, "INVITE", uri.strip("\r\n\0"))
    verdict, _ = ours.check([said], "INVITE", 1.0)
    assert verdict is DigestVerdict.RIGHT or set(uri) & set("\r\n\0")


def test_only_the_algorithms_that_are_offered_count() -> None:
    asked = server(algorithms=("MD5",)).challenge(0.0)
    assert [each.algorithm for each in challenges(asked)] == ["MD5"]
    both = server()
    (best, _) = challenges(both.challenge(0.0))
    said = authorization(Credentials("u", "p"), best, "INVITE", "sip:a@b")
    assert both.check([said], "INVITE", 1.0)[0] is DigestVerdict.RIGHT
    old = server(algorithms=("MD5",))
    (only,) = challenges(old.challenge(0.0))
    better = replace(only, algorithm="SHA-256")
    said = authorization(Credentials("u", "p"), better, "INVITE", "sip:a@b")
    assert old.check([said], "INVITE", 1.0)[0] is DigestVerdict.WRONG
