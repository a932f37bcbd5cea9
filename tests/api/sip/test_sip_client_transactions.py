"""Requests of ours: RFC 3261 figures 5 and 6, timers A, B, D, E, F, K, and M of RFC 6026."""

from __future__ import annotations

from math import inf

import pytest
from sipmessage import Request

from api.sip.flows import Flow
from api.sip.messages import cseq, header, parse
from api.sip.transactions import GotResponse, TimedOut, TransactionLayer, TransportFailed
from tests.api.sip.sip_requests import TCP, UDP, answer_to, our_request


def sent(layer: TransactionLayer) -> list[bytes]:
    return [data for _, data in layer.outgoing()]


def one(layer: TransactionLayer) -> Request:
    """Return the only message that is to be sent."""
    (data,) = sent(layer)
    message = parse(data)
    assert isinstance(message, Request)
    return message


def times_until_over(layer: TransactionLayer) -> tuple[list[float], list[object], float]:
    """Return when something was sent again, what was told, and when nothing was left."""
    sends: list[float] = []
    told: list[object] = []
    now = 0.0
    while (due := layer.due()) < inf:
        now = due
        told += layer.tick(now)
        sends += [now] * len(sent(layer))
    assert len(layer) == 0
    return sends, told, now


def begun(method: str, flow: Flow) -> tuple[TransactionLayer, str, bytes]:
    layer = TransactionLayer()
    transaction = layer.send_request(our_request(method), flow, 0.0)
    (data,) = sent(layer)
    return layer, transaction, data


def test_an_invite_is_repeated_with_timer_a_until_timer_b() -> None:
    layer, transaction, _ = begun("INVITE", UDP)
    sends, told, over = times_until_over(layer)
    assert sends == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert (told, over) == ([TimedOut(transaction)], 32.0)


def test_another_request_is_repeated_with_timer_e_until_timer_f() -> None:
    layer, transaction, _ = begun("OPTIONS", UDP)
    sends, told, over = times_until_over(layer)
    assert sends == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert (told, over) == ([TimedOut(transaction)], 32.0)


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_over_tcp_nothing_is_repeated(method: str) -> None:
    layer, transaction, _ = begun(method, TCP)
    assert times_until_over(layer) == ([], [TimedOut(transaction)], 32.0)


def test_after_a_provisional_answer_timer_e_is_t2() -> None:
    layer, transaction, data = begun("REGISTER", UDP)
    assert isinstance(layer.receive(answer_to(data, 100), UDP, 0.1), GotResponse)
    sends, told, over = times_until_over(layer)
    assert sends == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert (told, over) == ([TimedOut(transaction)], 32.0)


def test_an_invite_that_rings_is_not_repeated_and_given_up_late() -> None:
    layer, transaction, data = begun("INVITE", UDP)
    layer.receive(answer_to(data, 180), UDP, 1.0)
    assert times_until_over(layer) == ([], [TimedOut(transaction)], 601.0)


@pytest.mark.parametrize(
    ("method", "status", "flow", "lingers"),
    [
        ("INVITE", 486, UDP, 32.0),  # timer D
        ("INVITE", 486, TCP, 0.0),
        ("INVITE", 200, UDP, 32.0),  # timer M
        ("INVITE", 200, TCP, 32.0),
        ("BYE", 200, UDP, 5.0),  # timer K
        ("BYE", 481, TCP, 0.0),
    ],
)
def test_how_long_a_transaction_stays_after_its_final_answer(
    method: str, status: int, flow: Flow, lingers: float
) -> None:
    layer, _, data = begun(method, flow)
    layer.receive(answer_to(data, status), flow, 1.0)
    assert layer.due() == (1.0 + lingers if lingers else inf)
    assert len(layer) == bool(lingers)
    if lingers:
        sent(layer)
        assert layer.tick(0.9 + lingers) == []
        assert len(layer) == 1
        assert layer.tick(1.0 + lingers) == []
    assert len(layer) == 0
    assert layer.receive(answer_to(data, status), flow, 40.0) is None


def test_a_failure_is_told_once_and_acknowledged_each_time() -> None:
    layer, transaction, data = begun("INVITE", UDP)
    event = layer.receive(answer_to(data, 486), UDP, 0.2)
    assert isinstance(event, GotResponse)
    assert (event.transaction, event.response.code) == (transaction, 486)
    invite, ack = parse(data), one(layer)
    assert ack.method == "ACK"
    assert header(ack, "To").endswith(";tag=theirs")
    assert cseq(ack).sequence == 7
    assert ack.headers.getlist("Via") == invite.headers.getlist("Via")
    for name in ("From", "Call-ID", "Route"):
        assert header(ack, name) == header(invite, name)
    assert layer.receive(answer_to(data, 486), UDP, 0.7) is None
    assert one(layer).method == "ACK"
    assert layer.receive(answer_to(data, 200), UDP, 0.8) is None


