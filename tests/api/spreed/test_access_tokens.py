"""The file of access tokens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.spreed.access_tokens import AccessTokens, parse_tokens


def test_the_first_column_counts_whatever_its_case() -> None:
    text = "# people\nAnn:first floor:x\n  bob\n\n:nobody\nCarol # friend\n"
    assert parse_tokens(text) == {"ann", "bob", "carol # friend"}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("one\n")
    tokens = AccessTokens(file)
    assert (tokens.find("ONE"), tokens.find("two")) == ("one", None)
    file.write_text("two\n")
    os.utime(file, ns=(1, 1))
    assert (tokens.find("one"), tokens.find("two")) == (None, "two")


def test_a_file_that_goes_away_leaves_what_was_known(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("one\n")
    tokens = AccessTokens(file)
    assert tokens.find("one") == "one"
    file.unlink()
    assert tokens.find("one") == "one"


def test_another_file_replaces_the_former_one(tmp_path: Path) -> None:
    former, other = tmp_path / "former.txt", tmp_path / "other.txt"
    former.write_text("first\n")
    other.write_text("other\n")
    tokens = AccessTokens(former)
    assert tokens.find("first") == "first"
    tokens.use(other)
    assert (tokens.find("first"), tokens.find("other")) == (None, "other")
    tokens.use(None)
    assert (tokens.find("other"), tokens.configured) == (None, False)


@pytest.mark.parametrize("given_token", ["", " ", "#", "one"])
def test_without_a_file_no_token_is_good(given_token: str) -> None:
    tokens = AccessTokens(None)
    assert tokens.find(given_token) is None
    assert not tokens.configured


@given(st.text())
def test_any_text_gives_tokens_that_can_be_found(text: str) -> None:
    for token in parse_tokens(text):
        assert token
        assert token == token.strip().lower()
