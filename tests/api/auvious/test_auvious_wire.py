"""Requests as bytes: what is read of them, and that every broken field is named at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auvious.bodies import (
    Command,
    KeepUserEndpointAlive,
    RegisterUserEndpoint,
    UnregisterUserEndpoint,
)
from api.auvious.wire import Invalid, parse, parse_sending

NULL = "must not be null"
EVENT = '{"type":"UserCreatedEvent","timestamp":"2011-12-03T10:15:30Z"}'


def problems(model: type[Command], body: str | bytes) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(model, body.encode() if isinstance(body, str) else body)
    return caught.value.problems


def sending_problems(body: str | bytes, *, service: bool = False) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse_sending(body.encode() if isinstance(body, str) else body, service=service)
    return caught.value.problems


def sending(event: str = EVENT, rest: str = "", *, service: bool = False) -> Any:
    return parse_sending(f'{{"userId":"ann","event":{event}{rest}}}'.encode(), service=service)


# --- commands


def test_a_registration_as_published_clients_send_it() -> None:
    body = '{"userEndpointId":"A-b","keepAliveSeconds":15,"userId":"ann","x":{"y":[]}}'
    command = parse(RegisterUserEndpoint, body.encode())
    assert (command.id, command.keep_alive, command.remind) == ("A-b", 15, False)
    null = '{"userEndpointId":null,"keepAliveSeconds":1,"serverKeepAliveReminderOn":null}'
    assert parse(RegisterUserEndpoint, null.encode()).id is None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("{}", {"keepAliveSeconds": NULL}),
        ('{"keepAliveSeconds":null}', {"keepAliveSeconds": NULL}),
        ('{"keepAliveSeconds":"15"}', {"keepAliveSeconds": "must be an integer"}),
        ('{"keepAliveSeconds":1.5}', {"keepAliveSeconds": "must be an integer"}),
        ('{"keepAliveSeconds":true}', {"keepAliveSeconds": "must be an integer"}),
        ('{"keepAliveSeconds":0}', {"keepAliveSeconds": "must be greater than or equal to 1"}),
        ('{"keepAliveSeconds":-5}', {"keepAliveSeconds": "must be greater than or equal to 1"}),
        ('{"keepAliveSeconds":2147483648}',
         {"keepAliveSeconds": "must be less than or equal to 2147483647"}),
        ('{"userEndpointId":5,"serverKeepAliveReminderOn":"yes"}',
         {"userEndpointId": "must be a string", "keepAliveSeconds": NULL,
          "serverKeepAliveReminderOn": "must be true or false"}),
        ('{"userEndpointId":"a/b","keepAliveSeconds":1}',
         {"userEndpointId": "must not contain + # / or control characters"}),
        (json.dumps({"userEndpointId": "a" * 256, "keepAliveSeconds": 1}),
         {"userEndpointId": "must have at most 255 characters"}),
    ],
)  # fmt: skip
def test_every_broken_field_of_a_registration_is_named(body: str, found: dict[str, str]) -> None:
    assert problems(RegisterUserEndpoint, body) == found


@pytest.mark.parametrize("model", [KeepUserEndpointAlive, UnregisterUserEndpoint])
def test_an_id_must_be_given(model: type[Command]) -> None:
    assert problems(model, "{}") == {"userEndpointId": NULL}
    assert problems(model, '{"userEndpointId":null}') == {"userEndpointId": NULL}
    assert problems(model, '{"userEndpointId":""}') == {"userEndpointId": "must not be empty"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff", b'{"a":"\xff"}', b'{"a":NaN}',
     b'\xef\xbb\xbf{}', b'{"a":"\\ud800"}', b"[" * 30_000,
     b'{"a":' * 10_000 + b"1" + b"}" * 10_000],
)  # fmt: skip
def test_what_is_no_object_is_said_to_be_none(body: bytes) -> None:
    assert sending_problems(body) == {"body": "must be a JSON object"}
    if b"NaN" not in body:
        assert problems(RegisterUserEndpoint, body) == {"body": "must be a JSON object"}


# --- sendEvent


@pytest.mark.parametrize(
    "event",
    [
        EVENT,
        '{ "type" : "UserCreatedEvent",\n"timestamp":"2011-12-03T10:15:30.000Z" , "n":1.50}',
        '{"timestamp":"2011-12-03T10:15:30Z","type":"UserCreatedEvent","u":"\\u00e9é","b":1e2}',
        '{"type":"UserCreatedEvent","timestamp":"2011-12-03T10:15:30Z","n":12345678901234567890123}',
        '{"type":"AaBbEvent","type":"UserCreatedEvent","timestamp":"2011-12-03T10:15:30Z"}',
    ],
)
def test_the_event_is_forwarded_as_the_bytes_it_came_in(event: str) -> None:
    read = sending(event)
    assert read.event.payload == event.encode()
    assert read.event.masked is read.event.payload
    assert read.shown_type == "UserCreatedEvent"


def test_a_key_may_be_escaped_and_the_last_of_two_counts() -> None:
    body = f'{{"userId":"ann","event":{{}},"\\u0065vent": {EVENT} }}'
    assert parse_sending(body.encode(), service=False).event.payload == EVENT.encode()


@pytest.mark.parametrize(("qos", "found"), [("0", 0), ("1", 1), ("2", 0), ("-1", 0),
                                            ("9999999999999", 0), ("null", 0)])  # fmt: skip
def test_any_other_qos_is_best_effort(qos: str, found: int) -> None:
    assert sending(rest=f',"qos":{qos}').event.qos == found


def test_every_broken_field_of_a_sending_is_named() -> None:
    assert sending_problems("{}") == {"userId": NULL, "event": NULL}
    assert sending_problems(
        '{"userId":5,"event":[],"masks":"x","qos":"1","userEndpointId":[]}'
    ) == {
        "userId": "must be a string",
        "event": "must be an object",
        "masks": "must be an array",
        "qos": "must be an integer",
        "userEndpointId": "must be a string",
    }
    body = '{"userId":"ann","event":{"type":"Event"},"masks":["@nowhere"],"qos":1.5}'
    assert set(sending_problems(body)) == {"event.type", "event.timestamp", "masks", "qos"}
    assert set(sending_problems('{"masks":["$["]}')) == {"userId", "event", "masks"}
    assert set(sending_problems('{"userId":"ann","event":5,"masks":["$.pin"]}')) == {"event"}
    assert sending_problems('{"userId":"ann","masks":[1],"event":' + EVENT + "}") == {
        "masks": "must be a string"
    }


def test_a_service_names_an_organization_and_others_need_not() -> None:
    for given_id in ("", ',"organizationId":null', ',"organizationId":""'):
        body = f'{{"userId":"ann","event":{EVENT}{given_id}}}'
        assert sending_problems(body, service=True) == {"organizationId": NULL}
        assert sending(rest=given_id).organization == ""
    named = ',"organizationId":"globex"'
    assert sending(rest=named, service=True).organization == "globex"
    assert sending(rest=named).organization == "", "only one's own"
    wrong = f'{{"userId":"ann","event":{EVENT},"organizationId":5}}'
    assert sending_problems(wrong, service=True) == {"organizationId": "must be a string"}


def test_masks_change_what_is_shown_and_not_what_is_sent() -> None:
    event = EVENT[:-1] + ',"pin":"8812","n":1}'
    read = sending(event, ',"masks":["$.pin","$.type"]')
    assert read.event.payload == event.encode()
    assert json.loads(read.event.masked)["pin"] == "****"
    assert b"8812" not in read.event.masked
    assert read.shown_type == "*" * len("UserCreatedEvent")
    assert sending_problems(f'{{"userId":"a","event":{event},"masks":["$.n"]}}') == {
        "masks": "must find texts only"
    }
    assert sending(event, ',"masks":null').event.masked == event.encode()


def test_what_is_not_masked_is_shown_as_it_was_sent() -> None:
    numbers = '{"a":1.0000000000000000000001,"b":1E2,"c":-0.0,"d":123456789012345678901,"ä":"☃"}'
    event = EVENT[:-1] + f',"pin":"8812","numbers":{numbers}}}'
    masked = sending(event, ',"masks":["$.pin"]').event.masked.decode()
    for written in ("1.0000000000000000000001", "-0.0", "123456789012345678901", '"ä":"☃"'):
        assert written in masked
    assert json.loads(masked)["numbers"] == json.loads(numbers)


def test_an_empty_endpoint_is_none() -> None:
    assert sending(rest=',"userEndpointId":""').endpoint is None
    assert sending(rest=',"userEndpointId":"e"').endpoint == "e"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
names = st.sampled_from(
    ["userId", "organizationId", "userEndpointId", "event", "masks", "qos", "keepAliveSeconds",
     "serverKeepAliveReminderOn", "reason"]
)  # fmt: skip
events = st.fixed_dictionaries(
    {}, optional={"type": st.just("UserCreatedEvent") | values,
                  "timestamp": st.just("2011-12-03T10:15:30Z") | values, "more": values}
)  # fmt: skip
bodies = st.binary(max_size=60) | st.dictionaries(names, values | events, max_size=6).map(
    lambda body: json.dumps(body).encode()
)


@given(bodies, st.booleans())
def test_any_body_is_read_or_refused_by_its_fields(body: bytes, service: bool) -> None:
    for read in (
        lambda: parse(RegisterUserEndpoint, body),
        lambda: parse(KeepUserEndpointAlive, body),
        lambda: parse(UnregisterUserEndpoint, body),
        lambda: parse_sending(body, service=service),
    ):
        for words in refused(read).values():
            assert words.startswith(("must", "cannot", "has", "take")), words


def refused(read: Callable[[], object]) -> dict[str, str]:
    """Return the problems that are found, {} for none."""
    try:
        read()
    except Invalid as invalid:
        return invalid.problems
    return {}
