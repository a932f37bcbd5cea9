"""Who sends more than the other reads has to wait; others, and others' messages, do not."""

from __future__ import annotations

from api.http.refused_flows import PAIRS, PAUSE_SECONDS, RefusedFlows


def test_the_sender_waits_a_while_and_nobody_else_does() -> None:
    flows = RefusedFlows()
    assert not flows.refuses("ann", "bob", 0.0)
    flows.note("ann", "bob", 10.0)
    assert flows.refuses("ann", "bob", 10.5)
    assert not flows.refuses("bob", "ann", 10.5)
    assert not flows.refuses("ann", "joe", 10.5)
    assert not flows.refuses("ann", "bob", 10.0 + PAUSE_SECONDS)
    assert len(flows) == 0


def test_so_many_pairs_are_remembered() -> None:
    flows = RefusedFlows()
    for number in range(PAIRS + 5):
        flows.note(str(number), "bob", 0.0)
    assert len(flows) == PAIRS
    assert not flows.refuses("4", "bob", 0.5)
    assert flows.refuses("5", "bob", 0.5)


def test_a_room_is_told_no_more_of_a_sender_for_a_while() -> None:
    flows = RefusedFlows()
    flows.note("ann", "bob", 10.0)
    assert flows.pause("ann", 10.25) == 0.0
    flows.note_room("ann", 10.0)
    assert flows.pause("ann", 10.25) == PAUSE_SECONDS - 0.25
    assert flows.pause("bob", 10.25) == 0.0
    assert flows.pause("ann", 10.0 + PAUSE_SECONDS) == 0.0
