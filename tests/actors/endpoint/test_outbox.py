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
