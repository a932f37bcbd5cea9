"""Names: nobody takes one that looks like another's, and everybody gets one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.site.names import RESERVED, name_key
from api.barertc.names import LONGEST, NameRefused, guest_name, is_subject
from tests.support.examples import examples


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
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("می\u200cخواهد", "می\u200cخواهد"),
        (" \u200d \u200calice\u200d ", "alice"),
        ("\u200d\u200c", "anonymous"),
    ],
)
def test_a_guest_gets_the_name_that_he_asks_for(wanted: str, given_name: str) -> None:
    assert guest_name(wanted) == given_name


@pytest.mark.parametrize(
    "wanted",
    [
        "ChatServer", "chatserver", "ＣhatServer", "Chat\u034fServer", " CHATSERVER ", "system",
        "a\0b", "a\nb", "a\u202eb", "a\u200bb", "a\u2028b", "\ud800",
        "Chat\u200dServer", "@bob", "＠bob", "a" * (LONGEST + 1),
    ],
)  # fmt: skip
def test_some_names_no_guest_may_have(wanted: str) -> None:
    with pytest.raises(NameRefused) as refused:
        guest_name(wanted)
    assert str(refused.value)


def test_two_names_that_differ_in_joiners_alone_are_one() -> None:
    assert name_key(guest_name("ali\u200dce")) == name_key("alice")


@settings(max_examples=examples(500))
@given(st.text(max_size=70))
def test_a_name_that_is_given_can_be_shown(wanted: str) -> None:
    try:
        name = guest_name(wanted)
    except NameRefused:
        return
    assert name_key(name)
    assert name_key(name) not in RESERVED
    assert name == name.strip()
    unseen = {each for each in name if unicodedata.category(each) in ("Cc", "Cf", "Cs")}
    assert unseen <= {"\u200c", "\u200d"}
    assert guest_name(name) == name


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
