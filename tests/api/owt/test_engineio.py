"""The Engine.IO session without any I/O: pings, polls, the way to a websocket, every end."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from api.owt.socketio.engineio import Engine, EngineLimits, OutboxFull, Transport
from api.owt.socketio.payload import BadPacket
from tests.support.examples import examples

LIMITS = EngineLimits()


def engine(version: int = 3, transport: Transport = Transport.POLLING, **limits: Any) -> Engine:
    return Engine(version, transport, EngineLimits(**limits), 0.0)


def polled(session: Engine, now: float = 0.0) -> list[bytes]:
    """Poll, and be answered."""
    assert session.begin_poll(now)
    assert session.poll_ready(now)
    return session.end_poll(now)


@pytest.mark.parametrize(
    ("version", "transport", "greeting"),
    [
        (3, Transport.POLLING, {"upgrades": ["websocket"]}),
        (3, Transport.WEBSOCKET, {"upgrades": []}),
        (4, Transport.POLLING, {"upgrades": ["websocket"], "maxPayload": 1_048_576}),
        (4, Transport.WEBSOCKET, {"upgrades": [], "maxPayload": 1_048_576}),
    ],
)
def test_the_greeting_tells_how_things_are_done(
    version: int, transport: Transport, greeting: dict[str, object]
) -> None:
    packet = engine(version, transport).greeting("abc")
    expected = {"sid": "abc", "pingInterval": 25000, "pingTimeout": 5000, **greeting}
    assert packet[:1] == b"0"
    assert json.loads(packet[1:]) == expected
    assert list(json.loads(packet[1:]))[:2] == ["sid", "upgrades"]


def test_a_greeting_is_as_long_as_the_measured_one() -> None:
    assert len(engine().greeting("x" * 20)) == 96


def test_clients_of_version_3_ping() -> None:
    session = engine(3)
    assert session.hear(b"2", 20.0) is None
    assert session.hear(b"2probe", 20.0) is None
    assert session.take() == [b"3", b"3probe"]
    session.tick(50.0)
    assert not session.closed
    session.tick(50.1)
    assert session.closed == "ping_timeout"


def test_clients_of_version_4_are_pinged_and_keep_being_so() -> None:
    session = engine(4)
    for now in (25.0, 50.0, 75.0):
        session.tick(now - 0.1)
        assert session.take() == []
        session.tick(now)
        assert session.take() == [b"2"]
        session.hear(b"3", now + 4.9)
        session.tick(now + 5.1)
    session.tick(100.0)
    assert session.take() == [b"2"]
    session.tick(105.0)
    assert not session.closed
    session.tick(105.1)
    assert session.closed == "ping_timeout"


@pytest.mark.parametrize("version", [3, 4])
def test_silence_tells_nothing_while_we_are_behind_ourselves(version: int) -> None:
    session = engine(version, Transport.WEBSOCKET)
    for now in range(0, 300, 10):
        session.tick(float(now), busy=True)
    assert not session.closed


@pytest.mark.parametrize(
    ("version", "packet"),
    [
        *itertools.product((3, 4), (b"", b"0", b"5", b"7", b"x", b"b4AAAA", b"\xff")),
        (3, b"3"),
        (4, b"2"),
    ],
)
def test_packets_out_of_place_are_refused(version: int, packet: bytes) -> None:
    with pytest.raises(BadPacket):
        engine(version).hear(packet, 1.0)


def test_a_message_is_handed_on_and_the_clients_close_is_final() -> None:
    session = engine()
    assert session.hear(b'42["a"]', 1.0) == b'2["a"]'
    assert session.hear(b"6", 1.0) is None
    assert session.hear(b"1", 2.0) is None
    assert session.closed == "client_left"
    assert session.hear(b'42["a"]', 3.0) is None
    assert session.over(3.0)


def test_a_poll_waits_for_something_to_send() -> None:
    session = engine()
    assert session.begin_poll(1.0)
    assert not session.poll_ready(20.0)
    session.send(b"4a", 20.0)
    session.send(b"4b", 20.0)
    assert session.poll_ready(20.0)
    assert session.end_poll(20.0) == [b"4a", b"4b"]
    assert session.begin_poll(21.0)
    assert not session.poll_ready(21.0)


def test_no_poll_waits_so_long_that_its_connection_seems_idle() -> None:
    session = engine()
    session.begin_poll(1.0)
    assert not session.poll_ready(40.9)
    assert session.poll_ready(41.0)
    assert session.end_poll(41.0) == [b"6"]


def test_a_second_poll_ends_the_session() -> None:
    session = engine()
    assert session.begin_poll(1.0)
    assert not session.begin_poll(2.0)
    assert session.closed == "two_polls"
    assert session.end_poll(2.0) == [b"1"]
    assert session.over(2.0)


def test_what_is_said_last_arrives_before_the_close_and_alone() -> None:
    session = engine()
    session.send(b"4last", 1.0)
    session.send(b"41", 1.0)
    session.close("disconnected", 1.0)
    session.send(b"4never", 1.0)
    assert polled(session, 2.0) == [b"4last", b"41"]
    assert not session.over(2.0)
    assert polled(session, 3.0) == [b"1"]
    assert session.over(3.0)


def test_a_client_that_does_not_come_for_its_close_is_forgotten() -> None:
    session = engine()
    session.close("disconnected", 10.0)
    assert not session.over(14.9)
    assert session.over(15.0)


def test_a_client_that_closes_too_is_forgotten_at_once() -> None:
    session = engine()
    session.close("disconnected", 10.0)
    session.hear(b"1", 10.5)
    assert session.over(10.5)


def test_a_poll_whose_client_left_ends_the_session() -> None:
    session = engine()
    session.begin_poll(1.0)
    session.lose_poll(2.0)
    assert session.closed == "client_left"
    assert session.over(2.0)


@pytest.mark.parametrize("limits", [{"outbox_messages": 3}, {"outbox_bytes": 30}])
def test_what_is_unsent_is_bounded(limits: dict[str, int]) -> None:
    session = engine(**limits)
    for _ in range(3):
        session.send(b"4" + b"x" * 9, 1.0)
    with pytest.raises(OutboxFull):
        session.send(b"4", 1.0)
    assert session.closed == "too_slow"
    assert session.take() == []
    assert session.over(1.0)


def test_what_was_taken_leaves_room() -> None:
    session = engine(outbox_messages=3, outbox_bytes=30)
    for now in range(100):
        session.send(b"4" + b"x" * 29, float(now))
        assert polled(session, float(now)) == [b"4" + b"x" * 29]


def test_a_client_that_pings_but_never_polls_is_ended() -> None:
    session = engine(3)
    for now in (0.0, 20.0, 40.0):
        session.hear(b"2", now)
        session.tick(now)
    assert session.closed == "too_slow"


def test_moving_to_a_websocket_releases_the_poll_and_hands_over_the_queue() -> None:
    session = engine()
    session.begin_poll(1.0)
    assert session.begin_probe()
    assert not session.poll_ready(1.05)
    assert session.poll_ready(1.1)
    assert session.end_poll(1.1) == [b"6"]
    session.send(b"4late", 1.2)
    assert session.upgrade(1.3)
    assert session.take() == [b"4late"]
    assert session.transport is Transport.WEBSOCKET


def test_a_poll_that_begins_while_probing_gets_what_there_is_at_once() -> None:
    session = engine()
    session.begin_probe()
    session.send(b"4a", 1.0)
    assert polled(session, 1.0) == [b"4a"]


def test_a_poll_left_over_after_the_move_takes_nothing_away() -> None:
    session = engine()
    session.begin_poll(1.0)
    session.begin_probe()
    session.upgrade(1.0)
    session.send(b"4mine", 1.0)
    assert session.end_poll(1.0) == [b"6"]
    assert session.take() == [b"4mine"]


def test_a_probe_that_comes_to_nothing_leaves_polling_as_it_was() -> None:
    session = engine()
    assert session.begin_probe()
    assert not session.begin_probe()
    session.end_probe()
    assert not session.upgrade(1.0)
    session.begin_poll(1.0)
    assert not session.poll_ready(9.0)
    assert session.begin_probe()


class Upgrading(RuleBasedStateMachine):
    """A client and a network that do everything in every order; the session stays sound."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.session = engine(3)
        self.sent: list[bytes] = []
        self.arrived: list[bytes] = []
        self.numbers = itertools.count()
        self.polling = False
        self.probing = False

    @rule()
    def server_says_something(self) -> None:
        packet = b"4%d" % next(self.numbers)
        if not self.session.closed:
            self.sent.append(packet)
        self.session.send(packet, self.now)
        self._websocket_sends()

    @rule()
    def client_says_something(self) -> None:
        was_open = not self.session.closed
        assert self.session.hear(b"4hello", self.now) == (b"hello" if was_open else None)

    @rule()
    def client_polls(self) -> None:
        was_closed = self.session.closed
        if self.session.transport is Transport.WEBSOCKET:
            return  # such requests are refused
        if self.session.begin_poll(self.now):
            self.polling = True
        else:
            assert self.session.closed == (was_closed or "two_polls")

    @precondition(lambda self: self.polling)
    @rule()
    def poll_is_answered(self) -> None:
        if self.session.poll_ready(self.now):
            packets = self.session.end_poll(self.now)
            assert packets
            self.arrived += [packet for packet in packets if packet[:1] == b"4"]
            self.polling = False

    @precondition(lambda self: self.polling)
    @rule()
    def poll_is_cut(self) -> None:
        self.session.lose_poll(self.now)
        self.polling = False

    @rule()
    def client_probes(self) -> None:
        began = self.session.begin_probe()
        free = not (
            self.session.closed or self.probing or self.session.transport is Transport.WEBSOCKET
        )
        assert began == free
        self.probing = self.probing or began

    @precondition(lambda self: self.probing)
    @rule()
    def probe_fails(self) -> None:
        self.session.end_probe()
        self.probing = False

    @precondition(lambda self: self.probing)
    @rule()
    def client_upgrades(self) -> None:
        assert self.session.upgrade(self.now) == (not self.session.closed)
        self.probing = False
        self._websocket_sends()

    @rule(reason=st.sampled_from(["disconnected", "shutting_down"]))
    def server_closes(self, reason: str) -> None:
        self.session.close(reason, self.now)
        self.probing = False
        self._websocket_sends()

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.session.tick(self.now)
        self._websocket_sends()

    def _websocket_sends(self) -> None:
        if self.session.transport is Transport.WEBSOCKET:
            self.arrived += [p for p in self.session.take() if p[:1] == b"4"]
        if self.session.closed:
            self.probing = False

    @invariant()
    def nothing_is_doubled_or_out_of_order(self) -> None:
        assert self.arrived == self.sent[: len(self.arrived)]

    @invariant()
    def what_is_open_arrives_in_the_end(self) -> None:
        if self.session.transport is Transport.WEBSOCKET and not self.session.closed:
            assert self.arrived == self.sent

    @invariant()
    def an_end_is_forgotten_in_time(self) -> None:
        if self.session.closed and not self.polling:
            assert self.session.over(self.now + LIMITS.ping_timeout_seconds)


TestUpgrading = Upgrading.TestCase
TestUpgrading.settings = hypothesis_settings(
    max_examples=examples(100), stateful_step_count=30, deadline=None
)
