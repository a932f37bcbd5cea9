"""Documents in a database answer whatever is asked, in whatever order, as those in memory do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from actors.core import Message, Refused
from actors.store.database import Database
from actors.store.messages import (
    Document,
    DropDocument,
    GetDocument,
    KindLimits,
    ListDocumentIds,
    ListDocuments,
    PutDocument,
    ReplaceDocument,
    Shares,
    StoreWrite,
    TakeDocument,
)
from actors.store.transaction import Transaction
from actors.store.upgrade import prepare
from tests.fakes.memory_store import MemoryDocuments
from tests.support.examples import examples
from tests.support.stores import DATABASES, fresh_place

# Few that are found again and again, and now and then one with NUL or a surrogate in it.
odd_text = st.text(st.characters(codec=None), max_size=5)


def few(*values: str) -> st.SearchStrategy[str]:
    return st.integers(0, 9).flatmap(lambda n: odd_text if n == 9 else st.sampled_from(values))


KINDS = ("a", "b")
kinds = st.sampled_from((*KINDS, *KINDS, *KINDS, "\0", "k" * 33))
ids = few("10", "2", "Z", "ä", "😀", "")
owners = few("", "2", "Z")
bodies = st.binary(max_size=51)
times = st.none() | st.sampled_from([0.0, 500.0, 599.5, 600.5, 700.0, 1200.0])
moments = st.sampled_from([0.0, 550.0, 650.0, 1250.0])
numbers = st.integers(-2, 6) | st.just(10**40)
documents = st.builds(Document, kinds, ids, owners, bodies, times, st.none() | few("blue", "Blue"))
limits = st.builds(
    KindLimits,
    st.integers(1, 5),
    st.integers(1, 3),
    st.just(50),
    st.sampled_from([0.0, 100.0]),
    st.booleans(),
) | st.builds(
    KindLimits,
    st.integers(1, 5),
    st.integers(1, 3),
    st.just(50),
    st.sampled_from([0.0, 100.0]),
    shares=st.builds(Shares, st.sampled_from(KINDS), st.integers(0, 150), st.integers(0, 80)),
)


def ask(database: Database, message: Message) -> object:
    return database.run(Transaction(message, 20.0, write=isinstance(message, StoreWrite)))


class Comparison(RuleBasedStateMachine):
    database: Database

    @initialize()
    def begin(self) -> None:
        self.model = MemoryDocuments()
        for kind in KINDS:
            found: Any = ask(self.database, ListDocumentIds(kind))
            for id in found:
                ask(self.database, DropDocument(kind, id))

    def both(self, message: Message) -> None:
        answers = []
        for answer in (lambda: self.model.do(message), lambda: ask(self.database, message)):
            try:
                answers.append(("answer", answer()))
            except Refused as refusal:
                answers.append(("refusal", refusal.code))
        assert answers[0] == answers[1], message

    def known(self, document: Document) -> Document | None:
        return self.model.all.get((document.kind, document.id))

    @rule(document=documents, limits=limits, now=moments, owner_kind=st.just("") | kinds)
    def put(self, document: Document, limits: KindLimits, now: float, owner_kind: str) -> None:
        self.both(PutDocument(document, limits, now, owner_kind))

    @rule(document=documents, before=st.none() | bodies, limits=limits, now=moments)
    def replace(
        self, document: Document, before: bytes | None, limits: KindLimits, now: float
    ) -> None:
        known = self.known(document)
        if known is not None and before is not None and len(before) % 2:
            before = known.body  # else it is hardly ever the right one
            if len(before) % 3:
                document = replace(document, owner=known.owner)
        self.both(ReplaceDocument(document, before, limits, now))

    @rule(kind=kinds, id=ids)
    def look(self, kind: str, id: str) -> None:
        self.both(GetDocument(kind, id))

    @rule(kind=kinds, id=ids)
    def take(self, kind: str, id: str) -> None:
        self.both(TakeDocument(kind, id))

    @rule(kind=kinds, id=ids, owned=st.lists(st.sampled_from(KINDS), max_size=2))
    def drop(self, kind: str, id: str, owned: list[str]) -> None:
        self.both(DropDocument(kind, id, tuple(owned)))

    @invariant()
    def everything_is_the_same(self) -> None:
        for kind in KINDS:
            self.both(ListDocuments(kind))

    @rule(
        kind=kinds,
        owner=st.none() | owners,
        after=st.none() | ids,
        offset=numbers,
        limit=numbers | st.none(),
    )
    def turn_pages(
        self, kind: str, owner: str | None, after: str | None, offset: int, limit: int | None
    ) -> None:
        self.both(ListDocuments(kind, owner, after, offset, limit))
        self.both(ListDocumentIds(kind, owner, after, offset, limit))


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_place(request.param, Path(folder)) as place,
    ):
        prepare(place)
        with closing(Database(place)) as database:
            yield database


@pytest.mark.slow
def test_any_order_of_requests(database: Database) -> None:
    class Machine(Comparison):
        pass

    Machine.database = database
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            max_examples=examples(60),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
