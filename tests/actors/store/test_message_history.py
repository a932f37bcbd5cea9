"""Direct messages as every store keeps them: the same on memory, SQLite and PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.core import Message, Refused
from actors.store.database import Database
from actors.store.history import (
    DropMessage,
    DropMessagesOf,
    DropOldMessages,
    GetMessage,
    HistoryMessage,
    HistoryPage,
    KeepMessage,
    KeptMessage,
    ListMessages,
    ListPartners,
    NameOrder,
    NamesPage,
)
from actors.store.messages import StoreWrite
from actors.store.transaction import Transaction
from actors.store.upgrade import prepare
from actors.words.refusals import Unstorable
from tests.fakes.memory_history import MemoryHistory
from tests.support.examples import examples
from tests.support.stores import DATABASES, KINDS, Store, fresh_place, fresh_store, need_postgresql

HERE, ELSEWHERE = "here", "elsewhere"
Opening = Callable[[], AbstractAsyncContextManager[Store]]


def sent(id: int, sender: str, recipient: str, html: str = "<p>hi</p>") -> KeptMessage:
    return KeptMessage(id, sender, recipient, html, 1_700_000_000 + id)


def keep(message: KeptMessage, site: str = HERE, most: int = 100, bytes: int = 1000) -> KeepMessage:
    return KeepMessage(site, message, most, bytes)


def page(one: str, other: str, before: int = 0, limit: int = 20, site: str = HERE) -> ListMessages:
    return ListMessages(site, one, other, before, limit)


def names(name: str, order: NameOrder = "newest", offset: int = 0, limit: int = 9) -> ListPartners:
    return ListPartners(HERE, name, order, offset, limit)


async def ids(store: Store, one: str, other: str) -> list[int]:
    found: HistoryPage = await store.ask(page(one, other))
    return [message.id for message in found.messages]


@pytest.fixture(params=KINDS)
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    if request.param == "postgresql":
        need_postgresql()
    return lambda: fresh_store(request.param, tmp_path)


async def test_a_conversation_is_paged_from_the_newest(opening: Opening) -> None:
    async with opening() as store:
        thread = [sent(id, *("ann", "bob")[:: 1 if id % 2 else -1]) for id in range(1, 46)]
        for message in thread:
            await store.ask(keep(message))
        await store.ask(keep(sent(99, "ann", "cleo")))
        newest = thread[::-1]
        for one, other in (("ann", "bob"), ("bob", "ann")):
            assert await store.ask(page(one, other)) == HistoryPage(tuple(newest[:20]), 25)
            assert await store.ask(page(one, other, 26)) == HistoryPage(tuple(newest[20:40]), 5)
            assert await store.ask(page(one, other, 6)) == HistoryPage(tuple(newest[40:]), 0)
        for before in (-1, 10**30):
            assert len((await store.ask(page("ann", "bob", before))).messages) == 20
        assert await store.ask(page("ann", "bob", 1)) == HistoryPage((), 0)
        assert await store.ask(page("bob", "cleo")) == HistoryPage((), 0)


async def test_a_message_is_found_by_its_id_and_kept_once(opening: Opening) -> None:
    async with opening() as store:
        message = sent(2**62, "ann", "bob", "ä😀 <b>'; DROP TABLE direct_messages; --</b>")
        assert await store.ask(GetMessage(HERE, message.id)) is None
        await store.ask(keep(message))
        await store.ask(keep(replace(message, sender="eve", html="forged")))
        assert await store.ask(GetMessage(HERE, message.id)) == message
        assert await store.ask(GetMessage(ELSEWHERE, message.id)) is None
        assert await store.ask(DropMessage(ELSEWHERE, message.id)) is False
        assert await store.ask(DropMessage(HERE, message.id)) is True
        assert await store.ask(DropMessage(HERE, message.id)) is False
        for id in (-1, 2**63, -(10**30)):
            assert await store.ask(GetMessage(HERE, id)) is None
            assert await store.ask(DropMessage(HERE, id)) is False


async def test_a_site_has_its_own_messages(opening: Opening) -> None:
    async with opening() as store:
        await store.ask(keep(sent(1, "ann", "bob", "here")))
        await store.ask(keep(sent(1, "ann", "bob", "there"), ELSEWHERE))
        assert (await store.ask(GetMessage(HERE, 1))).html == "here"
        assert await store.ask(DropMessagesOf(HERE, "ann", 10)) == 1
        assert await store.ask(DropOldMessages(HERE, 2**40, 0, 10)) == 0
        assert (await store.ask(page("ann", "bob", site=ELSEWHERE))).messages[0].html == "there"


async def test_no_name_stands_for_anothers_messages(opening: Opening) -> None:
    odd = ("a%", "%", "_b", "ab", "Ab", "ab ", "@ab:@a%", "a:b", "", "ä", "a\u0308", "*", "?", "\\")
    async with opening() as store:
        for id, name in enumerate(odd, 1):
            await store.ask(keep(sent(id, name, "bob")))
        for id, name in enumerate(odd, 1):
            assert await ids(store, "bob", name) == [id], name
            assert await store.ask(names(name)) == NamesPage(("bob",), 1)
        for name in ("%", "_b", "a%"):
            assert await store.ask(DropMessagesOf(HERE, name, 100)) == 1
        assert (await store.ask(names("bob"))).count == len(odd) - 3


async def test_partners_are_sorted_and_paged(opening: Opening) -> None:
    async with opening() as store:
        for id, (sender, recipient) in enumerate(
            (("me", "Zoe"), ("ann", "me"), ("me", "bob"), ("ann", "bob"), ("Zoe", "me"),
             ("me", "me"), ("me", "me"), ("cleo", "me")), 1,
        ):  # fmt: skip
            await store.ask(keep(sent(id, sender, recipient)))
        newest = ("cleo", "me", "Zoe", "bob", "ann")
        by_name = ("Zoe", "ann", "bob", "cleo", "me")
        for order, expected in (
            ("newest", newest), ("oldest", newest[::-1]), ("a-z", by_name), ("z-a", by_name[::-1]),
        ):  # fmt: skip
            for offset in (0, 2, 4):
                found = await store.ask(ListPartners(HERE, "me", order, offset, 2))
                assert found == NamesPage(expected[offset : offset + 2], 5), order
        assert await store.ask(names("me", offset=10**30)) == NamesPage((), 5)
        assert await store.ask(names("nobody")) == NamesPage((), 0)


async def test_of_two_only_the_newest_stay(opening: Opening) -> None:
    async with opening() as store:
        for id in range(1, 8):
            await store.ask(keep(sent(id, "ann", "bob"), most=3))
            await store.ask(keep(sent(id + 10, "ann", "cleo"), most=3))
        assert await ids(store, "ann", "bob") == [7, 6, 5]
        assert await ids(store, "ann", "cleo") == [17, 16, 15]
        await store.ask(keep(sent(2, "bob", "ann"), most=3))  # late: it is the oldest
        assert await ids(store, "ann", "bob") == [7, 6, 5]


async def test_all_of_one_name_are_erased_step_by_step(opening: Opening) -> None:
    async with opening() as store:
        for id in range(1, 6):
            await store.ask(keep(sent(id, *("ann", "bob")[:: 1 if id % 2 else -1])))
        await store.ask(keep(sent(6, "bob", "cleo")))
        dropped = [await store.ask(DropMessagesOf(HERE, "ann", 2)) for _ in range(4)]
        assert dropped == [2, 2, 1, 0]
        assert await ids(store, "bob", "cleo") == [6]
        assert await store.ask(names("ann")) == NamesPage((), 0)


async def test_what_is_old_or_too_much_goes_step_by_step(opening: Opening) -> None:
    async with opening() as store:
        for id in range(1, 10):
            await store.ask(keep(sent(id, "ann", "bob")))
        old = DropOldMessages(HERE, 1_700_000_000 + 4, 4, 2)
        assert [await store.ask(old) for _ in range(5)] == [2, 1, 2, 0, 0]
        assert await ids(store, "ann", "bob") == [9, 8, 7, 6]


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 1_001, "ä" * 600])
async def test_text_that_cannot_be_kept_is_refused_and_finds_nothing(
    opening: Opening, text: str
) -> None:
    async with opening() as store:
        message = sent(1, "ann", "bob")
        for changed in ("sender", "recipient", "html"):
            unfit = text if changed == "html" else text * 2  # names may have some more bytes
            with pytest.raises(Unstorable):
                await store.ask(keep(replace(message, **{changed: unfit})))
        with pytest.raises(Unstorable):
            await store.ask(keep(message, site=text))
        for unfit in ({"id": -1}, {"id": 2**63}, {"at": -1}, {"at": 2**63}):
            with pytest.raises(Unstorable):
                await store.ask(keep(replace(message, **unfit)))
        await store.ask(keep(message))
        assert await store.ask(page("ann", text * 2)) == HistoryPage((), 0)
        assert await store.ask(page("ann", "bob", site=text)) == HistoryPage((), 0)
        assert await store.ask(names(text * 2)) == NamesPage((), 0)
        assert await store.ask(DropMessagesOf(HERE, text * 2, 9)) == 0
        assert await store.ask(DropOldMessages(text, 2**40, 0, 9)) == 0
        assert await store.ask(GetMessage(text, 1)) is None
        assert await store.ask(DropMessage(text, 1)) is False
        assert await ids(store, "ann", "bob") == [1]


async def test_names_as_long_as_may_be_are_kept(opening: Opening) -> None:
    # Of letters that do not repeat, for PostgreSQL's index would press them together.
    low = "".join(map(chr, range(0x4E00, 0x4E00 + 341)))
    high = "".join(map(chr, range(0x5E00, 0x5E00 + 341)))
    async with opening() as store:
        await store.ask(keep(sent(1, low, high), site="s" * 32))
        assert (await store.ask(page(high, low, site="s" * 32))).messages[0].sender == low


def test_no_repr_shows_a_text() -> None:
    assert "secret" not in repr(keep(sent(1, "ann", "bob", "secret")))


# --- in any order, the databases answer as the memory does

few_names = st.sampled_from(("a", "B", "%", "_", "ä", "\0"))
few_ids = st.integers(-1, 12)
sites = st.sampled_from((HERE, HERE, ELSEWHERE))
numbers = st.integers(-1, 4) | st.just(10**30)
small = st.integers(-1, 4)
kept_ones = st.builds(
    KeptMessage, few_ids, few_names, few_names, st.text(max_size=4), st.integers(-1, 9)
)
requests = st.one_of(
    st.builds(KeepMessage, sites, kept_ones, st.integers(0, 3), st.just(10)),
    st.builds(KeepMessage, sites, kept_ones, st.integers(2, 3), st.just(10)),
    st.builds(DropMessage, sites, few_ids),
    st.builds(DropMessagesOf, sites, few_names, st.just(1000)),
    st.builds(DropOldMessages, sites, st.integers(-1, 9), st.integers(0, 9), small),
    st.builds(ListMessages, sites, few_names, few_names, few_ids, small),
    st.builds(
        ListPartners, sites, few_names, st.sampled_from(("newest", "oldest", "a-z", "z-a")),
        numbers, numbers,
    ),
)  # fmt: skip


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_place(request.param, Path(folder)) as place,
    ):
        prepare(place)
        with closing(Database(place)) as database:
            yield database


def ask(database: Database, message: Message) -> Any:
    return database.run(Transaction(message, 20.0, write=isinstance(message, StoreWrite)))


@pytest.mark.slow
def test_any_order_of_requests_on_the_history(database: Database) -> None:
    @settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(requests, max_size=40))
    def compare(orders: list[HistoryMessage]) -> None:
        for site in (HERE, ELSEWHERE):
            while ask(database, DropOldMessages(site, 0, 0, 1000)):
                pass
        model = MemoryHistory()
        everything = [GetMessage(site, id) for site in (HERE, ELSEWHERE) for id in range(13)]
        for order in [*orders, *everything]:
            answers: list[object] = []
            for answer in (model.do, lambda message: ask(database, message)):
                try:
                    answers.append(answer(order))
                except Refused as refusal:
                    answers.append(refusal.code)
            assert answers[0] == answers[1], order

    compare()
