"""The outbox of an endpoint, against a plain list that obeys the same promises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.endpoint.outbox import EndpointEvent, Outbox, OutboxLimits
from actors.endpoint.rules import Delivery


def event(payload: bytes = b"x", qos: int = 1) -> EndpointEvent:
    return EndpointEvent(payload, payload, qos)


def numbers(outbox: Outbox, after: int = 0) -> list[int]:
    return [entry.sequence for entry in outbox.after(after)]


def test_events_are_numbered_from_one_and_read_from_anywhere() -> None:
    outbox = Outbox(OutboxLimits())
    for _ in range(4):
        outbox.add(event())
    assert numbers(outbox) == [1, 2, 3, 4]
    assert numbers(outbox, 2) == [3, 4]
    assert numbers(outbox, 3) == [4]
    assert numbers(outbox, 4) == numbers(outbox, 99) == []


def test_an_acknowledged_event_is_forgotten_and_its_number_not_given_again() -> None:
    outbox = Outbox(OutboxLimits())
    outbox.add(event())
    outbox.add(event())
    outbox.acknowledge(2)
    outbox.acknowledge(2)
    outbox.acknowledge(7)
    outbox.add(event())
    assert numbers(outbox) == [1, 3]
    outbox.acknowledge_through(1)
    assert numbers(outbox) == [3]
    assert outbox.bytes == 1


class Shelf:
    """Room for so many bytes, in all outboxes; a payload counts as often as it is kept."""

    def __init__(self, most: int) -> None:
        self.most, self.kept = most, 0

    def take(self, payload: bytes) -> bool:
        fits = self.kept + len(payload) <= self.most
        self.kept += len(payload) if fits else 0
        return fits

    def give(self, payload: bytes) -> None:
        self.kept -= len(payload)


def test_outboxes_together_keep_so_much_and_refuse_the_rest() -> None:
    shelf = Shelf(100)
    one, two = (Outbox(OutboxLimits(room=shelf)) for _ in range(2))
    assert one.add(EndpointEvent(b"x" * 30, b"y" * 20, 1))
    assert two.add(event(b"x" * 50))
    assert two.add(event(b"x")) is None
    assert one.add(EndpointEvent(b"x", b"y" * 60, 1)) is None
    assert (shelf.kept, len(one), len(two)) == (100, 1, 1)
    one.acknowledge(1)
    assert shelf.kept == 50
    assert two.add(event(b"x" * 20, qos=0))
    two.clear()
    assert (shelf.kept, len(two), two.bytes) == (0, 0, 0)


def test_best_effort_goes_first_when_the_outbox_is_full() -> None:
    outbox = Outbox(OutboxLimits(events=3))
    for qos in (0, 1, 0, 1):
        assert outbox.add(event(qos=qos))
    assert numbers(outbox) == [2, 3, 4]
    assert outbox.add(event(qos=0))
    assert numbers(outbox) == [2, 4, 5]
    assert outbox.add(event())
    assert numbers(outbox) == [2, 4, 6]
    assert outbox.add(event()) is None
    assert outbox.add(event(qos=0)) is None
    assert numbers(outbox) == [2, 4, 6]


def sent(by: str, qos: int = 1, payload: bytes = b"x") -> EndpointEvent:
    return EndpointEvent(payload, payload, qos, by)


def test_one_source_leaves_a_part_to_others() -> None:
    outbox = Outbox(OutboxLimits(events=16))
    assert sum(outbox.add(sent("ann")) is not None for _ in range(20)) == 14
    assert outbox.add(sent("bob"))
    assert outbox.add(sent("ann")) is None
    outbox.acknowledge(1)
    assert outbox.add(sent("ann"))
    assert outbox.add(sent("bob"))
    assert outbox.add(sent("bob")) is None, "all is full"


def test_a_source_makes_room_for_itself_out_of_its_own() -> None:
    outbox = Outbox(OutboxLimits(bytes=16))
    assert outbox.add(sent("bob", 0))
    for _ in range(20):
        assert outbox.add(sent("ann", 0))
    assert numbers(outbox) == [1, *range(8, 22)], "the oldest is of another, and stays"
    assert outbox.add(sent("ann", 1, b"x" * 14))
    assert numbers(outbox) == [1, 22]
    assert outbox.add(sent("ann", 0)) is None


SENT = st.lists(
    st.tuples(st.sampled_from(("", "ann", "bob")), st.integers(0, 1), st.integers(0, 30))
)


@given(SENT, st.lists(st.integers(0, 20)))
def test_what_a_source_has_is_counted(
    steps: list[tuple[str, int, int]], acknowledged: list[int]
) -> None:
    limits = OutboxLimits(events=10, bytes=100)
    outbox = Outbox(limits)
    for by, qos, size in steps:
        outbox.add(sent(by, qos, bytes(size)))
        if acknowledged:
            outbox.acknowledge(acknowledged.pop())
        waiting = [entry.event for entry in outbox.after(0)]
        assert len(waiting) <= 10
        assert sum(event.size for event in waiting) == outbox.bytes <= 100
        for source in ("ann", "bob"):
            mine = [event for event in waiting if event.source == source]
            assert len(mine) <= limits.of_one_source.events
            assert len(mine) <= 1 or sum(event.size for event in mine) <= limits.of_one_source.bytes
    outbox.clear()
    assert outbox.add(sent("ann", 1, bytes(100))), "nothing is counted that has gone"


def test_what_is_in_an_event_shows_in_no_repr() -> None:
    event = EndpointEvent(b"hidden", b"******", 1)
    assert "hidden" not in repr(event)
    assert "hidden" not in repr(Delivery(1, 1, event.payload, redelivered=False))


def test_bytes_are_counted_with_a_masked_copy() -> None:
    outbox = Outbox(OutboxLimits(bytes=10))
    assert outbox.add(EndpointEvent(b"12345", b"123**", 0))
    assert outbox.bytes == 10
    assert outbox.add(event(b"12345678901")) is None
    assert len(outbox) == 1, "nothing makes room for what cannot fit"
    assert outbox.add(event(b"1"))
    assert (len(outbox), outbox.bytes) == (1, 1)


def test_best_effort_is_forgotten_once_everyone_has_gone_past_it() -> None:
    outbox = Outbox(OutboxLimits())
    for qos in (0, 1, 0):
        outbox.add(event(qos=qos))
    outbox.acknowledge(1)
    outbox.forget_best_effort(1)
    assert numbers(outbox) == [2, 3], "an acknowledgement is not for best effort"
    outbox.forget_best_effort(3)
    assert numbers(outbox) == [2]


steps = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 1), st.integers(0, 6)),
    st.tuples(st.just("acknowledge"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("through"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("forget"), st.integers(0, 30), st.just(0)),
)


@given(st.lists(steps, max_size=60), st.integers(0, 30))
def test_any_order_of_orders(orders: list[tuple[str, int, int]], after: int) -> None:
    outbox = Outbox(OutboxLimits(events=5, bytes=20))
    added: dict[int, EndpointEvent] = {}
    acknowledged: set[int] = set()
    for order, number, size in orders:
        if order == "add":
            fresh = event(b"." * size, number)
            entry = outbox.add(fresh)
            if entry is not None:
                added[entry.sequence] = fresh
        elif order == "acknowledge":
            outbox.acknowledge(number)
            acknowledged |= {number} & set(added)
        elif order == "through":
            outbox.acknowledge_through(number)
            acknowledged |= {known for known in added if known <= number}
        else:
            outbox.forget_best_effort(number)
    kept = numbers(outbox)
    firm = {known for known, each in added.items() if each.qos} - acknowledged
    assert firm <= set(kept), "what is to be acknowledged is never dropped"
    assert {known for known in kept if added[known].qos} == firm
    assert kept == sorted(kept)
    assert list(added) == list(range(1, len(added) + 1))
    assert len(outbox) == len(kept) <= 5
    assert outbox.bytes == sum(added[known].size for known in kept) <= 20
    assert numbers(outbox, after) == [known for known in kept if known > after]
