"""The tables in a database answer whatever is asked, in whatever order, as those in memory do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

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
    DURABLE_WRITES,
    ConferenceRecord,
    DropConference,
    DropService,
    FindServices,
    GetConference,
    GetService,
    ListConferenceIds,
    ListConferences,
    PutConference,
    PutService,
    PutToken,
    ReplaceConference,
    ServiceRecord,
    TakeToken,
    TokenRecord,
    carry_out,
)
from actors.store.place import StoreLimits
from actors.store.transaction import Transaction
from actors.store.upgrade import prepare
from tests.fakes.memory_store import MemoryTables
from tests.support.examples import examples
from tests.support.stores import DATABASES, fresh_place

LIMITS = StoreLimits(services=2, conferences=4, tokens=2, document_bytes=50)

# Few that are found again and again, and now and then one with NUL or a surrogate in it.
odd_text = st.text(st.characters(codec=None), max_size=5)


def few(*values: str) -> st.SearchStrategy[str]:
    return st.integers(0, 9).flatmap(lambda n: odd_text if n == 9 else st.sampled_from(values))


services = few("", "a")
conferences = few("10", "2", "Z", "ä", "😀")
tokens = few("t", "u")
names = few("blue", "Blue", "red")
documents = st.binary(max_size=51)
times = st.sampled_from([0.0, 500.0, 599.5, 600.5, 700.0, 1200.0])
numbers = st.integers(-2, 6) | st.just(10**40)


def ask(database: Database, message: Message) -> object:
    return database.run(Transaction(message, 20.0, write=isinstance(message, DURABLE_WRITES)))


class Comparison(RuleBasedStateMachine):
    database: Database

    @initialize()
    def begin(self) -> None:
        self.model = MemoryTables(LIMITS)
        services = ask(self.database, FindServices())
        assert isinstance(services, tuple)
        for service in services:
            ask(self.database, DropService(service.id))
        ask(self.database, TakeToken("", 1e300))  # long after the last one expired

    def both(self, message: Message) -> None:
        answers = []
        for answer in (
            lambda: carry_out(message, self.model),
            lambda: ask(self.database, message),
        ):
            try:
                answers.append(("answer", answer()))
            except Refused as refusal:
                answers.append(("refusal", refusal.code))
        assert answers[0] == answers[1], message

    @rule(id=services, name=names, key=odd_text, encrypted=st.booleans())
    def put_service(self, id: str, name: str, key: str, encrypted: bool) -> None:
        self.both(PutService(ServiceRecord(id, name, key, encrypted)))

    @rule(id=services)
    def drop_service(self, id: str) -> None:
        self.both(DropService(id))

    @rule(id=conferences, service=services, name=names, document=documents)
    def put_conference(self, id: str, service: str, name: str, document: bytes) -> None:
        self.both(PutConference(ConferenceRecord(id, service, name, document)))

    @rule(id=conferences, service=services, name=names, document=documents, before=documents)
    def replace_conference(
        self, id: str, service: str, name: str, document: bytes, before: bytes
    ) -> None:
        known = self.model.get_conference(id)
        if known is not None and len(before) % 2:  # else it is hardly ever the right one
            before = known.document
        self.both(ReplaceConference(ConferenceRecord(id, service, name, document), before))

    @rule(id=conferences)
    def drop_conference(self, id: str) -> None:
        self.both(DropConference(id))

    @rule(id=tokens, user=names, document=documents, expires_at=times, now=times)
    def put_token(self, id: str, user: str, document: bytes, expires_at: float, now: float) -> None:
        self.both(PutToken(TokenRecord(id, "c", "s", user, "r", document, expires_at), now))

    @rule(id=tokens, now=times)
    def take_token(self, id: str, now: float) -> None:
        self.both(TakeToken(id, now))

    @rule(service=services, conference=conferences)
    def look(self, service: str, conference: str) -> None:
        self.both(GetService(service))
        self.both(GetConference(conference))
        self.both(ListConferenceIds(service))

    @invariant()
    def everything_is_the_same(self) -> None:
        self.both(FindServices())
        self.both(ListConferences("a"))

    @rule(service=services, offset=numbers, limit=numbers | st.none())
    def turn_pages(self, service: str, offset: int, limit: int | None) -> None:
        self.both(ListConferences(service, offset, limit))


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_place(request.param, Path(folder), limits=LIMITS) as place,
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