def test_each_2xx_is_told_and_not_acknowledged_here() -> None:
    layer, _, data = begun("INVITE", UDP)
    for now in (0.2, 0.7, 1.7):
        assert isinstance(layer.receive(answer_to(data, 200), UDP, now), GotResponse)
    assert layer.receive(answer_to(data, 486), UDP, 2.0) is None
    assert sent(layer) == []
    ack = our_request("ACK")
    layer.send_ack(ack, UDP)
    assert header(one(layer), "Via") != header(parse(data), "Via")


def test_another_final_answer_is_told_once() -> None:
    layer, _, data = begun("BYE", UDP)
    assert isinstance(layer.receive(answer_to(data, 200), UDP, 0.2), GotResponse)
    assert layer.receive(answer_to(data, 200), UDP, 0.4) is None


def test_the_via_says_where_we_are() -> None:
    layer = TransactionLayer()
    layer.send_request(our_request("OPTIONS"), Flow("tls", ("2001:db8::1", 5061), ("::2", 1)), 0)
    via = header(one(layer), "Via")
    assert via.startswith("SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK")
    assert via.endswith(";rport")


def test_answers_that_belong_to_nobody_are_nothing() -> None:
    layer, _, data = begun("INVITE", UDP)
    for change in ("branch", "method", "vias"):
        stray = answer_to(data, 200)
        if change == "branch":
            stray.headers.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother")
        elif change == "method":
            stray.headers.set("CSeq", "7 BYE")
        else:
            stray.headers.add("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKother")
        assert layer.receive(stray, UDP, 0.1) is None


def test_a_cancel_waits_for_a_provisional_answer() -> None:
    layer, transaction, data = begun("INVITE", UDP)
    assert layer.cancel(transaction, 0.1) is None
    assert sent(layer) == []
    layer.receive(answer_to(data, 100), UDP, 0.2)
    cancel = one(layer)
    assert cancel.method == "CANCEL"
    assert header(cancel, "CSeq") == "7 CANCEL"
    for name in ("Via", "From", "To", "Call-ID", "Route"):
        assert header(cancel, name) == header(parse(data), name)
    layer.receive(answer_to(data, 180), UDP, 0.3)
    assert sent(layer) == []
    assert layer.cancel(transaction, 0.4) is None


def test_a_cancel_goes_out_at_once_while_it_rings() -> None:
    layer, transaction, data = begun("INVITE", UDP)
    layer.receive(answer_to(data, 180), UDP, 0.2)
    cancel = layer.cancel(transaction, 0.4)
    assert cancel is not None
    (cancelling,) = sent(layer)
    event = layer.receive(answer_to(cancelling, 200), UDP, 0.5)
    assert isinstance(event, GotResponse)
    assert event.transaction == cancel
    event = layer.receive(answer_to(data, 487), UDP, 0.6)
    assert isinstance(event, GotResponse)
    assert event.transaction == transaction
    assert times_until_over(layer)[1] == []


def test_a_2xx_that_crosses_the_cancel_is_told() -> None:
    layer, transaction, data = begun("INVITE", UDP)
    layer.receive(answer_to(data, 180), UDP, 0.2)
    layer.cancel(transaction, 0.4)
    assert isinstance(layer.receive(answer_to(data, 200), UDP, 0.5), GotResponse)


def test_what_is_cancelled_ends_though_it_goes_on_ringing() -> None:
    layer, transaction, data = begun("INVITE", TCP)
    layer.receive(answer_to(data, 180), TCP, 0.0)
    cancel = layer.cancel(transaction, 1.0)
    layer.receive(answer_to(data, 180), TCP, 20.0)
    _, told, over = times_until_over(layer)
    assert (set(told), over) == ({TimedOut(transaction), TimedOut(str(cancel))}, 33.0)


def test_nothing_is_left_to_cancel_after_a_final_answer() -> None:
    layer, transaction, data = begun("INVITE", UDP)
    layer.receive(answer_to(data, 486), UDP, 0.2)
    assert layer.cancel(transaction, 0.3) is None
    assert layer.cancel("c99", 0.3) is None


def test_a_lost_connection_fails_what_waits_on_it() -> None:
    layer, transaction, _ = begun("INVITE", TCP)
    assert layer.lost(UDP, 1.0) == []
    assert layer.lost(TCP, 1.0) == [TransportFailed(transaction)]
    assert len(layer) == 0
    assert layer.due() == inf


def test_a_request_beyond_the_limit_fails_with_the_next_tick() -> None:
    layer = TransactionLayer(most=1)
    layer.send_request(our_request("OPTIONS"), UDP, 3.0)
    second = layer.send_request(our_request("OPTIONS"), UDP, 3.0)
    assert len(sent(layer)) == 1
    assert layer.due() == 3.0
    assert layer.tick(3.0) == [TransportFailed(second)]
    assert layer.due() == 3.5


def test_a_late_tick_repeats_once() -> None:
    layer, _, _ = begun("OPTIONS", UDP)
    layer.tick(20.0)
    assert len(sent(layer)) == 1
    assert layer.due() == 21.0
