"""The torture messages of RFC 4475 are parsed or refused, and nothing else happens."""

from __future__ import annotations

import pytest
from sipmessage import Request

from api.sip.flows import Flow
from api.sip.framing import FramingError, StreamFramer
from api.sip.messages import (
    BadMessage,
    address,
    cseq,
    encode,
    header,
    parse,
    response_to,
    tag,
    top_via,
)
from api.sip.transactions import TransactionLayer
from tests.api.sip.torture import TortureMessage, torture_messages

MESSAGES = torture_messages()
BY_NAME = {each.name: each for each in MESSAGES}
FLOW = Flow("udp", ("192.0.2.99", 5060), ("192.0.2.1", 5060))


def test_all_are_there() -> None:
    assert len(MESSAGES) == len(BY_NAME) == 49


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: each.name)
def test_it_is_taken_or_refused_as_it_should(message: TortureMessage) -> None:
    if message.verdict == "taken":
        parse(message.data)
        return
    with pytest.raises(BadMessage) as refused:
        parse(message.data)
    assert str(refused.value.status) == message.verdict


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: each.name)
def test_what_is_answered_can_be_parsed(message: TortureMessage) -> None:
    try:
        request = parse(message.data)
    except BadMessage as bad:
        if bad.answerable is None:
            return
        layer = TransactionLayer()
        response = response_to(bad.answerable, bad.status, bad.words, "ours")
        layer.send_stateless(response, FLOW)
        assert encode(response) == layer.outgoing()[0][1]
        return
    if isinstance(request, Request):
        again = parse(encode(response_to(request, 400, to_tag="ours")))
        assert again.headers.getlist("Via") == request.headers.getlist("Via")
        assert header(again, "From") == header(request, "From")
        assert parse(encode(request)).headers["To"] == request.headers["To"]


@pytest.mark.parametrize(
    "name", ["clerr", "ncl", "scalar02", "lwsruri", "escruri", "badaspec", "mismatch01", "unkscm",
             "multi01", "mcl01"],
)  # fmt: skip
def test_who_sent_a_request_that_is_refused_hears_of_it(name: str) -> None:
    with pytest.raises(BadMessage) as refused:
        parse(BY_NAME[name].data)
    assert refused.value.answerable is not None


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: each.name)
def test_a_stream_of_it_is_cut_or_refused(message: TortureMessage) -> None:
    try:
        for data in StreamFramer().feed(message.data):
            parse(data)
    except (BadMessage, FramingError):
        pass


def test_of_two_requests_in_a_datagram_the_second_is_cut_off() -> None:
    assert parse(BY_NAME["dblreq"].data).body == b""


def test_white_space_is_none_of_a_value() -> None:
    request = parse(BY_NAME["wsinv"].data)
    assert isinstance(request, Request)
    assert tag(request, "To") == "1918181833n"
    assert tag(request, "From") == "98asjd8"
    assert cseq(request).sequence == 9
    assert header(request, "Subject") == ""
    assert header(request, "NewFangledHeader") == "newfangled value continued newfangled value"
    assert len(request.headers.getlist("Via")) == 3
    via = top_via(request)
    assert via is not None
    assert (via.transport, via.host, via.parameters) == (
        "UDP",
        "192.0.2.2",
        {"branch": "390skdjuw"},
    )
    caller = address(request, "From")
    assert caller is not None
    assert caller.name == 'J Rosenberg \\"'
    contact = address(request, "Contact")
    assert contact is not None
    assert contact.name == 'Quoted string ""'
    assert contact.parameters["newparam"] == "newvalue"


def test_escaped_characters_are_read() -> None:
    request = parse(BY_NAME["esc01"].data)
    assert isinstance(request, Request)
    assert request.uri.user == "sips:user@example.com"
    assert address(request, "From").uri.user == "I have spaces"  # type: ignore[union-attr]


def test_the_reason_of_a_status_may_be_missing_or_in_another_script() -> None:
    assert parse(BY_NAME["noreason"].data).phrase == ""  # type: ignore[union-attr]
    assert "девяносто" in parse(BY_NAME["unreason"].data).phrase  # type: ignore[union-attr]
