"""The durable part of the store in memory, message by message."""

from __future__ import annotations

import pytest

from actors.core import NameTaken, open_system
from actors.store.messages import (
    STORE,
    ConferenceRecord,
    GetConference,
    GetService,
    PutConference,
    PutService,
    PutToken,
    ServiceRecord,
    TakeToken,
    TokenRecord,
)
from actors.words.refusals import UnknownService
from tests.fakes.memory_store import MemoryStore
from tests.support.actors import House
from tests.support.stores import storage

SERVICE = ServiceRecord("5" * 24, "sample", "a secret key", encrypted=False)
CONFERENCE = ConferenceRecord("6" * 24, SERVICE.id, "blue", b'{"secret": 1}')
TOKEN = TokenRecord("7" * 24, CONFERENCE.id, SERVICE.id, "ann", "presenter", b"{}", 1000.0)


async def test_services_conferences_and_tokens_are_kept() -> None:
    async with open_system([storage(MemoryStore)]) as system:
        store = House(system).find(STORE)
        with pytest.raises(UnknownService):
            await store.ask(PutConference(CONFERENCE), within=1)
        await store.ask(PutService(SERVICE), within=1)
        with pytest.raises(NameTaken):
            await store.ask(PutService(ServiceRecord("8" * 24, "sample", "", False)), within=1)
        assert await store.ask(GetService(SERVICE.id), within=1) == SERVICE
        await store.ask(PutConference(CONFERENCE), within=1)
        assert await store.ask(GetConference(CONFERENCE.id), within=1) == CONFERENCE
        await store.ask(PutToken(TOKEN, 900.0), within=1)
        assert await store.ask(TakeToken(TOKEN.id, 1100.0), within=1) == TOKEN
        assert await store.ask(TakeToken(TOKEN.id, 1100.0), within=1) is None


def test_records_show_no_secrets() -> None:
    assert "a secret key" not in repr(PutService(SERVICE))
    assert "secret" not in repr(PutConference(CONFERENCE))
    assert TOKEN.id not in repr(PutToken(TOKEN, 0.0))
    assert TOKEN.id not in repr(TakeToken(TOKEN.id, 0.0))
