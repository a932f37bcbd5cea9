"""A JSON null in a request, and a parameter without a value: the table of the README."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.auvious.bodies import (
    Command,
    KeepUserEndpointAlive,
    RegisterUserEndpoint,
    UnregisterUserEndpoint,
)
from api.auvious.errors import TokenRefused
from api.auvious.token_request import read_request
from api.auvious.wire import Invalid, parse, parse_sending

NULL = "must not be null"
REGISTRATION = {"userEndpointId": "a", "keepAliveSeconds": 15, "serverKeepAliveReminderOn": True}
SENDING = {
    "userId": "ann",
    "organizationId": "acme",
    "userEndpointId": "a",
    "event": {"type": "UserCreatedEvent", "timestamp": "2011-12-03T10:15:30Z", "x": None},
    "masks": ["$.x.y"],
    "qos": 1,
}


def body(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def outcome(model: type[Command], document: dict[str, Any]) -> object:
    try:
        return parse(model, body(document)).model_dump()
    except Invalid as invalid:
        return invalid.problems


def sent(document: dict[str, Any], *, service: bool = True) -> object:
    try:
        return parse_sending(body(document), service=service)
    except Invalid as invalid:
        return invalid.problems


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (RegisterUserEndpoint, REGISTRATION),
        (KeepUserEndpointAlive, {"userEndpointId": "a"}),
        (UnregisterUserEndpoint, {"userEndpointId": "a", "reason": "User logout"}),
    ],
)
def test_a_null_is_a_property_left_out(model: type[Command], document: dict[str, Any]) -> None:
    for name in document:
        null = outcome(model, {**document, name: None})
        left_out = outcome(model, without(document, name))
        if name == "serverKeepAliveReminderOn":
            assert isinstance(null, dict)
            assert not null["remind"]
        else:
            assert null == left_out, name


@pytest.mark.parametrize("service", [True, False])
@pytest.mark.parametrize("name", SENDING)
def test_a_null_is_left_out_of_a_sending(name: str, service: bool) -> None:
    null = sent({**SENDING, name: None}, service=service)
    assert null == sent(without(SENDING, name), service=service)
    required = {"userId", "event"} | ({"organizationId"} if service else set())
    assert (null == {name: NULL}) == (name in required)


def test_a_null_in_an_event_is_the_senders() -> None:
    plain = without(SENDING, "masks")
    sending = parse_sending(body(plain), service=True)
    assert json.loads(sending.event.payload)["x"] is None
    for name in ("type", "timestamp"):
        problems = sent({**plain, "event": {**SENDING["event"], name: None}})
        assert problems == sent({**plain, "event": without(SENDING["event"], name)})
        assert isinstance(problems, dict)
        assert list(problems) == [f"event.{name}"]


def test_a_mask_is_no_null() -> None:
    assert sent({**SENDING, "masks": [None]}) == {"masks": NULL}


@pytest.mark.parametrize("text", [b"null", b" null "])
def test_no_body_is_null(text: bytes) -> None:
    for read in (
        lambda: parse(RegisterUserEndpoint, text),
        lambda: parse_sending(text, service=False),
    ):
        with pytest.raises(Invalid) as caught:
            read()
        assert caught.value.problems == {"body": "must be a JSON object"}


def test_a_parameter_without_a_value_is_left_out() -> None:
    given = [("grant_type", "password"), ("client_id", "app"), ("username", "ann")]
    empty = [(name, "") for name, _ in given] + [("client_secret", ""), ("password", "")]
    plain = read_request([], given, "")
    assert read_request(empty, given, "") == read_request(given, empty, "") == plain
    assert read_request([], given + empty, "") == plain
    with pytest.raises(TokenRefused):
        read_request([("client_id", "null")], given, "")
