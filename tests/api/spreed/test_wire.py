"""The channelling protocol's frames, in both nestings, and against anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.spreed import wire
from api.spreed.wire import Incoming, Malformed, body_of, decode


def message(**parts: object) -> bytes:
    return json.dumps(parts).encode()


SESSION_DESCRIPTION = {"type": "offer", "sdp": "v=0"}


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"Type": "Self"}, ("Self", "", "", None)),
        ({"Type": "Self", "Self": {"Type": "Self"}}, ("Self", "", "", None)),
        ({"Type": "Leave", "Leave": {}}, ("Leave", "", "", {})),
        ({"Type": "Alive", "Alive": 7}, ("Alive", "", "", 7)),
        ({"Type": "Alive", "Alive": {"Type": "Alive", "Alive": 7}}, ("Alive", "", "", 7)),
        (
            {"Type": "Hello", "Iid": "i", "Hello": {"Name": "blue", "Type": "Hello"}},
            ("Hello", "i", "", {"Name": "blue", "Type": "Hello"}),
        ),
        (
            {"Type": "Hello", "Hello": {"Type": "Hello", "Hello": {"Name": "blue"}}},
            ("Hello", "", "", {"Name": "blue"}),
        ),
        (
            {"Type": "Offer", "To": "bob", "Offer": SESSION_DESCRIPTION},
            ("Offer", "", "bob", SESSION_DESCRIPTION),
        ),
        (
            {
                "Type": "Offer",
                "Offer": {"Type": "Offer", "To": "bob", "Offer": SESSION_DESCRIPTION},
            },
            ("Offer", "", "bob", SESSION_DESCRIPTION),
        ),
        (
            {"Type": "Candidate", "Candidate": {"Type": "Candidate", "To": "b", "Candidate": "c"}},
            ("Candidate", "", "b", "c"),
        ),
        ({"Type": "Bye", "Bye": {"Type": "Bye", "To": "bob"}}, ("Bye", "", "bob", None)),
        ({"Type": "Bye", "To": "b", "Bye": {"Reason": "x"}}, ("Bye", "", "b", {"Reason": "x"})),
        ({"Type": "Bye", "To": "b", "Bye": None}, ("Bye", "", "b", None)),
        ({"Type": "Status", "Status": {"name": "A"}}, ("Status", "", "", {"name": "A"})),
        (
            {"Type": "Status", "Status": {"Type": "Status", "Status": {"displayName": "A"}}},
            ("Status", "", "", {"displayName": "A"}),
        ),
        (
            {"Type": "Sessions", "Sessions": {"Type": "session", "Token": "t"}},
            ("Sessions", "", "", {"Type": "session", "Token": "t"}),
        ),
        (
            {"Type": "Sessions", "Sessions": {"Type": "Sessions", "Sessions": {"Type": "contact"}}},
            ("Sessions", "", "", {"Type": "contact"}),
        ),
        ({"Type": "Sessions", "Sessions": {"Type": "Sessions"}}, ("Sessions", "", "", None)),
        (
            {"Type": "Chat", "Chat": {"Type": "Chat", "To": "b", "Chat": {"Message": "hi"}}},
            ("Chat", "", "b", {"Message": "hi"}),
        ),
    ],
)  # fmt: skip
def test_both_nestings_mean_the_same(
    frame: dict[str, object], expected: tuple[str, str, str, object]
) -> None:
    incoming = decode(json.dumps(frame).encode())
    body = json.loads(incoming.body) if incoming.body else None
    assert (incoming.type, incoming.iid, incoming.to, body) == expected


@pytest.mark.parametrize(
    ("frame", "body"),
    [
        ({"type": "Alive", "alive": {"TYPE": "Alive", "alive": 5}}, 5),
        ({"TYPE": "Hello", "hello": {"name": "x"}}, {"Name": "x"}),
        ({"type": "Offer", "offer": {"type": "Offer", "offer": {"type": "o"}}}, {"type": "o"}),
        ({"type": "Status", "status": {"name": "n"}}, {"name": "n"}),
    ],
)
def test_keys_are_taken_in_any_case_but_opaque_documents_stay_as_they_are(
    frame: dict[str, object], body: object
) -> None:
    assert json.loads(decode(json.dumps(frame).encode()).body) == body


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"Alive"',
        b"{",
        b"{}",
        b'{"Type":null}',
        b'{"Type":7}',
        b'{"Type":"Nonsense"}',
        b'{"Type":"alive","Alive":1}',
        b'{"Type":"Screenshare","Screenshare":{}}',
        b'{"Type":"Self","Iid":7}',
        b'{"Type":"Offer","Offer":{"To":[]}}',
        b'{"Type":"Alive","Alive":' + b"[" * 100_000,
        b'{"Type":"Alive","Alive":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"Type":"Alive\xff"}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_message_is_malformed_and_nothing_else(payload: bytes) -> None:
    with pytest.raises(Malformed):
        decode(payload)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from([*wire.TYPES, "Type", "To", "Iid", "Id"]),
        json_values | st.sampled_from(wire.TYPES) | st.fixed_dictionaries({"Type": json_values}),
    )
)
def test_any_document_is_decoded_or_malformed(document: dict[str, object]) -> None:
    try:
        incoming = decode(json.dumps(document).encode())
    except Malformed:
        return
    assert incoming.type in wire.TYPES
    assert not incoming.body or json.loads(incoming.body) is not None
    for kind in (wire.Hello, wire.RoomUpdate, wire.Chat, wire.SessionsRequest, wire.Authentication):
        try:
            body_of(incoming, kind)
        except Malformed:
            continue


@given(st.binary())
def test_any_bytes_are_decoded_or_malformed(payload: bytes) -> None:
    try:
        decode(payload)
    except Malformed:
        return


def test_a_body_of_the_wrong_shape_is_malformed() -> None:
    with pytest.raises(Malformed):
        body_of(Incoming("Hello", "", "", "", b'{"Name":7}'), wire.Hello)
    with pytest.raises(Malformed):
        body_of(Incoming("Hello", "", "", "", b""), wire.Hello)


def test_a_chat_keeps_what_clients_know_and_drops_the_rest() -> None:
    chat = body_of(
        decode(
            message(
                Type="Chat",
                Chat={
                    "Message": "hi",
                    "Time": "mine",
                    "Mid": "m",
                    "Extra": 1,
                    "Status": {"Typing": "start", "Other": 2},
                },
            )
        ),
        wire.Chat,
    )
    assert json.loads(chat.document("bob", "now")) == {
        "Type": "Chat",
        "To": "bob",
        "Chat": {"Message": "hi", "Time": "now", "Mid": "m", "Status": {"Typing": "start"}},
    }


def test_a_chat_without_status_says_null() -> None:
    document = json.loads(wire.Chat(Message="hi", NoEcho=True).document("", ""))
    assert document["Chat"] == {"Message": "hi", "Time": "", "NoEcho": True, "Status": None}


def test_frames_for_one_for_all_and_in_reply() -> None:
    assert json.loads(wire.reply("me", "", b"{}")) == {"Data": {}, "From": "me"}
    assert json.loads(wire.reply("me", 'i"', b"{}")) == {"Data": {}, "From": "me", "Iid": 'i"'}
    assert json.loads(wire.broadcast("me", "a", b"{}")) == {"Data": {}, "From": "me", "A": "a"}
    assert json.loads(wire.relay("me", "you", "a", b"{}")) == {
        "Data": {}, "From": "me", "To": "you", "A": "a",
    }  # fmt: skip
    assert json.loads(wire.addressed("Bye", 'b"', b"")) == {"Type": "Bye", "To": 'b"', "Bye": None}
