"""Null is a field left out: to a server written in Go, and so to clients made for one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from api.spreed import wire
from api.spreed.wire import Malformed, body_of, decode, ids_of

Path = tuple[str, ...]

BODIES: dict[str, tuple[type[Struct], dict[str, Any]]] = {
    "Chat": (
        wire.Chat,
        {
            "Message": "hi",
            "Time": "now",
            "NoEcho": True,
            "Mid": "m",
            "Status": {
                "Typing": "start",
                "State": "seen",
                "Mid": "m",
                "SeenMids": ["a", "b"],
                "FileInfo": {"id": "f", "chunks": 3, "name": "n", "size": 7, "type": "t"},
                "Geolocation": {
                    "accuracy": 1.5, "latitude": 2.5, "longitude": 3, "altitude": 4.5,
                    "altitudeAccuracy": 5.5,
                },
                "ContactRequest": {"Id": "c", "Success": True, "Userid": "u", "Token": "t"},
                "AutoCall": {"Id": "a", "Type": "conference"},
            },
        },
    ),
    "Hello": (
        wire.Hello,
        {
            "Version": "1", "Ua": "test", "Name": "blue", "Id": "red", "Type": "Room",
            "Credentials": {"PIN": "7"},
        },
    ),
    "Room": (wire.RoomUpdate, {"Name": "blue", "Type": "Room", "Credentials": {"PIN": "7"}}),
    "Sessions": (wire.SessionsRequest, {"Type": "contact", "Token": "t"}),
    "Authentication": (wire.Authentication, {"Userid": "u", "Nonce": "n"}),
}  # fmt: skip


def _frame(kind: str, *, twice: bool) -> dict[str, Any]:
    body = copy.deepcopy(BODIES[kind][1])
    texts = {"To": "bob", "Id": "i"}
    return {
        "Type": kind,
        "Iid": "one",
        **texts,
        kind: {"Type": kind, **texts, kind: body} if twice else body,
    }


def _typed(document: dict[str, Any], *raw: str) -> Iterator[Path]:
    """Name everything in a document but what it carries unread."""
    for name, value in document.items():
        if name not in raw:
            yield (name,)
        if isinstance(value, dict):
            inner = raw if name in raw else ()
            yield from ((name, *rest) for rest in _typed(value, *inner))


def _without(document: dict[str, Any], paths: set[Path], *, null: bool) -> bytes:
    changed = copy.deepcopy(document)
    for path in sorted(paths, key=len, reverse=True):  # what lies deepest first
        owner = changed
        for name in path[:-1]:
            owner = owner[name]
        if null:
            owner[path[-1]] = None
        else:
            del owner[path[-1]]
    return json.dumps(changed).encode()


def _read(payload: bytes, kind: type[Struct]) -> object:
    try:
        incoming = decode(payload)
        return incoming.type, incoming.iid, incoming.to, incoming.id, body_of(incoming, kind)
    except Malformed:
        return Malformed


@given(st.data(), st.sampled_from(sorted(BODIES)), st.booleans())
def test_null_is_a_field_left_out(data: st.DataObject, kind: str, twice: bool) -> None:
    frame = _frame(kind, twice=twice)
    paths = data.draw(st.sets(st.sampled_from(sorted(_typed(frame, kind)))))
    expected = _read(_without(frame, paths, null=False), BODIES[kind][0])
    assert _read(_without(frame, paths, null=True), BODIES[kind][0]) == expected
    assert (expected is Malformed) == (("Type",) in paths)


@pytest.mark.parametrize("kind", sorted(BODIES))
@pytest.mark.parametrize("twice", [True, False])
def test_each_field_alone_may_be_null(kind: str, twice: bool) -> None:
    frame = _frame(kind, twice=twice)
    for path in _typed(frame, kind):
        expected = _read(_without(frame, {path}, null=False), BODIES[kind][0])
        assert _read(_without(frame, {path}, null=True), BODIES[kind][0]) == expected, path


@pytest.mark.parametrize(
    ("chat", "told"),
    [
        (
            {"Message": None, "Mid": None, "Status": {"Typing": "start"}},
            {"Message": "", "Status": {"Typing": "start"}},
        ),
        (
            {"Message": None, "Mid": None, "Status": {"State": "delivered", "Mid": "m"}},
            {"Message": "", "Status": {"State": "delivered", "Mid": "m"}},
        ),
        (
            {"Message": None, "NoEcho": None, "Status": {"SeenMids": ["m", None], "Mid": None}},
            {"Message": "", "Status": {"SeenMids": ["m", ""]}},
        ),
        (
            {
                "Message": "here",
                "Status": {"Geolocation": {"latitude": 1.5, "longitude": 2.5, "altitude": None}},
            },
            {
                "Message": "here",
                "Status": {"Geolocation": {"latitude": 1.5, "longitude": 2.5}},
            },
        ),
        (
            {"Message": "a file", "Status": {"FileInfo": {"id": "f", "type": None}}},
            {
                "Message": "a file",
                "Status": {"FileInfo": {"id": "f", "chunks": 0, "name": "", "size": 0, "type": ""}},
            },
        ),
    ],
)
def test_what_the_original_client_says_is_passed_on(
    chat: dict[str, object], told: dict[str, object]
) -> None:
    incoming = decode(json.dumps({"Type": "Chat", "Chat": {"Type": "Chat", "Chat": chat}}).encode())
    body = json.loads(body_of(incoming, wire.Chat).document("", ""))["Chat"]
    assert body == {"Time": ""} | told


def test_a_null_in_a_list_of_ids_is_an_empty_one() -> None:
    assert ids_of(decode(b'{"Type":"Conference","Conference":["a",null]}')) == ["a", ""]


@pytest.mark.parametrize("kind", ["Status", "Offer", "Answer", "Candidate", "Bye"])
def test_nulls_within_what_is_not_read_stay_byte_for_byte(kind: str) -> None:
    body = b'{"a" : null, "b":[ null,1.0], "To":null,"Type":null}'
    name = kind.encode()
    for payload in (
        b'{"Type":"%b","Iid": null ,"To":null,"%b":%b}' % (name, name, body),
        b'{"Type":"%b","%b":{"Type":"%b","To":null,"%b":%b}}' % (name, name, name, name, body),
    ):
        incoming = decode(payload)
        assert (incoming.iid, incoming.to, incoming.body) == ("", "", body)


@pytest.mark.parametrize(
    "chat",
    [
        b'{"Message":7,"Mid":null}',
        b'{"Status":{"Typing":[null]}}',
        b'{"Message":null,"Status":{"FileInfo":{"size":1e999}}}',
        b'{"Message":null,"Status":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["a number", "a list", "a number too great", "far too deep"],
)
def test_what_is_of_the_wrong_kind_stays_malformed(chat: bytes) -> None:
    with pytest.raises(Malformed):
        body_of(decode(b'{"Type":"Chat","Chat":%b}' % chat), wire.Chat)


@pytest.mark.parametrize("depth", [100, 900, 5_000])
def test_how_deep_a_message_may_be_is_pythons_affair_but_deeper_is_malformed(depth: int) -> None:
    """CPython 3.11 reads less deep ones than 3.13."""
    deep = b'{"Message":null,"Status":' + b'{"a":' * depth + b"null" + b"}" * (depth + 1)
    with suppress(Malformed):
        body_of(decode(b'{"Type":"Chat","Chat":%b}' % deep), wire.Chat)
