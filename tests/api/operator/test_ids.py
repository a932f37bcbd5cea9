"""Rooms and people by their ids: any name fits, each has one id, and junk is told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.words.keys import MemberKey, RoomKey
from api.operator.ids import LONGEST_ID, member_key, person_id, room_id, room_key

names = st.text(st.characters(exclude_categories=()), max_size=60)
realms = st.text(min_size=1, max_size=20)


@given(realms, names)
def test_every_room_and_person_has_an_id_that_fits_into_a_path(realm: str, name: str) -> None:
    room, member = RoomKey(realm, name), MemberKey(realm, name)
    for id_ in (room_id(room), person_id(member)):
        assert id_.isascii()
        assert id_.replace("-", "").replace("_", "").isalnum()
    assert room_key(room_id(room)) == room
    assert member_key(person_id(member)) == member


@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_what_is_no_id_is_told_apart(junk: str) -> None:
    try:
        key = room_key(junk)
    except ValueError:
        return
    assert room_id(key) == junk


@pytest.mark.parametrize(
    "junk", ["", "=", "c3ByZWVkOnRlYQ==", "c3ByZWVk OnRlYQ", "\udc80", "x", "w" * (LONGEST_ID + 1)]
)
def test_junk_raises_value_error(junk: str) -> None:
    for read in (room_key, member_key):
        with pytest.raises(ValueError):
            read(junk)
