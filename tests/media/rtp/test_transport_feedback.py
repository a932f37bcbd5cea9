"""Feedback that cannot leave ends nothing, and what it was to tell is told later, once."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from media.contract.session import SessionWanted, State
from media.local_engine import LocalEngine
from media.rtp.transport_feedback import TransportFeedback
from tests.media.rtp.test_arrivals import TICK, read
from tests.media.webrtc.test_feedback_negotiation import WITH_ALL, offer, offered, packet
from tests.support.sessions import TAKES, Told

EXTENSION = 3
START = 1000.0
TURN = 0.06  # seconds between looks, of which each finds something due


class Way:
    """Takes feedback, but for what it is told to refuse."""

    def __init__(self) -> None:
        self.refuses = False
        self.tries = 0
        self.told: list[dict[int, float | None]] = []
        self.counts: list[int] = []

    def send(self, data: bytes) -> None:
        self.tries += 1
        if self.refuses:
            raise OSError("not connected")
        at = 4 + 4 * int.from_bytes(data[2:4])  # behind a report and a description
        at += 4 + 4 * int.from_bytes(data[at + 2 : at + 4])
        feedback = data[at:]
        _, came, count = read(feedback[:4] + bytes([0, 0, 0, 1, 0, 0, 0, 2]) + feedback[12:])
        self.told.append(came)
        self.counts.append(count)


def feedback_over(way: Way) -> TransportFeedback:
    feedback = TransportFeedback(way.send, "test")
    feedback.set(EXTENSION, 1)
    return feedback


def test_what_could_not_leave_is_told_with_the_next_one() -> None:
    way = Way()
    feedback = feedback_over(way)
    feedback.take(packet(0, 1), START)
    way.refuses = True
    feedback.tick(START + 0.01)
    feedback.take(packet(1, 3), START + 0.02)
    way.refuses = False
    feedback.tick(START + 0.08)
    feedback.tick(START + 0.2)
    at = pytest.approx
    assert way.told == [{1: at(START, abs=TICK), 2: None, 3: at(START + 0.02, abs=TICK)}]
    feedback.take(packet(2, 4), START + 0.21)
    feedback.tick(START + 0.3)
    assert way.counts == [0, 1]  # a gap in them stands for feedback that was lost on the way


def test_of_several_that_are_due_those_that_left_are_not_told_again() -> None:
    way = Way()
    feedback = feedback_over(way)
    for number in range(500):
        feedback.take(packet(number, number), START + number / 10_000)
    whole = way.send

    def second_fails(data: bytes) -> None:
        way.refuses = way.tries == 1
        whole(data)

    feedback._send = second_fails
    feedback.tick(START + 0.1)
    assert [len(told) for told in way.told] == [200]
    feedback.tick(START + 0.2)
    assert [len(told) for told in way.told] == [200, 200, 100]
    assert way.counts == [0, 1, 2]
    assert sorted(number for told in way.told for number in told) == list(range(500))


def test_what_is_old_is_given_up_and_passes_for_nothing() -> None:
    """An hour without a way costs no more than the packets of half a second."""
    way = Way()
    feedback = feedback_over(way)
    way.refuses = True
    for number in range(600):
        now = START + number * TURN
        feedback.take(packet(number, number), now)
        feedback.tick(now)
        assert len(feedback._arrivals._ticks) <= 0.5 / TURN + 2
    assert way.tries == 600
    way.refuses = False
    feedback.tick(now + TURN)
    [told] = way.told
    assert None not in told.values()
    assert max(told) == 599
    assert 0.4 / TURN <= len(told) <= 0.5 / TURN + 2


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=80))
def test_however_often_the_way_is_shut_nothing_that_came_passes_for_lost(
    turns: list[tuple[bool, int]],
) -> None:
    way = Way()
    feedback = feedback_over(way)
    came: dict[int, float] = {}
    sent, now = 0, START
    for shut, packets in turns:
        way.refuses = shut
        for _ in range(packets):
            sent += 1
            if sent % 5:  # the others are lost
                feedback.take(packet(sent, sent), now)
                came[sent] = now
        feedback.tick(now)
        now += TURN
    numbers = [number for told in way.told for number in told]
    assert numbers == sorted(set(numbers))
    for told in way.told:
        for number, at in told.items():
            assert at == (pytest.approx(came[number], abs=2 * TICK) if number in came else None)
    assert way.counts == list(range(len(way.counts)))


async def test_a_session_whose_feedback_cannot_leave_goes_on(engine: LocalEngine) -> None:
    session = await engine.open_session("s", SessionWanted(TAKES), Told())
    await session.accept_offer(
        offer(offered("audio", "0", *WITH_ALL), offered("video", "1", *WITH_ALL))
    )
    tried: list[bytes] = []

    def refuse(data: bytes) -> None:
        tried.append(data)
        session._peer.send_rtcp(data)  # there is no connection yet

    session._tracks._feedback._send = refuse
    session._on_rtp(packet(0, 1), 5.0)
    with trio.fail_after(30):
        while not tried:
            await trio.sleep(0.01)
    await trio.sleep(0.05)
    assert session.state in (State.NEW, State.CONNECTING)
    assert engine.stray_errors == 0
