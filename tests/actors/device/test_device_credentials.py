"""Who a peer is, proven by the secret of its API key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.device.credentials import Credential, check_credential, credential_token
from actors.words.device_refusals import CredentialWrong

MADE = 1_582_789_414
SECRET, PEER = "sample-secret", "ID_FOO"
TOKEN = "tZb/NNmcED9GWLySnlbjaQfynEvrPq8UH9Vb7wK/FUU="


def test_the_published_samples_prove_it() -> None:
    assert credential_token(SECRET, PEER, MADE, 3600) == TOKEN
    check_credential(SECRET, PEER, Credential(MADE, 3600, TOKEN), MADE + 10)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (MADE - 31, "future"),
        (MADE - 29, ""),
        (MADE, ""),
        (MADE + 3599.9, ""),
        (MADE + 3600, "expired"),
    ],
)
def test_it_is_good_for_its_time(now: float, words: str) -> None:
    credential = Credential(MADE, 3600, TOKEN)
    if not words:
        check_credential(SECRET, PEER, credential, now)
        return
    with pytest.raises(CredentialWrong, match=words):
        check_credential(SECRET, PEER, credential, now)


@pytest.mark.parametrize(("ttl", "good"), [(599, 0), (600, 1), (90_000, 1), (90_001, 0), (-1, 0)])
def test_how_long_it_may_be_good(ttl: int, good: int) -> None:
    credential = Credential(MADE, ttl, credential_token(SECRET, PEER, MADE, ttl))
    if good:
        check_credential(SECRET, PEER, credential, MADE)
    else:
        with pytest.raises(CredentialWrong, match="ttl"):
            check_credential(SECRET, PEER, credential, MADE)


@given(
    st.sampled_from([SECRET, "other", "\ud800"]),
    st.sampled_from([PEER, "ID_FOO2", "é", "\ud800"]),
    st.sampled_from([MADE, MADE + 1]),
    st.sampled_from([3600, 3601]),
    st.sampled_from([TOKEN, TOKEN[:-1], "", "é", "\ud800"]) | st.text(max_size=50),
)
def test_only_the_token_of_just_that_proves_it(
    secret: str, peer: str, timestamp: int, ttl: int, token: str
) -> None:
    credential = Credential(timestamp, ttl, token)
    if (secret, peer, timestamp, ttl, token) == (SECRET, PEER, MADE, 3600, TOKEN):
        check_credential(secret, peer, credential, MADE + 5)
    else:
        with pytest.raises(CredentialWrong):
            check_credential(secret, peer, credential, MADE + 5)


def test_none_proves_nothing_and_none_is_shown() -> None:
    with pytest.raises(CredentialWrong):
        check_credential(SECRET, PEER, None, MADE)
    assert TOKEN not in repr(Credential(MADE, 3600, TOKEN))
