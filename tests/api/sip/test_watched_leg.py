"""A leg as the telephone hands it out: one end is told of each call, whatever became of it."""

from __future__ import annotations

import pytest

from actors.core import ActorStopped
from actors.words.calls import CallEnd, LegEnded, LegEvent, LegKeyframe, LegOffered, LegRings
from api.sip.watched_leg import UNTOLD, LegFacts, WatchedLeg
from tests.fakes.sip_agent import NOTHING
from tests.fakes.telephone import FakeLeg


def watched() -> tuple[FakeLeg, WatchedLeg, list[CallEnd]]:
    """Return a leg, the one in its place, and the ends that are counted of it."""
    inner, ends = FakeLeg(), list[CallEnd]()
    facts = LegFacts(True, "192.0.2.1", "127.0.0.1", "127.0.0.1")
    leg = WatchedLeg(inner, facts, lambda _, why: ends.append(why), lambda: None)
    return inner, leg, ends


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("refuse", CallEnd.BUSY),
        ("hang_up", CallEnd.BUSY),
        ("lose", CallEnd.BUSY),
        ("end", CallEnd.BUSY),
    ],
)
def test_the_end_is_told_once_and_nothing_after_it(how: str, why: CallEnd) -> None:
    inner, leg, ends = watched()
    told: list[LegEvent] = []
    inner.ring_there()
    leg.listen(told.append)
    getattr(inner if how == "end" else leg, how)(why)
    said = list(inner.said)
    leg.hang_up()
    leg.refuse(CallEnd.DECLINED)
    leg.answer(NOTHING)
    leg.ring()
    leg.lose(CallEnd.LOST)
    assert told == [LegRings(), LegEnded(why)]
    assert ends == [why]
    assert inner.said == said


def test_an_offer_that_is_refused_ends_nothing() -> None:
    inner, leg, ends = watched()
    leg.listen(lambda _: None)
    leg.answer(NOTHING)
    inner.tell(LegOffered(NOTHING))
    leg.refuse(CallEnd.NO_COMMON_CODEC)
    assert inner.refused == [CallEnd.NO_COMMON_CODEC]
    assert ends == []


def test_a_call_that_nobody_carries_any_more_is_hung_up() -> None:
    inner, leg, ends = watched()

    def gone(_: LegEvent) -> None:
        raise ActorStopped("call")

    leg.listen(gone)
    inner.ring_there()
    assert inner.hung_up is CallEnd.FAILED
    assert ends == [CallEnd.FAILED]


def test_a_call_that_nobody_listens_to_keeps_so_much_and_ends() -> None:
    inner, leg, ends = watched()
    for _ in range(UNTOLD + 1):
        inner.tell(LegKeyframe())
    assert ends == [CallEnd.FAILED]
    told: list[LegEvent] = []
    leg.listen(told.append)
    assert told[-1] == LegEnded(CallEnd.FAILED)
    assert len(told) == UNTOLD + 1
