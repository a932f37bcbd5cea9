"""Names: nobody takes one that looks like another's, and everybody gets one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.barertc.names import (
    LONGEST,
    RESERVED,
    NameBanned,
    NameRefused,
    guest_name,
    is_subject,
    name_key,
)
from tests.support.examples import examples


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "ALICE"),
        ("Straße", "STRASSE"),
        ("ａｌｉｃｅ", "alice"),
        ("ﬁn", "fin"),
        ("e\u0301", "é"),
        ("a\u034fb", "ab"),
        ("a\ufe0fb", "ab"),
        ("a\u3164", "a"),
        ("a\u00a0b", "a  b"),
        (" a ", "a"),
        ("K", "\u212a"),
    ],
)
def test_names_that_look_the_same_are_one(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("alice", "alice 2"), ("a", "ä"), ("a b", "ab")])
def test_other_names_are_two(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize(
    ("wanted", "given_name"),
    [
        ("alice", "alice"),
        ("  alice \n", "alice"),
        ("a   b", "a b"),
        ("", "anonymous"),
        (" \t ", "anonymous"),
        ("\u3164", "anonymous"),
        ('O\'Neill "x" <b>', 'O\'Neill "x" <b>'),
        ("e\u0301", "é"),
        ("李 ❤️", "李 ❤️"),
        ("bob", "bob 3"),
        ("BOB", "BOB 3"),
        ("bob 2", "bob 2 2"),
        ("ｂｏｂ", "ｂｏｂ 3"),
    ],
)
def test_a_guest_gets_the_name_or_the_next_that_is_free(wanted: str, given_name: str) -> None:
    assert guest_name(wanted, {"bob", "bob 2"}) == given_name


def test_several_without_a_name_are_numbered() -> None:
    taken: set[str] = set()
    names = []
    for _ in range(3):
        names.append(guest_name("", taken))
        taken.add(name_key(names[-1]))
    assert names == ["anonymous", "anonymous 2", "anonymous 3"]


@pytest.mark.parametrize(
    "wanted",
    [
        "ChatServer", "chatserver", "ＣhatServer", "Chat\u034fServer", " CHATSERVER ", "system",
        "a\0b", "a\nb", "a\u202eb", "a\u200bb", "a\u2028b", "\ud800",
        "@bob", "＠bob", "a" * (LONGEST + 1),
    ],
)  # fmt: skip
def test_some_names_no_guest_may_have(wanted: str) -> None:
    with pytest.raises(NameRefused) as refused:
        guest_name(wanted, set())
    assert not isinstance(refused.value, NameBanned)
    assert str(refused.value)


@pytest.mark.parametrize("wanted", ["mallory", "MALLORY", "ｍallory"])
def test_the_name_of_somebody_banned_is_told_apart(wanted: str) -> None:
    with pytest.raises(NameBanned):
        guest_name(wanted, {"mallory"}, {"mallory"})


def test_a_number_does_not_lead_to_a_banned_name() -> None:
    assert guest_name("bob", {"bob"}, {"bob 2"}) == "bob 3"


@settings(max_examples=examples(500))
@given(st.text(max_size=70), st.sets(st.text(max_size=5).map(name_key), max_size=5))
def test_whoever_gets_a_name_is_the_only_one_of_it(wanted: str, taken: set[str]) -> None:
    try:
        name = guest_name(wanted, taken)
    except NameRefused:
        return
    assert name_key(name)
    assert name_key(name) not in taken | RESERVED
    assert name == name.strip()
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs") for each in name)
    assert guest_name(name, taken) == name


@settings(max_examples=examples(300))
@given(st.text(max_size=40))
def test_a_key_is_its_own_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
    assert name_key(unicodedata.normalize("NFKC", name)) == name_key(name)


@pytest.mark.parametrize(
    ("subject", "can_be"),
    [
        ("alice", True), ("Alice B", True), (" alice", True), ("@a", True), ("a" * 256, True),
        ("", False), (" ", False), ("a" * 257, False), ("a\nb", False), ("chatserver", False),
        ("\ud800", False), ("\u3164", False),
    ],
)  # fmt: skip
def test_a_subject_is_taken_as_it_is_or_not_at_all(subject: str, can_be: bool) -> None:
    assert is_subject(subject) is can_be
