"""Ids and tokens: what is ours opens, what is old, foreign or changed does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.spreed.signing import (
    ATTESTATION_REFRESH,
    ATTESTATION_SECONDS,
    TOKEN_SECONDS,
    Signer,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signer(clock: Clock) -> Signer:
    return Signer("secret", clock)


def test_an_id_follows_from_its_sid_and_fits_a_path(signer: Signer) -> None:
    session = signer.new_session()
    assert signer.session_of(session.sid) == session
    assert signer.owns(session.id, session.sid)
    assert not signer.owns(session.id, signer.new_session().sid)
    assert not signer.owns(session.id, "")
    assert set(session.id) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
    )


def test_a_token_resumes_session_and_user_for_thirty_days(signer: Signer, clock: Clock) -> None:
    session = signer.new_session()
    token = signer.resume_token(session, "ann")
    clock.now += TOKEN_SECONDS
    assert signer.resume(token) == (session, "ann")
    clock.now += 1
    assert signer.resume(token) is None


def test_attestations_are_remembered_only_as_long_as_they_are_made_the_same(
    signer: Signer, clock: Clock
) -> None:
    before = signer.attest("id")
    for number in range(100):
        signer.attest(f"somebody who goes {number}")
    assert signer.attest("id") == before
    clock.now += ATTESTATION_REFRESH
    assert signer.attest("id") != before
    assert signer._attestation.cache_info().currsize == 1


def test_an_attestation_opens_for_two_to_five_minutes(signer: Signer, clock: Clock) -> None:
    attestation = signer.attest("id")
    clock.now += 119
    assert signer.attested(attestation) == "id"
    clock.now += ATTESTATION_SECONDS
    assert signer.attested(attestation) is None
    assert signer.attested(signer.attest("id")) == "id"


def test_a_token_is_good_for_its_own_purpose_only(signer: Signer) -> None:
    session = signer.new_session()
    token = signer.resume_token(session, "ann")
    contact = signer.contact_token("bob", "ann")
    assert signer.contact(contact) == ("bob", "ann")
    assert signer.resume(contact) is None
    assert signer.contact(token) is None
    assert signer.attested(token) is None
    assert Signer("another secret").resume(token) is None


def test_a_user_is_signed_and_nobody_is_not(signer: Signer) -> None:
    assert signer.suserid("") == ""
    assert signer.suserid("ann") not in ("", signer.suserid("bob"))


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    signer = Signer("secret")
    assert signer.resume(text) is None
    assert signer.attested(text) is None
    assert signer.contact(text) is None


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_changed_token_is_refused(place: int, letter: str) -> None:
    signer = Signer("secret")
    token = signer.resume_token(signer.session_of("sid"), "ann")
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or signer.resume(changed) is None
