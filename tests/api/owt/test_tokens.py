"""Tokens and reconnection tickets: who made them, for whom, until when."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.owt.portal.tickets import (
    TICKET_SECONDS,
    BadTicket,
    TicketExpired,
    make_ticket,
    participant_of,
)
from api.owt.tokens import BadToken, make_token, token_id

KEY = "a key"
ID = "0123456789abcdef01234567"
NOW = 1_700_000_000.0


def opened(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(text))
    return found


def closed(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def expected(text: str) -> str:
    digest = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(digest.encode()).decode()


def test_a_token_tells_clients_where_the_portal_is() -> None:
    token = make_token(ID, "meet.example.org:8080", KEY, secure=True)
    assert opened(token) == {
        "tokenId": ID,
        "host": "meet.example.org:8080",
        "secure": True,
        "signature": expected(f"{ID},meet.example.org:8080"),
    }
    assert token_id(token, KEY) == ID


@pytest.mark.parametrize(
    "change",
    [
        {"tokenId": "f" * 24},
        {"host": "elsewhere:1"},
        {"signature": "x"},
        {"signature": "\ud800"},
        {"signature": None},
        {"tokenId": 5},
        {"tokenId": f"{ID}\n"},
        {"host": None},
    ],
)
def test_a_token_that_was_changed_is_none(change: dict[str, object]) -> None:
    document = opened(make_token(ID, "host:1", KEY, secure=False))
    with pytest.raises(BadToken):
        token_id(closed(document | change), KEY)


def test_a_token_of_another_server_is_none() -> None:
    with pytest.raises(BadToken):
        token_id(make_token(ID, "host:1", "another key", secure=False), KEY)


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_whatever_comes_is_no_token_and_no_ticket(text: str) -> None:
    with pytest.raises(BadToken):
        token_id(text, KEY)
    with pytest.raises(BadTicket):
        participant_of(text, KEY, NOW)


def test_deep_and_long_ones_are_none() -> None:
    deep = base64.b64encode(b'{"a":' + b"[" * 2500).decode()
    for text in (deep, "A" * 1_000_000):
        with pytest.raises(BadToken):
            token_id(text, KEY)
        with pytest.raises(BadTicket):
            participant_of(text, KEY, NOW)


def test_a_ticket_names_its_participant_for_ten_minutes() -> None:
    ticket = make_ticket("Ann-1", KEY, NOW)
    document = opened(ticket)
    assert document["participantId"] == "Ann-1"
    assert document["notAfter"] - document["notBefore"] == TICKET_SECONDS * 1000
    begin, end = document["notBefore"], document["notAfter"]
    assert document["signature"] == expected(f"Ann-1,{begin},{end}")
    assert participant_of(ticket, KEY, NOW) == "Ann-1"
    assert participant_of(ticket, KEY, NOW + TICKET_SECONDS) == "Ann-1"
    with pytest.raises(TicketExpired):
        participant_of(ticket, KEY, NOW + TICKET_SECONDS + 1)


@pytest.mark.parametrize(
    "change", [{"participantId": "Bob"}, {"notAfter": 2**60}, {"notBefore": 0}]
)
def test_a_ticket_that_was_changed_is_none(change: dict[str, object]) -> None:
    document = opened(make_ticket("Ann-1", KEY, NOW))
    with pytest.raises(BadTicket):
        participant_of(closed(document | change), KEY, NOW)
