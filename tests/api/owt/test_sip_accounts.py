"""What rooms' documents say of SIP, and who is called by which username."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.owt.callers import caller, user_of
from api.owt.rooms import read_room
from api.owt.sip_accounts import RoomSip, SipUsernames, sip_of
from api.sip.rooms import RoomAccount
from tests.api.owt.test_rest_sip_calls import JSON

ALL = {"sipServer": "sip.example.org", "username": "desk", "password": "sesame"}


@pytest.mark.parametrize(
    ("sip", "expected"),
    [
        (None, None),
        ({}, None),
        (ALL, RoomSip("desk", "sip.example.org", "sesame")),
        ({"username": "desk"}, RoomSip("desk")),
        ({"sipServer": "h"}, RoomSip("", "h")),
        ({"sipServer": None, "username": 5}, RoomSip("5")),
        ({"username": "d" * 257}, None),
    ],
)
def test_what_a_room_says(sip: object, expected: RoomSip | None) -> None:
    options = {"name": "room"} if sip is None else {"name": "room", "sip": sip}
    document = json.dumps(read_room(options).as_json()).encode()
    assert sip_of(document) == expected


@given(st.binary() | JSON.map(lambda it: json.dumps(it).encode()))
def test_no_document_hurts(document: bytes) -> None:
    assert sip_of(document) is None


@given(st.dictionaries(st.sampled_from([*ALL, "other"]), JSON))
def test_any_sip_is_read_or_is_none(sip: dict[str, object]) -> None:
    found = sip_of(json.dumps({"views": [{}], "sip": sip, "name": "x"}).encode())
    if found is not None:
        assert found.username == (sip.get("username") or "")


@pytest.mark.parametrize(
    ("sip", "account"),
    [
        (RoomSip("desk", "h", "sesame"), RoomAccount("desk", "sesame", "h")),
        (RoomSip("desk", "h"), RoomAccount("desk", "", "h")),
        (RoomSip("desk"), None),
        (RoomSip("", "h", "sesame"), None),
    ],
)
def test_an_account_has_a_server_and_a_username(sip: RoomSip, account: RoomAccount | None) -> None:
    assert sip.account == account


def test_no_password_is_shown() -> None:
    sip = RoomSip("desk", "h", "sesame")
    assert "sesame" not in f"{sip!r} {sip.account!r} {sip.account} {[sip.account]}"


ROOMS = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(ROOMS, st.sampled_from(["", "x", "y"]))))
def test_the_oldest_room_has_a_username(puts: list[tuple[str, str]]) -> None:
    usernames, model = SipUsernames(), dict[str, str]()
    for room, username in puts:
        assert usernames.put(room, username) == (model.get(room, "") != username)
        model[room] = username
        for each in ("x", "y", ""):
            having = sorted(room for room, name in model.items() if name == each != "")
            assert usernames.room(each) == next(iter(having), None)
        assert set(usernames.rooms) == {room for room, name in model.items() if name}


# --- who calls


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:ann@example.org", "ann"),
        ("SIPS:ann:sesame@example.org;transport=tls?subject=x", "ann"),
        ("sip:+49301234;phone-context=a@example.org", "+49301234"),
        ("tel:+49301234;ext=5", "+49301234"),
        ("sip:example.org:5070;lr", "example.org:5070"),
        ("ann@example.org", "ann"),
        ("+49301234", "+49301234"),
        ("", ""),
    ],
)
def test_the_user_of_a_uri(uri: str, user: str) -> None:
    assert user_of(uri) == user


@given(st.text())
def test_any_text_has_a_user(uri: str) -> None:
    assert len(user_of(uri)) <= 256


def test_a_caller_has_the_rights_of_the_role() -> None:
    options = {
        "name": "room",
        "roles": [{"role": "sip", "publish": {"audio": True}, "subscribe": {"video": True}}],
    }
    presence = caller("sip:ann@h", read_room(options), incoming=True)
    assert presence is not None
    assert (presence.user, presence.role) == ("ann", "sip")
    assert presence.peer.startswith("SipIn")
    assert len(presence.peer) == len("SipIn") + 18
    publish, subscribe = presence.permission.publish, presence.permission.subscribe
    assert (publish.audio, publish.video) == (True, False)
    assert (subscribe.audio, subscribe.video) == (False, True)
    assert caller("sip:ann@h", read_room({"name": "room"}), incoming=True) is not None
    others = read_room({"name": "room", "roles": [{"role": "viewer"}]})
    assert caller("sip:ann@h", others, incoming=False) is None
