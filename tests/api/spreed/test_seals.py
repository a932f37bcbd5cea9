"""Ids and tokens: what is ours opens, what is old, foreign or changed does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.spreed.signing import ATTESTATION_SECONDS, TOKEN_SECONDS, Seals


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seals(clock: Clock) -> Seals:
    return Seals("secret", clock)


def test_an_id_follows_from_its_sid_and_fits_a_path(seals: Seals) -> None:
    session = seals.new_session()
    assert seals.session_of(session.sid) == session
    assert seals.owns(session.id, session.sid)
    assert not seals.owns(session.id, seals.new_session().sid)
    assert not seals.owns(session.id, "")
    assert set(session.id) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
    )


def test_a_token_resumes_session_and_user_for_thirty_days(seals: Seals, clock: Clock) -> None:
    session = seals.new_session()
    token = seals.resume_token(session, "ann")
    clock.now += TOKEN_SECONDS
    assert seals.resume(token) == (session, "ann")
    clock.now += 1
    assert seals.resume(token) is None


def test_an_attestation_opens_for_two_to_five_minutes(seals: Seals, clock: Clock) -> None:
    attestation = seals.attest("id")
    clock.now += 119
    assert seals.attested(attestation) == "id"
    clock.now += ATTESTATION_SECONDS
    assert seals.attested(attestation) is None
    assert seals.attested(seals.attest("id")) == "id"


def test_a_token_is_good_for_its_own_purpose_only(seals: Seals) -> None:
    session = seals.new_session()
    token = seals.resume_token(session, "ann")
    contact = seals.contact_token("bob", "ann")
    assert seals.contact(contact) == ("bob", "ann")
    assert seals.resume(contact) is None
    assert seals.contact(token) is None
    assert seals.attested(token) is None
    assert Seals("another secret").resume(token) is None


def test_a_user_is_signed_and_nobody_is_not(seals: Seals) -> None:
    assert seals.suserid("") == ""
    assert seals.suserid("ann") not in ("", seals.suserid("bob"))


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    seals = Seals("secret")
    assert seals.resume(text) is None
    assert seals.attested(text) is None
    assert seals.contact(text) is None


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_changed_token_is_refused(place: int, letter: str) -> None:
    seals = Seals("secret")
    token = seals.resume_token(seals.session_of("sid"), "ann")
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or seals.resume(changed) is None
