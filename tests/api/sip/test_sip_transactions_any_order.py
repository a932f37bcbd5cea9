"""Whatever is lost, doubled or late: nothing raises, tables stay small and empty themselves."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st
from sipmessage import Request

from api.sip.messages import parse, response_to
from api.sip.transactions import (
    GotResponse,
    NewRequest,
    Timers,
    TransactionEvent,
    TransactionLayer,
)
from tests.api.sip.sip_requests import TCP, UDP, answer_to, our_request, their_request

TIMERS = Timers(patience=32.0)
MOST = 6
METHODS = st.sampled_from(["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"])
FLOWS = st.sampled_from([UDP, TCP])
PICK = st.integers(0, 30)
STATUS = st.sampled_from([100, 180, 200, 202, 302, 486, 487, 603])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("request"), METHODS, PICK, FLOWS),
        st.tuples(st.just("respond"), STATUS, PICK, FLOWS),
        st.tuples(st.just("send"), METHODS, PICK, FLOWS),
        st.tuples(st.just("response"), STATUS, PICK, FLOWS),
        st.tuples(st.just("cancel"), STATUS, PICK, FLOWS),
        st.tuples(st.just("acknowledged"), STATUS, PICK, FLOWS),
        st.tuples(st.just("lost"), STATUS, PICK, FLOWS),
        st.tuples(st.just("wait"), STATUS, PICK, FLOWS),
    ),
    max_size=40,
)


class Disorder:
    """A layer, and a network and a user that do anything."""

    def __init__(self) -> None:
        self.layer = TransactionLayer(TIMERS, most=MOST, most_of_one=4)
        self.now = 0.0
        self.theirs: list[NewRequest] = []
        self.ours: list[str] = []
        self.seen: list[bytes] = []  # all requests of ours
        self.finals: dict[str, int] = {}

    def step(self, what: str, how: object, pick: int, flow: object) -> None:
        layer, now = self.layer, self.now
        assert flow in (UDP, TCP)
        flow = UDP if flow is UDP else TCP
        if what == "request":
            request = their_request(str(how), f"z9hG4bK{pick % 4}")
            event = layer.receive(request, flow, now)
            if isinstance(event, NewRequest) and event.transaction is not None:
                self.theirs.append(event)
        elif what == "respond" and self.theirs:
            to = self.theirs[pick % len(self.theirs)]
            assert isinstance(how, int)
            layer.send_response(str(to.transaction), response_to(to.request, how, "", "t"), now)
        elif what == "send" and how != "ACK":
            self.ours.append(layer.send_request(our_request(str(how)), flow, now))
        elif what == "response" and self.seen:
            assert isinstance(how, int)
            self.told(layer.receive(answer_to(self.seen[pick % len(self.seen)], how), flow, now))
        elif what == "cancel" and self.ours:
            layer.cancel(self.ours[pick % len(self.ours)], now)
        elif what == "acknowledged" and self.theirs:
            layer.acknowledged(str(self.theirs[pick % len(self.theirs)].transaction))
        elif what == "lost":
            layer.lost(flow, now)
        elif what == "wait":
            self.now += pick / 4
            layer.tick(self.now)
        self.drain()

    def told(self, event: TransactionEvent | None) -> None:
        """Note final answers: there is one of each request, but of a 2xx to an INVITE."""
        if not isinstance(event, GotResponse) or event.response.code < 200:
            return
        before = self.finals.setdefault(event.transaction, event.response.code)
        if before != event.response.code:
            assert event.request.method == "INVITE"
            assert before < 300
            assert event.response.code < 300

    def drain(self) -> None:
        for _, data in self.layer.outgoing():
            message = parse(data)
            if isinstance(message, Request) and message.method != "ACK":
                self.seen.append(data)
        # Both tables have the limit; the table of times follows them.
        assert len(self.layer) <= 2 * MOST
        assert len(self.layer._times) <= 4 * MOST + 256
        assert self.layer.due() > -inf


@given(STEPS)
def test_any_order_of_messages_and_times_ends_with_empty_tables(
    steps: list[tuple[str, object, int, object]],
) -> None:
    disorder = Disorder()
    for step in steps:
        disorder.step(*step)
    layer = disorder.layer
    end = disorder.now + 64 * TIMERS.t1
    while (due := layer.due()) <= end:
        layer.tick(due)
        layer.outgoing()
    assert len(layer) == 0
    assert layer.due() == inf
    left = [layer._by_branch, layer._by_key, layer._of_host, layer._failed]
    assert not any(left)


@given(st.lists(st.floats(0, 3), max_size=60))
def test_two_layers_understand_each_other_however_late_they_are_called(
    waits: list[float],
) -> None:
    """One end calls, the other refuses; the network loses every third message."""
    caller, callee = TransactionLayer(), TransactionLayer()
    caller.send_request(our_request("INVITE"), UDP, 0.0)
    now, lost, answers = 0.0, 0, []
    for wait in [*waits, *[0.5] * 200]:
        now += wait
        caller.tick(now)
        callee.tick(now)
        for here, there in ((caller, callee), (callee, caller)):
            for flow, data in here.outgoing():
                lost += 1
                if lost % 3 == 1:
                    continue
                event = there.receive(parse(data), flow, now)
                if isinstance(event, NewRequest) and event.transaction is not None:
                    response = response_to(event.request, 486, to_tag="t")
                    there.send_response(event.transaction, response, now)
                elif isinstance(event, GotResponse):
                    answers.append(event.response.code)
    assert answers == [486]
    assert len(caller) == len(callee) == 0
