"""Requests to us: RFC 3261 figures 7 and 8, timers G, H, I, J, and L of RFC 6026."""

from __future__ import annotations

from math import inf

import pytest
from sipmessage import Response

from api.sip.flows import Flow
from api.sip.messages import header, parse, response_to
from api.sip.transactions import (
    NewRequest,
    NotAcknowledged,
    TimedOut,
    TransactionLayer,
    TransportFailed,
)
from tests.api.sip.sip_requests import TCP, UDP, their_request
from tests.api.sip.test_sip_client_transactions import sent, times_until_over


def come(layer: TransactionLayer, method: str, flow: Flow = UDP, now: float = 0.0) -> NewRequest:
    event = layer.receive(their_request(method), flow, now)
    assert isinstance(event, NewRequest)
    return event


def answer(layer: TransactionLayer, to: NewRequest, status: int, now: float = 0.0) -> None:
    assert to.transaction is not None
    layer.send_response(to.transaction, response_to(to.request, status, to_tag="ours"), now)


def statuses(layer: TransactionLayer) -> list[int]:
    return [parse(data).code for data in sent(layer)]  # type: ignore[union-attr]


def test_a_refusal_is_repeated_with_timer_g_until_timer_h() -> None:
    layer = TransactionLayer()
    invite = come(layer, "INVITE")
    answer(layer, invite, 486)
    assert statuses(layer) == [486]
    sends, told, over = times_until_over(layer)
    assert sends == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert (told, over) == ([TimedOut(str(invite.transaction))], 32.0)


def test_over_tcp_a_refusal_waits_for_its_ack() -> None:
    layer = TransactionLayer()
    invite = come(layer, "INVITE", TCP)
    answer(layer, invite, 486)
    sent(layer)
    assert times_until_over(layer) == ([], [TimedOut(str(invite.transaction))], 32.0)


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_an_acceptance_is_repeated_until_it_is_given_up(flow: Flow) -> None:
    layer = TransactionLayer()
    invite = come(layer, "INVITE", flow)
    answer(layer, invite, 200)
    sent(layer)
    sends, told, over = times_until_over(layer)
    assert sends == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert (told, over) == ([NotAcknowledged(str(invite.transaction))], 32.0)


def test_an_acknowledged_acceptance_absorbs_repetitions_until_timer_l() -> None:
    layer = TransactionLayer()
    invite = come(layer, "INVITE")
    answer(layer, invite, 200)
    layer.tick(0.5)
    assert statuses(layer) == [200, 200]
    ack = layer.receive(their_request("ACK", "z9hG4bKof-the-ack"), UDP, 0.6)
    assert isinstance(ack, NewRequest)
    assert ack.transaction is None
    layer.acknowledged(str(invite.transaction))
    assert layer.receive(their_request("INVITE"), UDP, 0.7) is None
    assert times_until_over(layer) == ([], [], 32.0)


def test_an_ack_with_the_branch_of_an_accepted_invite_is_handed_up() -> None:
    layer = TransactionLayer()
    answer(layer, come(layer, "INVITE"), 200)
    event = layer.receive(their_request("ACK"), UDP, 0.1)
    assert isinstance(event, NewRequest)
    assert event.transaction is None


@pytest.mark.parametrize(("flow", "over"), [(UDP, 6.0), (TCP, inf)], ids=["udp", "tcp"])
def test_the_ack_of_a_refusal_is_absorbed_and_lingers_with_timer_i(flow: Flow, over: float) -> None:
    layer = TransactionLayer()
    answer(layer, come(layer, "INVITE", flow), 486)
    assert layer.receive(their_request("ACK"), flow, 1.0) is None
    assert layer.due() == over
    sent(layer)
    if flow is UDP:
        assert layer.receive(their_request("ACK"), flow, 1.5) is None
        assert layer.receive(their_request("INVITE"), flow, 1.5) is None
        assert layer.tick(6.0) == []
    assert sent(layer) == []
    assert len(layer) == 0


def test_a_repeated_invite_gets_the_last_answer_again() -> None:
    layer = TransactionLayer()
    invite = come(layer, "INVITE")
    assert layer.receive(their_request("INVITE"), UDP, 0.1) is None
    assert statuses(layer) == []
    for status in (100, 180, 486):
        answer(layer, invite, status)
        assert layer.receive(their_request("INVITE"), UDP, 0.2) is None
        assert statuses(layer) == [status, status]


def test_there_is_one_final_answer() -> None:
    layer = TransactionLayer()
    for method in ("INVITE", "BYE"):
        event = come(layer, method)
        for status in (486, 200, 180):
            answer(layer, event, status)
        assert statuses(layer) == [486]


def test_another_2xx_of_an_accepted_invite_is_sent_by_hand() -> None:
    layer = TransactionLayer()
    invite = come(layer, "INVITE")
    for status in (200, 200, 180, 486):
        answer(layer, invite, status)
    assert statuses(layer) == [200, 200]


@pytest.mark.parametrize(("flow", "over"), [(UDP, 33.0), (TCP, inf)], ids=["udp", "tcp"])
def test_another_request_lingers_with_timer_j(flow: Flow, over: float) -> None:
    layer = TransactionLayer()
    event = come(layer, "OPTIONS", flow)
    assert layer.receive(their_request("OPTIONS"), flow, 0.5) is None
    answer(layer, event, 100, 0.6)
    layer.receive(their_request("OPTIONS"), flow, 0.7)
    answer(layer, event, 200, 1.0)
    assert statuses(layer) == [100, 100, 200]
    assert layer.due() == over
    if flow is UDP:
        assert layer.receive(their_request("OPTIONS"), flow, 20.0) is None
        assert statuses(layer) == [200]
        assert times_until_over(layer) == ([], [], 33.0)


