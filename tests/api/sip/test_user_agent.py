"""Two user agents talk to each other, on a network that loses things, in virtual time."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from actors.words.calls import (
    CallEnd,
    CallRefused,
    LegAnswered,
    LegConfirmed,
    LegEnded,
    LegOffered,
    LegRings,
)
from api.sip.agent import AgentSettings, SipLeg
from api.sip.description import read
from api.sip.flows import Flow
from api.sip.session_timers import TimerPlan
from media.contract.session import Direction
from tests.api.sip.wired_agents import Line, Wire, audio, pair, talking


def ends(line: Line) -> list[CallEnd]:
    return [event.why for event in line.told if isinstance(event, LegEnded)]


def test_call_is_offered_rung_answered_confirmed_and_hung_up() -> None:
    one, other, wire = pair()
    leg = wire.dial(one, other.host)
    wire.run(1)
    (invited,) = other.invitations
    assert (invited.user, invited.peer, invited.host) == ("room", "sip:me@192.0.2.1", one.host)
    assert invited.offer == audio(one.host)
    invited.leg.ring()
    wire.run(1)
    invited.leg.answer(audio(other.host, 4002))
    wire.run(1)
    assert one.told == [LegRings(None), LegAnswered(audio(other.host, 4002))]
    assert other.told == [LegConfirmed(None)]
    leg.hang_up()
    wire.run(1)
    assert ends(one) == ends(other) == [CallEnd.HUNG_UP]
    wire.run(60)
    assert not one.agent.legs
    assert not other.agent.legs
    assert not one.agent._senders
    assert not other.agent._senders


@pytest.mark.parametrize("seed", range(25))
def test_call_comes_about_and_ends_where_a_quarter_is_lost(seed: int) -> None:
    one, other, wire = pair(loss=0.25, seed=seed)
    leg, _ = talking(wire, one, other)
    assert [type(event) for event in one.told if not isinstance(event, LegRings)] == [LegAnswered]
    assert other.told == [LegConfirmed(None)]
    leg.hang_up()
    wire.run(120)
    assert ends(one) == [CallEnd.HUNG_UP]
    assert len(ends(other)) == 1
    assert not one.agent.legs
    assert not other.agent.legs


@pytest.mark.parametrize(
    ("why", "told"),
    [
        (CallEnd.BUSY, CallEnd.BUSY),
        (CallEnd.NOT_FOUND, CallEnd.NOT_FOUND),
        (CallEnd.NOT_ALLOWED, CallEnd.NOT_ALLOWED),
        (CallEnd.DECLINED, CallEnd.DECLINED),
        (CallEnd.NO_COMMON_CODEC, CallEnd.NO_COMMON_CODEC),
        (CallEnd.NO_CAPACITY, CallEnd.UNREACHABLE),
        (CallEnd.FAILED, CallEnd.FAILED),
        (CallEnd.ROOM_ENDED, CallEnd.UNANSWERED),
    ],
)
def test_refusal_is_told_in_words(why: CallEnd, told: CallEnd) -> None:
    one, other, wire = pair()
    wire.dial(one, other.host)
    wire.run(1)
    other.invitations[0].leg.refuse(why)
    wire.run(1)
    assert ends(one) == [told]
    assert ends(other) == [why]
    assert not one.agent.legs
    assert not other.agent.legs


def test_cancel_before_the_answer() -> None:
    one, other, wire = pair()
    leg = wire.dial(one, other.host)
    wire.run(1)
    leg.hang_up(CallEnd.CANCELLED)
    wire.run(1)
    assert ends(one) == ends(other) == [CallEnd.CANCELLED]
    assert not one.agent.legs
    assert not other.agent.legs


def test_cancel_that_crosses_the_answer_is_followed_by_bye() -> None:
    one, other, wire = pair()
    leg = wire.dial(one, other.host)
    wire.run(1)
    other.invitations[0].leg.answer(audio(other.host))
    leg.hang_up(CallEnd.CANCELLED)
    wire.run(2)
    assert ends(one) == [CallEnd.CANCELLED]
    assert ends(other) == [CallEnd.HUNG_UP]
    sent = [line.split(" ")[0] for line in wire.starts(one.host)]
    assert sent == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert not one.agent.legs
    assert not other.agent.legs


def test_bye_that_crosses_the_answer() -> None:
    one, other, wire = pair()
    wire.dial(one, other.host)
    wire.run(1)
    wire.drop = lambda host, data: b"SIP/2.0 200" in data and b"INVITE" in data
    leg = other.invitations[0].leg
    leg.answer(audio(other.host))
    wire.run(0.1)
    assert isinstance(leg, SipLeg)
    leg.requests.bye(wire.now)  # some do not wait for the ACK
    wire.run(0.1)
    wire.drop = lambda host, data: False
    wire.run(60)
    assert ends(one) == [CallEnd.HUNG_UP]
    assert not one.agent.legs


def test_unanswered_call_is_given_up_by_both() -> None:
    one, other, wire = pair()
    wire.dial(one, other.host, ring=20)
    wire.run(30)
    assert ends(one) == [CallEnd.UNANSWERED]
    assert ends(other) == [CallEnd.CANCELLED]
    one, other, wire = pair()
    wire.dial(one, other.host, ring=200)
    wire.run(70)
    assert ends(other) == ends(one) == [CallEnd.UNANSWERED]


def test_nobody_there_is_unreachable() -> None:
    one, _, wire = pair()
    wire.dial(one, "192.0.2.77")
    wire.run(40)
    assert ends(one) == [CallEnd.UNREACHABLE]
    assert not one.agent.legs


def test_answer_without_ack_is_ended_as_lost() -> None:
    one, other, wire = pair()
    wire.dial(one, other.host)
    wire.run(1)
    wire.drop = lambda host, data: data.startswith(b"ACK")
    other.invitations[0].leg.answer(audio(other.host))
    wire.run(31)
    assert not ends(other)
    wire.run(5)
    assert ends(other) == [CallEnd.LOST]
    assert ends(one) == [CallEnd.HUNG_UP]


def test_hang_up_right_after_the_answer_waits_for_the_ack() -> None:
    one, other, wire = pair()
    wire.dial(one, other.host)
    wire.run(1)
    other.invitations[0].leg.answer(audio(other.host))
    other.invitations[0].leg.hang_up()
    wire.run(1)
    assert ends(one) == ends(other) == [CallEnd.HUNG_UP]
    starts = [(at, data.split(b" ")[0]) for at, _, data in wire.sent]
    ack = min(at for at, word in starts if word == b"ACK")
    assert min(at for at, word in starts if word == b"BYE") > ack


def test_both_hang_up_at_once() -> None:
    one, other, wire = pair()
    leg, leg2 = talking(wire, one, other)
    leg.hang_up()
    leg2.hang_up()
    wire.run(1)
    assert ends(one) == ends(other) == [CallEnd.HUNG_UP]
    wire.run(40)
    assert not one.agent.legs
    assert not other.agent.legs


@pytest.mark.parametrize("updates", [True, False])
def test_two_hours_are_refreshed_at_half_the_interval(updates: bool) -> None:
    one, other, wire = pair()
    leg, leg2 = talking(wire, one, other)
    if not updates:
        leg.peer_updates = leg2.peer_updates = False
        leg.note_abilities = leg2.note_abilities = lambda message: None  # type: ignore[method-assign]
    before = len(wire.sent)
    wire.run(7200)
    words = [(at, host, data.split(b" ")[0]) for at, host, data in wire.sent[before:]]
    method = b"UPDATE" if updates else b"INVITE"
    times = [at for at, host, word in words if word == method]
    assert len(times) == 8
    assert all(899 < later - at < 901 for at, later in itertools.pairwise(times))
    assert not ends(one)
    assert not ends(other)
    assert not [event for event in other.told if isinstance(event, LegOffered)]
    assert len(one.agent._senders) <= 2
    leg.hang_up()
    wire.run(60)
    assert not one.agent._senders
    assert not other.agent._senders


@pytest.mark.parametrize("silent", [0, 1])
def test_who_falls_silent_is_lost_when_the_session_expires(silent: int) -> None:
    one, other, wire = pair()
    talking(wire, one, other)
    lines = (one, other)
    wire.drop = lambda host, data: host == lines[silent].host
    wire.run(1800)
    assert ends(lines[1 - silent]) == [CallEnd.LOST]
    wire.run(100)
    assert not one.agent.legs
    assert not other.agent.legs


def test_too_short_sessions_are_asked_for_again() -> None:
    one = Line("192.0.2.1", AgentSettings(timers=TimerPlan(120, 90)))
    other = Line("192.0.2.2", AgentSettings(timers=TimerPlan(600, 300)))
    wire = Wire(one, other)
    talking(wire, one, other)
    assert "SIP/2.0 422 Session Interval Too Small" in wire.starts(other.host)
    (leg,) = one.agent.legs.values()
    assert leg.timer.interval == 300


@pytest.mark.parametrize("direction", [Direction.SEND, Direction.NONE])
def test_changed_offer_is_told_and_answered(direction: Direction) -> None:
    one, other, wire = pair()
    leg, leg2 = talking(wire, one, other)
    held = audio(one.host, direction=direction)
    request = leg.dialog.request("INVITE")
    request.body = leg.describe(held)
    request.headers.set("Content-Type", "application/sdp")
    leg.requests._invite = leg.requests._send(request, wire.now)
    wire.run(1)
    assert other.told[-1] == LegOffered(held)
    leg2.answer(audio(other.host, direction=Direction.RECEIVE))
    wire.run(1)
    assert other.told[-1] == LegConfirmed(None)
    assert one.told[-1] == LegConfirmed(audio(other.host, direction=Direction.RECEIVE))


def test_refused_offer_leaves_the_call_as_it_was() -> None:
    one, other, wire = pair()
    leg, leg2 = talking(wire, one, other)
    for word in ("refuse", "silence"):
        request = leg.dialog.request("INVITE")
        request.body = leg.describe(audio(one.host, 4100 + len(word)))
        request.headers.set("Content-Type", "application/sdp")
        leg.requests._invite = leg.requests._send(request, wire.now)
        wire.run(1)
        assert isinstance(other.told[-1], LegOffered)
        if word == "refuse":
            leg2.refuse(CallEnd.NO_COMMON_CODEC)
        wire.run(15)
        assert not leg2.offers.open
    assert not ends(one)
    assert not ends(other)


def test_glare_of_refreshes_is_491_and_the_call_goes_on() -> None:
    one, other, wire = pair()
    leg, leg2 = talking(wire, one, other)
    leg.peer_updates = leg2.peer_updates = False
    leg.timer.ours = leg2.timer.ours = True
    leg.timer.refresh_at = leg2.timer.refresh_at = wire.now + 5
    wire.run(6)
    assert any(word.startswith("SIP/2.0 491") for word in wire.starts(one.host))
    assert any(word.startswith("SIP/2.0 491") for word in wire.starts(other.host))
    leg.timer.refresh_at += 1  # as their random times would differ
    wire.run(4000)
    assert not ends(one)
    assert not ends(other)


@pytest.mark.parametrize(("right", "end"), [(True, None), (False, CallEnd.NOT_ALLOWED)])
def test_stranger_shows_credentials(right: bool, end: CallEnd | None) -> None:
    one = Line("192.0.2.1")
    other = Line(
        "192.0.2.2", AgentSettings(challenges=True), open_to_all=False, users={"u": "secret"}
    )
    wire = Wire(one, other)
    wire.dial(one, other.host, username="u", password="secret" if right else "wrong")
    wire.run(2)
    assert other.attempts == [right]
    assert len(other.invitations) == right
    assert ends(one) == ([end] if end else [])
    assert b"secret" not in b"".join(data for _, _, data in wire.sent)


def test_stranger_without_credentials_or_blocked_is_refused() -> None:
    one, other = Line("192.0.2.1"), Line("192.0.2.2", open_to_all=False)
    wire = Wire(one, other)
    wire.dial(one, other.host)
    wire.run(1)
    assert ends(one) == [CallEnd.NOT_ALLOWED]
    assert "SIP/2.0 403 Forbidden" in wire.starts(other.host)
    other = Line("192.0.2.2", AgentSettings(challenges=True), False, {"u": "p"}, blocked=True)
    one = Line("192.0.2.1")
    wire = Wire(one, other)
    wire.dial(one, other.host, username="u", password="p")
    wire.run(1)
    assert ends(one) == [CallEnd.UNREACHABLE]
    assert not other.invitations


def test_calls_are_limited() -> None:
    one = Line("192.0.2.1", AgentSettings(dialogs=3))
    other = Line("192.0.2.2", AgentSettings(dialogs=2))
    wire = Wire(one, other)
    for _ in range(3):
        wire.dial(one, other.host)
    wire.run(1)
    assert len(other.invitations) == 2
    assert ends(one) == [CallEnd.UNREACHABLE]
    wire.dial(one, other.host)
    with pytest.raises(CallRefused):
        wire.dial(one, other.host)


def test_lost_connection_fails_a_call_that_has_no_answer() -> None:
    one, other, wire = pair()
    leg = wire.dial(one, other.host)
    wire.run(1)
    one.agent.lost(leg.dialog.flow, wire.now)
    assert ends(one) == [CallEnd.UNREACHABLE]


def test_orders_wake_the_owner_and_come_too_late_without_harm() -> None:
    one, other, wire = pair()
    leg, _ = talking(wire, one, other)
    wakes = one.wakes
    leg.hang_up()
    assert one.wakes == wakes + 1
    assert one.agent.due() <= wire.now
    wire.run(60)
    for order in (leg.hang_up, leg.ring, lambda: leg.answer(audio())):
        order()
    leg.refuse(CallEnd.BUSY)
    sent = len(wire.sent)
    wire.run(60)
    assert len(wire.sent) == sent
    assert ends(one) == [CallEnd.HUNG_UP]


def test_dialled_words_are_no_uri() -> None:
    one, _, wire = pair()
    flow = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
    with pytest.raises(CallRefused):
        one.agent.dial("tell me", flow, None, "sip:a@b", audio(), 1, wire.now)


def test_version_of_our_description_rises_where_it_changes() -> None:
    one, other, wire = pair()
    leg, _ = talking(wire, one, other)
    first = leg.describe(audio())
    assert leg.describe(audio()) == first
    second = leg.describe(audio(port=4444))
    assert read(second) == replace(audio(port=4444))
    assert first.split(b"\r\n")[1] != second.split(b"\r\n")[1]
