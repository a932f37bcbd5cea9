"""The book of events: in order, to one poll each, none lost, and nothing without a limit."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import Message, Ref
from actors.device.connection import CONNECTION_GRACE
from actors.device.events import (
    Called,
    Closed,
    Connected,
    ConnectionFailed,
    DeviceEvent,
    Opened,
)
from actors.device.messages import EndConnection, ProgramAlive
from actors.words.keys import MemberKey
from api.skyway.book import (
    EVENT_BYTES,
    GRACE_SECONDS,
    LONGEST_WORDS,
    VANISHED_SECONDS,
    Book,
    BookLimits,
    Draining,
    Entry,
    NothingYet,
)

DC = "dc-4995f372-fb6a-4196-b30a-ce11e5c7f56c"
PT = "pt-9749250e-d157-4f80-9ee2-359ce8524308"


@dataclass(eq=False)
class ScriptedRef:
    """What the book asks of a ref: where it is, and whether it lives."""

    path: str
    kind: str = "scripted"
    alive: bool = True
    told: list[Message] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def tell(self, message: Message) -> None:
        self.told.append(message)


def ref(path: str = f"/members/peers.k:ID/{DC}") -> Any:
    return ScriptedRef(path)


def peer_ref(id_: str = "ID") -> Any:
    return ScriptedRef(f"/members/{MemberKey('peers.k', id_).slug}")


def book_with(*events: DeviceEvent, id_: str = DC, limits: BookLimits | None = None) -> Book:
    book = Book(limits)
    book.appeared(id_, ref())
    for event in events:
        book.happened(id_, event)
    return book


def entry_of(book: Book, id_: str = DC) -> Entry:
    found = book.find(id_)
    assert found is not None
    return found


async def read(book: Book, entry: Entry, seconds: float = 5.0) -> DeviceEvent | None:
    given = await book.next(entry, seconds)
    if given is None:
        return None
    given.settle(sent=True)
    return given.event


async def test_events_come_in_order_and_then_nothing_does(autojump_clock: MockClock) -> None:
    book = book_with(Opened(), ConnectionFailed("w"))
    entry = entry_of(book)
    assert await read(book, entry) == Opened()
    assert await read(book, entry) == ConnectionFailed("w")
    with pytest.raises(NothingYet):
        await read(book, entry, 7.0)
    assert trio.current_time() == pytest.approx(7.0, abs=0.1)
    assert book.bytes == 0


async def test_a_poll_that_waits_is_told_at_once(autojump_clock: MockClock) -> None:
    book = book_with()
    found: list[DeviceEvent | None] = []

    async def wait() -> None:
        found.append(await read(book, entry_of(book), 30.0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(3.3)
        book.happened(DC, Opened())
        await trio.testing.wait_all_tasks_blocked()
        assert found == [Opened()]


async def test_each_event_goes_to_one_poll_and_polls_take_turns(autojump_clock: MockClock) -> None:
    book = book_with()
    found: list[tuple[int, DeviceEvent | None]] = []

    async def wait(number: int) -> None:
        found.append((number, await read(book, entry_of(book), 30.0)))

    events = [ConnectionFailed(str(number)) for number in range(5)]
    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(wait, number)
            await trio.testing.wait_all_tasks_blocked()
        for event in events:
            book.happened(DC, event)
    assert found == list(enumerate(events))


async def test_what_was_not_sent_is_the_next_polls(autojump_clock: MockClock) -> None:
    book = book_with(Opened(), Closed())
    entry = entry_of(book)
    given = await book.next(entry, 1.0)
    assert given is not None
    with pytest.raises(NothingYet):  # no other gets anything meanwhile, or the order was lost
        await book.next(entry, 1.0)
    given.settle(sent=False)
    assert await read(book, entry) == Opened()


async def test_after_the_end_was_read_nothing_is_there(autojump_clock: MockClock) -> None:
    book = book_with(Opened())
    entry = entry_of(book)
    book.ended(DC)  # without a word: counts as closed
    assert await read(book, entry) == Opened()
    assert await read(book, entry) == Closed()
    assert await read(book, entry) is None
    assert book.find(DC) is None
    assert len(book) == book.bytes == 0


async def test_others_who_wait_learn_of_the_end_when_it_was_read(autojump_clock: MockClock) -> None:
    book = book_with()
    found: list[DeviceEvent | None] = []

    async def wait() -> None:
        found.append(await read(book, entry, 30.0))

    entry = entry_of(book)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await trio.sleep(1)
        book.happened(DC, Closed())
        book.ended(DC)
    assert found == [Closed(), None]
    assert trio.current_time() < 3


async def test_what_nobody_reads_is_dropped_after_its_time(autojump_clock: MockClock) -> None:
    book = book_with(Opened())
    book.ended(DC)
    await trio.sleep(GRACE_SECONDS - 1)
    assert book.find(DC) is not None
    await trio.sleep(1.1)
    assert book.find(DC) is None
    assert book.bytes == 0


async def test_nothing_is_said_behind_the_end(autojump_clock: MockClock) -> None:
    book = book_with(Closed(), Opened())
    assert list(entry_of(book).events) == [Closed()]


async def test_an_actor_that_vanished_counts_as_closed(autojump_clock: MockClock) -> None:
    book = Book()
    actor = ref()
    book.appeared(DC, actor)
    entry = entry_of(book)
    actor.alive = False
    assert await read(book, entry, 60.0) == Closed()
    assert VANISHED_SECONDS <= trio.current_time() <= VANISHED_SECONDS + 2
    assert await book.until_ended(entry, 0.1)


async def test_one_that_takes_its_time_to_end_has_not_vanished(autojump_clock: MockClock) -> None:
    book = Book()
    actor = ref()
    book.appeared(DC, actor)
    actor.alive = False
    assert not await book.until_ended(entry_of(book), 2 * CONNECTION_GRACE + 10)


async def test_one_that_vanished_and_nobody_asks_for_is_found_all_the_same(
    autojump_clock: MockClock,
) -> None:
    book = Book()
    actor = peer_ref()
    book.appeared(PT, actor)
    actor.alive = False
    assert book.peers == 1
    await trio.sleep(VANISHED_SECONDS + 1)
    book.find("")
    await trio.sleep(VANISHED_SECONDS + 1)
    assert book.peers == 0


async def test_events_of_one_id_are_limited_and_the_end_is_kept(autojump_clock: MockClock) -> None:
    limits = BookLimits(events=3)
    book = book_with(*(Connected(str(n)) for n in range(5)), Closed(), limits=limits)
    assert list(entry_of(book).events) == [Connected("3"), Connected("4"), Closed()]
    assert book.dropped == 3


async def test_an_event_that_is_being_sent_is_not_dropped(autojump_clock: MockClock) -> None:
    book = book_with(Called("0"), Called("1"), limits=BookLimits(events=2))
    entry = entry_of(book)
    given = await book.next(entry, 1.0)
    assert given is not None
    book.happened(DC, Called("2"))
    given.settle(sent=True)
    assert given.event == Called("0")
    assert list(entry.events) == [Called("2")]


async def test_ended_ids_and_bytes_are_limited_in_all(autojump_clock: MockClock) -> None:
    book = Book(BookLimits(events=10, ended=3, bytes=EVENT_BYTES * 8))
    for number in range(6):
        book.appeared(f"dc-{number}", ref())
        book.happened(f"dc-{number}", Opened())
        book.ended(f"dc-{number}")
    assert [book.find(f"dc-{number}") is not None for number in range(6)] == [False] * 3 + [
        True
    ] * 3
    book.appeared(DC, ref())
    for number in range(20):
        book.happened(DC, Opened())
        assert book.bytes <= EVENT_BYTES * 8, number
    assert len(book) == 1  # whoever lives comes first


async def test_words_are_cut(autojump_clock: MockClock) -> None:
    book = book_with(ConnectionFailed("w" * 100_000))
    assert await read(book, entry_of(book)) == ConnectionFailed("w" * LONGEST_WORDS)


async def test_polls_end_at_once_when_the_server_goes(autojump_clock: MockClock) -> None:
    book = book_with()
    entry = entry_of(book)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 0.5)

        async def wait() -> None:
            with pytest.raises(Draining):
                await book.next(entry, 30.0)
            assert trio.current_time() < 2.0

        nursery.start_soon(wait)
        await trio.sleep(0.5)
        book.drain()
    book.happened(DC, Closed())  # the end can still be told
    assert await read(book, entry) == Closed()


async def test_the_peer_of_a_connection_is_the_actor_above_it(autojump_clock: MockClock) -> None:
    book, peer = Book(), peer_ref("a b/c")
    book.appeared(PT, peer)
    book.appeared(DC, ScriptedRef(f"{peer.path}/{DC}"))  # type: ignore[arg-type]
    assert book.peer_of(entry_of(book)) is peer
    assert book.peer_of(entry_of(book, PT)) is peer
    assert book.knows_peer("a b/c")
    assert list(book.living()) == [peer]
    book.ended(PT)
    assert book.peer_of(entry_of(book)) is None
    assert list(book.living()) == []
    assert book.knows_peer("a b/c")  # until it was read
    assert await read(book, entry_of(book, PT)) == Closed()
    assert not book.knows_peer("a b/c")


async def test_one_that_nobody_will_know_of_is_ended_before_or_after_it_appears(
    autojump_clock: MockClock,
) -> None:
    book, first, second = Book(), ref(), ref()
    book.appeared("dc-1", first)
    book.abandon("dc-1", EndConnection())
    book.abandon("dc-2", ProgramAlive())
    book.appeared("dc-2", second)
    assert (first.told, second.told) == ([EndConnection()], [ProgramAlive()])
    for number in range(1000):
        book.abandon(f"dc-never-{number}", EndConnection())
    assert len(book._abandoned) <= BookLimits().events


async def test_a_poll_under_way_is_still_told_the_end_of_what_its_program_has_ended(
    autojump_clock: MockClock,
) -> None:
    book, quiet = book_with(), book_with()
    entry = entry_of(book)
    found: list[DeviceEvent | None] = []

    async def wait() -> None:
        found.append(await read(book, entry, 30.0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(1)
        book.ended(DC)
        book.drop(entry)
    assert found == [Closed()]
    assert book.find(DC) is None
    quiet.ended(DC)
    quiet.drop(entry_of(quiet))
    assert quiet.find(DC) is None


class CancelledAt(trio.abc.Instrument):
    """Cancels a scope when the task in it has been run so many times."""

    def __init__(self, step: int, scope: trio.CancelScope) -> None:
        self.left = step
        self.scope = scope
        self.task: trio.lowlevel.Task | None = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self.task:
            self.left -= 1
            if self.left == 0:
                self.scope.cancel()


@pytest.mark.parametrize("step", range(1, 15))
@pytest.mark.parametrize("at_first", [0, 1, 2])
async def test_no_event_is_lost_wherever_a_poll_is_cancelled(
    step: int, at_first: int, autojump_clock: MockClock
) -> None:
    """Two polls, one of which is cut off at one of its steps, take all there is in order."""
    events: list[DeviceEvent] = [ConnectionFailed(str(number)) for number in range(3)]
    book = book_with(*events[:at_first])
    entry = entry_of(book)
    taken: list[DeviceEvent] = []

    async def send(given: Any) -> None:
        """Do what the carrier does: the answer is out, or the client has left before."""
        sent = False
        try:
            await trio.lowlevel.checkpoint()
            await trio.sleep(0.01)
            taken.append(given.event)
            sent = True
        finally:
            given.settle(sent)

    async def victim() -> None:
        with trio.CancelScope() as scope:
            cutter = CancelledAt(step, scope)
            cutter.task = trio.lowlevel.current_task()
            trio.lowlevel.add_instrument(cutter)
            try:
                with suppress(NothingYet):
                    for _ in range(2):
                        given = await book.next(entry, 5.0)
                        if given is not None:
                            await send(given)
            finally:
                trio.lowlevel.remove_instrument(cutter)

    async def other() -> None:
        with suppress(NothingYet):
            while True:
                given = await book.next(entry, 2.0)
                if given is not None:
                    await send(given)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(victim)
        nursery.start_soon(other)
        for event in events[at_first:]:
            await trio.sleep(0.02)
            book.happened(DC, event)
    assert taken == events
    assert entry.turn.value == 1
    assert not entry.lent


def test_a_ref_has_all_that_is_scripted() -> None:
    assert all(hasattr(Ref, name) for name in ("alive", "name", "tell"))