@pytest.mark.parametrize(("method", "over"), [("OPTIONS", 32.0), ("INVITE", 600.0)])
def test_what_is_never_answered_is_forgotten(method: str, over: float) -> None:
    layer = TransactionLayer()
    event = come(layer, method)
    assert times_until_over(layer) == ([], [TimedOut(str(event.transaction))], over)
    answer(layer, event, 200)
    assert sent(layer) == []


def test_a_cancel_names_the_invite_it_means_and_nobody_elses() -> None:
    layer = TransactionLayer()
    invite = come(layer, "INVITE")
    elsewhere = Flow("udp", UDP.local, ("203.0.113.9", 5062))
    assert come(layer, "CANCEL", elsewhere).of is None
    cancel = come(layer, "CANCEL")
    assert cancel.of == invite.transaction
    assert cancel.transaction not in (None, invite.transaction)
    assert layer.receive(their_request("CANCEL"), UDP, 0.1) is None
    stranger = layer.receive(their_request("CANCEL", "z9hG4bKnobodys"), UDP, 0.2)
    assert isinstance(stranger, NewRequest)
    assert stranger.of is None


def test_a_request_says_from_where_it_came_and_is_answered_there() -> None:
    layer = TransactionLayer()
    event = come(layer, "OPTIONS")
    via = header(event.request, "Via")
    assert via == "SIP/2.0/UDP 10.0.0.7:5060;rport=5062;branch=z9hG4bKtheirs;received=192.0.2.2"
    answer(layer, event, 200)
    ((flow, data),) = layer.outgoing()
    assert flow == UDP
    assert header(parse(data), "Via") == via


def test_without_a_branch_the_fields_of_rfc_2543_tell_requests_apart() -> None:
    layer = TransactionLayer()
    old = "old"
    event = layer.receive(their_request("INVITE", old), UDP, 0.0)
    assert isinstance(event, NewRequest)
    assert layer.receive(their_request("INVITE", old), UDP, 0.1) is None
    assert layer.receive(their_request("INVITE", old, cseq=2), UDP, 0.1) is not None
    assert layer.receive(their_request("INVITE", old, call="2"), UDP, 0.1) is not None
    answer(layer, event, 486)
    ack = their_request("ACK", old)
    ack.headers.set("To", "<sip:room@192.0.2.1>;tag=ours")
    assert layer.receive(ack, UDP, 0.2) is None


def refused(layer: TransactionLayer, branch: str, host: str) -> bool:
    flow = Flow("udp", UDP.local, (host, 5060))
    event = layer.receive(their_request("OPTIONS", f"z9hG4bK{branch}"), flow, 0.0)
    answers = [parse(data) for _, data in layer.outgoing()]
    if event is not None:
        assert answers == []
        return False
    (response,) = answers
    assert isinstance(response, Response)
    assert response.code == 503
    return True


def test_beyond_the_limits_requests_are_answered_503_and_forgotten() -> None:
    layer = TransactionLayer(most=3, most_of_one=2)
    assert [refused(layer, str(at), "192.0.2.7") for at in range(3)] == [False, False, True]
    assert [refused(layer, str(at), "192.0.2.8") for at in range(2)] == [False, True]
    assert len(layer) == 3
    layer.tick(32.0)
    assert len(layer) == 0
    assert not refused(layer, "4", "192.0.2.7")


def test_strangers_leave_half_of_the_table() -> None:
    layer = TransactionLayer(most=4, known=lambda host: host == "192.0.2.1")
    hosts = ["192.0.2.7", "192.0.2.8", "192.0.2.9", "192.0.2.1", "192.0.2.1", "192.0.2.1"]
    assert [refused(layer, str(at), host) for at, host in enumerate(hosts)] == [
        False, False, True, False, False, True,
    ]  # fmt: skip


def test_of_a_lost_connection_only_what_waits_is_told() -> None:
    layer = TransactionLayer()
    first = come(layer, "INVITE", TCP)
    answer(layer, first, 200)
    second = layer.receive(their_request("INVITE", "z9hG4bKtwo"), TCP, 0.0)
    assert isinstance(second, NewRequest)
    answer(layer, second, 200)
    layer.acknowledged(str(first.transaction))
    assert layer.lost(TCP, 1.0) == [TransportFailed(str(second.transaction))]
    assert len(layer) == 0


def test_datagrams_that_are_lost_leave_what_absorbs_repetitions() -> None:
    layer = TransactionLayer()
    answer(layer, come(layer, "BYE"), 200)
    assert layer.lost(UDP, 1.0) == []
    sent(layer)
    assert layer.receive(their_request("BYE"), UDP, 1.1) is None
    assert statuses(layer) == [200]


def test_a_stray_ack_is_handed_up_and_never_answered() -> None:
    layer = TransactionLayer(most=0)
    event = layer.receive(their_request("ACK"), UDP, 0.0)
    assert isinstance(event, NewRequest)
    assert (event.transaction, layer.outgoing()) == (None, [])
