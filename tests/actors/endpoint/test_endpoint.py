"""Endpoints: whose they are, how long they live, and how their events go out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.core import ActorStopped, Ref
from actors.directory.messages import FindEndpoints, OpenEndpoint
from actors.endpoint.endpoint import (
    Acknowledge,
    Attach,
    Attached,
    Describe,
    Detach,
    EndEndpoint,
    EndpointSpec,
    OfferEvent,
    Renew,
    ResumeDelivery,
    Seen,
    Unregister,
)
from actors.endpoint.outbox import EndpointEvent, OutboxLimits
from actors.endpoint.rules import Delivery, EndpointTerms, Owner, Quota
from actors.words.close_reasons import CloseReason
from actors.words.keys import DIRECTORY, EndpointKey
from actors.words.refusals import (
    EndpointTaken,
    EndpointUnknown,
    TooManyEndpoints,
    TooManySubscribers,
)
from tests.actors.core.puppet import logged
from tests.support.actors import REALM, House, Listener, open_house, settle
from tests.support.examples import examples

ANN = Owner("acme", "ann")
BOB = Owner("acme", "bob")
REMINDER = b"a reminder"


@dataclass
class Places:
    house: House

    async def open(
        self,
        id_: str = "e",
        owner: Owner = ANN,
        keep_alive: float = 15,
        remind: bool = False,
        quota: Quota = Quota(),  # noqa: B008  frozen
        outbox: OutboxLimits = OutboxLimits(),  # noqa: B008  frozen
    ) -> Ref[Any]:
        spec = EndpointSpec(
            EndpointKey(REALM, id_),
            owner,
            EndpointTerms(keep_alive, remind),
            lambda: REMINDER,
            outbox,
        )
        found = await self.house.find(DIRECTORY).ask(OpenEndpoint(spec, quota), within=5)
        await settle()
        return found

    async def found(self, owner: Owner = ANN) -> list[str]:
        refs = await self.house.find(DIRECTORY).ask(FindEndpoints(REALM, owner), within=5)
        return [ref.name.partition(":")[2] for ref in refs]

    def lives(self, id_: str = "e") -> bool:
        return self.house.system.registry.find(EndpointKey(REALM, id_).path) is not None


@asynccontextmanager
async def places() -> AsyncIterator[Places]:
    async with open_house() as house:
        yield Places(house)


async def attach(endpoint: Ref[Any], listener: Listener, seen: Seen | None = None) -> Attached:
    attached: Attached = await endpoint.ask(Attach(listener, ANN, seen), within=5)
    endpoint.tell(ResumeDelivery(listener))
    await settle()
    return attached


async def offer(endpoint: Ref[Any], payload: bytes, qos: int = 1) -> bool:
    taken: bool = await endpoint.ask(
        OfferEvent(ANN, EndpointEvent(payload, payload, qos)), within=5
    )
    return taken


async def waiting(endpoint: Ref[Any]) -> list[int]:
    return [each.sequence for each in (await endpoint.ask(Describe(ANN), within=5)).waiting]


# --- whose it is


async def test_an_endpoint_is_found_by_its_owner() -> None:
    async with places() as at:
        await at.open("one")
        await at.open("two")
        await at.open("Three", BOB)
        assert await at.found() == ["one", "two"]
        assert await at.found(BOB) == ["Three"]
        assert await at.found(Owner("other", "ann")) == []


async def test_the_same_owner_registers_again_and_another_is_refused() -> None:
    async with places() as at:
        endpoint = await at.open()
        assert await at.open(keep_alive=99) == endpoint
        described = await endpoint.ask(Describe(ANN), within=5)
        assert described.terms.keep_alive == 99
        for stranger in (BOB, Owner("other", "ann")):
            with pytest.raises(EndpointTaken):
                await at.open(owner=stranger)
        assert await at.found() == ["e"]
        facts = at.house.facts(DIRECTORY)
        assert (facts["endpoints"], facts["owners"]) == (1, 1)


@pytest.mark.parametrize(
    "order", [Renew(BOB), Unregister(BOB), Describe(BOB), Attach(Listener(), BOB)]
)
async def test_somebody_elses_endpoint_is_unknown(order: Any) -> None:
    async with places() as at:
        endpoint = await at.open()
        with pytest.raises(EndpointUnknown):
            await endpoint.ask(order, within=5)
        assert endpoint.alive


async def test_an_event_for_another_owner_is_not_taken() -> None:
    async with places() as at:
        endpoint = await at.open()
        assert not await endpoint.ask(OfferEvent(BOB, EndpointEvent(b"x", b"x")), within=5)


@pytest.mark.parametrize(
    ("quota", "others"),
    [
        (Quota(per_user=2), [BOB, Owner("other", "ann")]),
        (Quota(per_organization=2), [Owner("other", "ann")]),
        (Quota(total=2), []),
    ],
)
async def test_there_are_only_so_many_endpoints(quota: Quota, others: list[Owner]) -> None:
    async with places() as at:
        first = await at.open("1", quota=quota)
        await at.open("2", quota=quota)
        with pytest.raises(TooManyEndpoints):
            await at.open("3", quota=quota)
        assert await at.open("1", quota=quota) == first, "no newcomer"
        for number, owner in enumerate(others):
            await at.open(f"other {number}", owner, quota=quota)
        await first.ask(Unregister(ANN), within=5)
        await settle()
        await at.open("3", quota=quota)


async def test_an_id_and_its_place_are_free_as_soon_as_it_is_unregistered() -> None:
    quota = Quota(per_user=1)
    async with places() as at:
        former = await at.open(quota=quota)
        await former.ask(Unregister(ANN), within=5)
        assert await at.open(quota=quota) != former
        await settle()
        facts = at.house.facts(DIRECTORY)
        assert (facts["endpoints"], facts["owners"]) == (1, 1)


# --- how long it lives


async def test_it_expires_after_its_period(autojump_clock: trio.testing.MockClock) -> None:
    async with places() as at:
        endpoint = await at.open(keep_alive=15)
        listener = Listener()
        await attach(endpoint, listener)
        await trio.sleep(14.9)
        assert at.lives()
        await trio.sleep(0.2)
        assert not at.lives()
        assert listener.closed == [CloseReason.EXPIRED]
        assert await at.found() == []
        await at.open(owner=BOB)  # the id is free


async def test_it_expires_on_the_real_clock() -> None:
    async with places() as at:
        listener = Listener()
        began = trio.current_time()
        endpoint = await at.open(keep_alive=1)
        await endpoint.ask(Attach(listener, ANN), within=5)
        with trio.fail_after(30):
            while not listener.closed:
                await trio.sleep(0.01)
        assert trio.current_time() - began > 0.99
        assert not at.lives()


async def test_a_sign_of_life_begins_a_new_period(autojump_clock: trio.testing.MockClock) -> None:
    async with places() as at:
        endpoint = await at.open(keep_alive=15)
        for _ in range(5):
            await trio.sleep(10)
            await endpoint.ask(Renew(ANN), within=5)
        await trio.sleep(14.9)
        assert at.lives()
        await trio.sleep(0.2)
        assert not at.lives()


async def test_new_terms_count_at_once(autojump_clock: trio.testing.MockClock) -> None:
    async with places() as at:
        await at.open(keep_alive=5)
        await at.open(keep_alive=50)
        await trio.sleep(49)
        assert at.lives()
        await at.open(keep_alive=5)
        await trio.sleep(5.1)
        assert not at.lives()


async def test_it_is_reminded_once_a_period(autojump_clock: trio.testing.MockClock) -> None:
    async with places() as at:
        listener = Listener()
        endpoint = await at.open(keep_alive=30, remind=True)
        await attach(endpoint, listener)
        await trio.sleep(19.9)
        assert listener.shown == []
        await trio.sleep(9)
        assert listener.shown == [Delivery(1, 0, REMINDER, redelivered=False)]
        await endpoint.ask(Renew(ANN), within=5)
        await trio.sleep(29)
        assert listener.numbers == [1, 2]


async def test_without_the_wish_there_is_no_reminder(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with places() as at:
        listener = Listener()
        await attach(await at.open(keep_alive=30), listener)
        await trio.sleep(29)
        assert listener.shown == []


@pytest.mark.parametrize("reason", [CloseReason.SHUTTING_DOWN, CloseReason.REFUSED])
async def test_subscribers_hear_why_it_ended(reason: CloseReason) -> None:
    async with places() as at:
        here, gone = Listener(), Listener()
        endpoint = await at.open()
        await attach(endpoint, here)
        await attach(endpoint, gone)
        gone.gone = True
        endpoint.tell(EndEndpoint(reason))
        await settle()
        assert (here.closed, here.words, gone.closed) == ([reason], [reason.value], [])
        with pytest.raises(ActorStopped):
            await offer(endpoint, b"x")


async def test_an_end_that_no_list_foresees_is_told_in_the_words_of_the_log() -> None:
    async with places() as at:
        listener, endpoint = Listener(), await at.open()
        await attach(endpoint, listener)
        with logged() as lines:
            at.house.system.stop_actor(endpoint.path, "stopped by hand")
            await settle()
        assert (listener.closed, listener.words) == ([CloseReason.CRASHED], ["stopped by hand"])
        ended = [line for line in lines if line["event"] == "endpoint.ended"]
        assert [line["reason"] for line in ended] == ["stopped by hand"]


# --- its events


async def test_events_arrive_in_order_with_their_qos() -> None:
    async with places() as at:
        endpoint, listener = await at.open(), Listener()
        await attach(endpoint, listener)
        for number, qos in enumerate((0, 1, 0)):
            assert await offer(endpoint, b"%d" % number, qos)
        assert listener.shown == [
            Delivery(1, 0, b"0", redelivered=False),
            Delivery(2, 1, b"1", redelivered=False),
            Delivery(3, 0, b"2", redelivered=False),
        ]
        assert await waiting(endpoint) == [2]


async def test_an_event_between_register_and_subscribe_waits_if_it_is_to_arrive() -> None:
    async with places() as at:
        endpoint, listener = await at.open(), Listener()
        assert await offer(endpoint, b"best effort", 0)
        assert await offer(endpoint, b"at least once", 1)
        await attach(endpoint, listener)
        assert listener.shown == [Delivery(2, 1, b"at least once", redelivered=False)]


async def test_best_effort_that_waits_for_a_slow_one_is_not_shown_to_who_comes_later() -> None:
    async with places() as at:
        endpoint = await at.open()
        slow, first, later = Listener(room=0), Listener(), Listener()
        await attach(endpoint, slow)
        await attach(endpoint, first)
        for payload, qos in ((b"1", 0), (b"2", 1), (b"3", 0)):
            assert await offer(endpoint, payload, qos)
        assert first.payloads == [b"1", b"2", b"3"]
        endpoint.tell(Detach(first))
        await attach(endpoint, later)
        assert later.payloads == [b"2"], "at most once means not again to who comes back"
        await offer(endpoint, b"4", 0)
        assert later.payloads == [b"2", b"4"]
        endpoint.tell(Acknowledge(2))
        endpoint.tell(Detach(slow))
        await settle()
        assert await waiting(endpoint) == []


async def test_nothing_is_shown_before_the_first_resume_and_nothing_is_lost() -> None:
    async with places() as at:
        endpoint, listener = await at.open(), Listener()
        await endpoint.ask(Attach(listener, ANN), within=5)
        await offer(endpoint, b"one", 0)
        await offer(endpoint, b"two", 1)
        assert listener.shown == []
        endpoint.tell(ResumeDelivery(listener))
        await settle()
        assert listener.payloads == [b"one", b"two"]


async def test_an_unacknowledged_event_is_shown_again_as_such() -> None:
    async with places() as at:
        endpoint, first, second = await at.open(), Listener(), Listener()
        await attach(endpoint, first)
        await offer(endpoint, b"one")
        await offer(endpoint, b"two")
        endpoint.tell(Acknowledge(1))
        endpoint.tell(Detach(first))
        await offer(endpoint, b"three")
        await attach(endpoint, second)
        assert second.shown == [
            Delivery(2, 1, b"two", redelivered=True),
            Delivery(3, 1, b"three", redelivered=False),
        ]
        assert first.numbers == [1, 2]
        endpoint.tell(Acknowledge(3))
        endpoint.tell(Acknowledge(2))
        await settle()
        assert await waiting(endpoint) == []


async def test_two_subscribers_are_shown_every_event() -> None:
    async with places() as at:
        endpoint, one, two = await at.open(), Listener(), Listener()
        await attach(endpoint, one)
        await attach(endpoint, two)
        await offer(endpoint, b"x")
        await offer(endpoint, b"y", 0)
        assert one.shown == two.shown
        assert not any(delivery.redelivered for delivery in one.shown)


async def test_a_subscriber_without_room_is_shown_the_rest_when_it_has_some() -> None:
    async with places() as at:
        endpoint, slow, quick = await at.open(), Listener(room=2), Listener()
        await attach(endpoint, slow)
        await attach(endpoint, quick)
        for number in range(5):
            assert await offer(endpoint, b"%d" % number, qos=number % 2)
        assert slow.numbers == [1, 2]
        assert quick.numbers == [1, 2, 3, 4, 5]
        slow.room = 2
        endpoint.tell(ResumeDelivery(slow))
        await settle()
        assert slow.numbers == [1, 2, 3, 4]
        slow.room = 9
        await offer(endpoint, b"5", 0)
        assert slow.numbers == [1, 2, 3, 4], "it has not said so"
        endpoint.tell(ResumeDelivery(slow))
        await settle()
        assert slow.numbers == [1, 2, 3, 4, 5, 6]
        assert await waiting(endpoint) == [2, 4]


async def test_a_full_outbox_turns_events_away_and_says_so_once() -> None:
    with logged() as lines:
        async with places() as at:
            endpoint = await at.open(outbox=OutboxLimits(events=2))
            listener = Listener(room=0)
            await attach(endpoint, listener)
            assert [await offer(endpoint, b"a", 0) for _ in range(4)] == [True] * 4
            assert [await offer(endpoint, b"secret", 1) for _ in range(4)] == [
                True, True, False, False,
            ]  # fmt: skip
            assert not await offer(endpoint, b"x", 0)
            endpoint.tell(Acknowledge(5))
            assert await offer(endpoint, b"secret", 1)
            listener.room = 9
            endpoint.tell(ResumeDelivery(listener))
            await settle()
            assert listener.payloads == [b"secret"] * 2
    assert [line["event"] for line in lines].count("outbox.full") == 1
    assert "secret" not in str(lines)


async def test_what_a_subscriber_has_seen_counts_as_acknowledged() -> None:
    async with places() as at:
        endpoint, first = await at.open(), Listener()
        life = (await attach(endpoint, first)).life
        for number in range(4):
            await offer(endpoint, b"%d" % number)
        again = Listener()
        await attach(endpoint, again, Seen(life, 3))
        assert again.numbers == [4]
        stranger = Listener()
        await attach(endpoint, stranger, Seen("another life", 4))
        assert stranger.numbers == [4]
        beyond = Listener()
        await attach(endpoint, beyond, Seen(life, 10**30))
        await offer(endpoint, b"next")
        assert beyond.numbers == [5]


async def test_subscribers_are_limited_and_the_dead_do_not_count() -> None:
    async with places() as at:
        endpoint = await at.open()
        listeners = [Listener() for _ in range(16)]
        for listener in listeners:
            await attach(endpoint, listener)
        await attach(endpoint, listeners[0])
        with pytest.raises(TooManySubscribers):
            await attach(endpoint, Listener())
        listeners[3].gone = True
        await attach(endpoint, Listener())


async def test_one_who_left_is_not_shown_anything() -> None:
    async with places() as at:
        endpoint, left, gone = await at.open(), Listener(), Listener()
        await attach(endpoint, left)
        await attach(endpoint, gone)
        endpoint.tell(Detach(left))
        endpoint.tell(Detach(left))
        endpoint.tell(ResumeDelivery(left))
        gone.gone = True
        await offer(endpoint, b"x")
        assert left.shown == gone.shown == []
        assert at.house.facts(EndpointKey(REALM, "e").path)["subscribers"] == 0


async def test_its_description_shows_masked_copies_only() -> None:
    async with places() as at:
        endpoint = await at.open()
        await endpoint.ask(OfferEvent(ANN, EndpointEvent(b'"secret"', b'"******"', 1)), within=5)
        described = await endpoint.ask(Describe(ANN), within=5)
        assert [each.masked for each in described.waiting] == [b'"******"']
        assert 14 < described.expires_in <= 15


# --- whatever comes first


async def test_a_registration_that_meets_the_end_of_the_former_one_begins_anew() -> None:
    async with places() as at:
        former = await at.open()
        former.tell(EndEndpoint(CloseReason.REPLACED))  # it is found, and ends before it is asked
        again = await at.open()
        assert again != former
        assert again.alive
        assert await at.found() == ["e"]


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["offer", "offer", "best effort", "attach", "detach", "resume", "acknowledge", "vanish",
             "tight", "register"]
        ),
        st.integers(0, 2),
        st.sampled_from([0, 0, 1, 5]),
    ),
    max_size=40,
)  # fmt: skip


@given(steps)
@settings(max_examples=examples(150), deadline=None)
async def test_in_any_order_each_subscriber_is_shown_events_in_order_and_none_is_lost(
    orders: list[tuple[str, int, int]],
) -> None:
    async with places() as at:
        endpoint = await at.open()
        seats: list[Listener | None] = [None, None, None]
        everyone: list[Listener] = []
        acknowledged: set[int] = set()
        to_arrive = 0
        for what, seat, turns in orders:
            listener = seats[seat]
            if what in ("offer", "best effort"):
                assert await offer(endpoint, b"x", int(what == "offer"))
                to_arrive += what == "offer"
            elif what == "register":
                assert await at.open() == endpoint
            elif what == "attach" and listener is None:
                seats[seat] = listener = Listener()
                everyone.append(listener)
                await endpoint.ask(Attach(listener, ANN), within=5)
                endpoint.tell(ResumeDelivery(listener))
            elif what == "detach" and listener is not None:
                endpoint.tell(Detach(listener))
                seats[seat] = None
            elif what == "vanish" and listener is not None:
                listener.gone = True
                seats[seat] = None
            elif what == "tight" and listener is not None:
                listener.room = 1
            elif what == "resume" and listener is not None:
                listener.room = float("inf")
                endpoint.tell(ResumeDelivery(listener))
            elif what == "acknowledge" and listener is not None and listener.numbers:
                acknowledged.add(listener.numbers[-1])
                endpoint.tell(Acknowledge(listener.numbers[-1]))
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
        last = Listener()
        await attach(endpoint, last)
        kept = {delivery.sequence for delivery in last.shown if delivery.qos}
        firm_acknowledged = to_arrive - len(kept)
        assert firm_acknowledged <= len(acknowledged)
        assert not kept & acknowledged
        for listener in [*everyone, last]:
            assert listener.numbers == sorted(set(listener.numbers))
        for listener in seats:
            if listener is not None:
                listener.room = float("inf")
                endpoint.tell(ResumeDelivery(listener))
                await settle()
                assert kept <= set(listener.numbers), "whoever stays has seen all that waits"
