"""Messages in and out: lenient where clients are, silent where they make no sense."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.words.site import (
    Person,
    Rule,
    Standing,
    Video,
)
from api.barertc import wire
from api.barertc.wire import BadMessage, BareMessage, decode, decode_small, encode
from tests.support.examples import examples

REST = 1_048_576


def small(text: str) -> BareMessage:
    return decode_small(text.encode())


def test_null_is_a_field_left_out_and_unknown_fields_are_nothing() -> None:
    found = small(
        '{"action":"login","username":null,"jwt":"x","dnd":null,"video":null,"usernames":null,'
        '"future":{"a":[1]},"msgID":null,"bytes":null}'
    )
    assert found == BareMessage(action="login", jwt="x")


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "42", "[]", '"login"', "[1]", '{"action":7}', '{"action":["ping"]}',
     '{"action":"me","video":"1"}', '{"action":"me","video":1.5}', '{"action":"me","video":1e999}',
     '{"action":"me","dnd":"yes"}', '{"action":"block","usernames":"x"}',
     '{"action":"block","usernames":[1]}', '{"action":"block","usernames":[null]}',
     '{"action":"takeback","msgID":9223372036854775808}',
     '{"action":"message","message":"\\ud800"}',
     '{"action":"message","message":{}}', '{"action":"ping"}x', "{'action':'ping'}",
     '\ufeff{"action":"ping"}', '{"action":"ping"}\0', "[" * 200_000,
     '{"action":"ping","deep":' + "[" * 100_000 + "]" * 100_000 + "}",
     '{"action":"ping","username":null,"deep":' + "[" * 10_000 + "]" * 10_000 + "}"],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_what_is_no_message_is_told_apart(text: str) -> None:
    with pytest.raises(BadMessage):
        decode(text.encode(), REST)


def test_flags_of_a_camera_that_nobody_knows_are_left_out() -> None:
    assert small('{"video":513}').camera == Video.ACTIVE
    assert small('{"video":-1}').camera == Video(wire.ALL_FLAGS)
    assert small('{"video":33}').camera == Video.ACTIVE | Video.MUTUAL_OPEN


def test_zeros_are_left_out_of_what_the_server_says() -> None:
    assert encode(BareMessage(action="me", username="alice")) == (
        b'{"action":"me","username":"alice"}'
    )
    assert encode(BareMessage(action="echo")) == b'{"action":"echo"}'
    assert wire.said("me", "alice", video=3) == b'{"action":"me","username":"alice","video":3}'
    assert wire.ping() == b'{"action":"ping"}'
    assert wire.DISCONNECT == b'{"action":"disconnect"}'


def test_a_line_of_the_server_names_it() -> None:
    assert json.loads(wire.told("<b>hi</b>")) == {
        "action": "error", "username": "ChatServer", "message": "<b>hi</b>",
    }  # fmt: skip
    assert json.loads(wire.told("hi", "lobby"))["channel"] == "lobby"


def test_a_ping_for_who_came_with_a_token_says_his_rules() -> None:
    said = json.loads(wire.ping("token", frozenset({Rule.NO_VIDEO})))
    assert said == {
        "action": "ping",
        "jwt": "token",
        "jwtRules": {
            "IsNoVideoRule": True, "IsNoImageRule": False, "IsNoBroadcastRule": True,
            "IsRedCamRule": False, "IsNoDarkVideoRule": False,
        },
    }  # fmt: skip


def test_a_guest_in_a_list_has_the_fields_that_are_always_there_and_no_other() -> None:
    bob = Person("bob", Standing(), "online", Video.OFF, do_not_disturb=False, here_since=1700)
    assert json.loads(wire.person(bob)) == {
        "username": "bob", "status": "online", "video": 0, "loginAt": 1700, "op": False,
    }  # fmt: skip
    all_of_it = Standing("Ann", True, True, "/a.png", "/ann", "🦊", "f")
    ann = Person("ann", all_of_it, "away", Video.ACTIVE | Video.NSFW, True, 1800)
    assert json.loads(wire.person(ann)) == {
        "username": "ann", "nickname": "Ann", "status": "away", "video": 3, "dnd": True,
        "loginAt": 1800, "op": True, "vip": True, "avatar": "/a.png", "profileURL": "/ann",
        "emoji": "🦊", "gender": "f",
    }  # fmt: skip


def test_payloads_between_cameras_are_kept_to_the_letter() -> None:
    odd = '{"sdpMid":"0","sdpMLineIndex":0, "candidate":"é\\u00e9\\n \\"x\\""}'
    message = json.dumps({"action": "candidate", "username": "bob", "candidate": odd})
    found = small(message)
    assert found.candidate == odd
    again = encode(BareMessage(action="candidate", username="ann", candidate=found.candidate))
    assert json.loads(again)["candidate"] == odd


def test_a_large_upload_is_only_cut_and_a_large_other_message_read_whole() -> None:
    numbers = ",".join(["255"] * 200_000)
    upload = decode(
        f'{{"action":"file","channel":"lobby","bytes":[{numbers}],"message":"a.png"}}'.encode(),
        10_000,
    )
    assert (upload.message.action, upload.message.message) == ("file", "a.png")
    assert upload.message.bytes is None
    assert upload.file is not None
    assert upload.file.end - upload.file.start == len(numbers)
    names = [f"somebody called {number}" for number in range(10_000)]
    whole = json.dumps({"action": "blocklist", "usernames": names}).encode()
    found = decode(whole, REST)
    assert (found.file, found.message.usernames) == (None, names)
    with pytest.raises(BadMessage):
        decode(whole, 100_000)


def test_times_are_those_of_rfc_3339() -> None:
    assert wire.rfc3339(1_700_000_000) == "2023-11-14T22:13:20Z"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from([*BareMessage.__struct_fields__, "future"])


@given(st.dictionaries(FIELDS, VALUES, max_size=6), st.integers(0, 400))
@settings(max_examples=examples(300))
def test_whatever_comes_it_is_a_message_or_none(given_: dict[str, object], cut: int) -> None:
    text = json.dumps(given_).encode("utf-8", "replace")
    for payload in (text, text[:cut]):
        try:
            found = decode(payload, REST).message
        except BadMessage:
            continue
        assert isinstance(found.action, str)
        assert isinstance(found.usernames, list)
        assert found.camera in range(wire.ALL_FLAGS + 1)
        json.loads(encode(found))
