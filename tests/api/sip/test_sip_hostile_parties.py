"""What strangers and parties of a call cannot do to others."""

from __future__ import annotations

import socket
from dataclasses import replace
from math import inf

import pytest

from api.sip.flows import Flow
from api.sip.messages import encode, parse, response_to
from api.sip.transactions import NewRequest, TransactionLayer
from api.sip.transports import source_towards
from tests.api.sip.sip_requests import UDP, our_request, their_request
from tests.api.sip.test_incoming_requests import FLOW, OFFER, Raw, status
from tests.api.sip.wired_agents import pair


@pytest.mark.parametrize("provisional", [False, True])
def test_a_refusal_is_not_repeated_to_an_address_that_a_stranger_may_have_made_up(
    provisional: bool,
) -> None:
    layer = TransactionLayer(known=lambda host: False)
    event = layer.receive(their_request("INVITE"), UDP, 0.0)
    assert isinstance(event, NewRequest)
    assert event.transaction
    if provisional:  # he repeats his INVITE no more
        layer.send_response(event.transaction, response_to(event.request, 100), 0.0)
    layer.send_response(event.transaction, response_to(event.request, 401, to_tag="t"), 0.0)
    layer.outgoing()
    sends = 0
    while (due := layer.due()) != inf:
        layer.tick(due)
        sends += len(layer.outgoing())
    assert sends == (10 if provisional else 0)


def test_answers_of_many_forks_are_not_each_worth_a_transaction() -> None:
    one, other, wire = pair()
    wire.dial(one, other.host)
    wire.run(0.5)
    invite = parse(next(data for _, at, data in wire.sent if at == one.host))
    flow = Flow("udp", (one.host, 5060), (other.host, 5060))
    for number in range(200):
        answer = response_to(invite, 200, to_tag=f"fork{number % 100}")  # type: ignore[arg-type]
        answer.headers.set("Contact", f"<sip:x@{other.host}>")
        one.agent.receive(encode(answer), flow, wire.now)
    sent = [data for _, data in one.agent.outgoing() if data.startswith(b"BYE")]
    assert 1 <= len(sent) < 12
    assert len(one.layer) < 20


@pytest.mark.parametrize(
    ("flow", "moves"),
    [
        (replace(FLOW, remote=("192.0.2.7", 6000)), True),
        (replace(FLOW, remote=("198.51.100.1", 5060)), False),
    ],
)
def test_a_call_is_not_taken_elsewhere(flow: Flow, moves: bool) -> None:
    raw = Raw()
    tag = raw.call()
    leg = next(iter(raw.line.agent.legs.values()))
    raw.line.open_to_all = False
    data = "\r\n".join(
        (
            "UPDATE sip:room@192.0.2.1 SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKelsewhere;rport",
            "From: <sip:ann@192.0.2.7>;tag=f",
            f"To: <sip:room@192.0.2.1>;tag={tag}",
            "Call-ID: c1", "CSeq: 9 UPDATE", "Contact: <sip:x@192.0.2.7>", "", "",
        )
    ).encode()  # fmt: skip
    raw.line.agent.receive(data, flow, raw.now)
    assert status(raw.drain()) == (200 if moves else 403)
    assert (leg.dialog.flow == flow) is moves
    assert OFFER


def test_no_more_files_are_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> socket.socket:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "socket", full)
    assert source_towards(socket.AF_INET, "192.0.2.1") is None


def test_silent_registrars_leave_room_for_calls() -> None:
    layer = TransactionLayer(most=10)
    for _ in range(20):
        layer.send_request(our_request("REGISTER"), UDP, 0.0)
    assert len(layer) == 5
    layer.send_request(our_request("INVITE"), UDP, 0.0)
    assert len(layer) == 6
