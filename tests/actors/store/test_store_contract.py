"""What every store promises: the same on memory, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.core import NameTaken
from actors.store.messages import (
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
)
from actors.store.place import StoreLimits
from actors.words.refusals import StoreFull, UnknownService, Unstorable
from tests.support.stores import KINDS, Store, fresh_store, need_postgresql

NOW = 1_900_000_000.0
SAMPLE = ServiceRecord("5" * 24, "sample", "a secret key", encrypted=False)
OTHER = ServiceRecord("6" * 24, "other", "", encrypted=True)
BLUE = ConferenceRecord("7" * 24, SAMPLE.id, "blue", b'{"secret": "\xc3\xa4"}')
TOKEN = TokenRecord("8" * 24, BLUE.id, SAMPLE.id, "ann", "presenter", b"{}", NOW + 180.25)

Opening = Callable[..., AbstractAsyncContextManager[Store]]


@pytest.fixture(params=KINDS)
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    if request.param == "postgresql":
        need_postgresql()

    def open_it(**changes: Any) -> AbstractAsyncContextManager[Store]:
        return fresh_store(request.param, tmp_path, **changes)

    return open_it


async def test_services_are_kept_replaced_and_dropped(opening: Opening) -> None:
    async with opening() as store:
        assert await store.ask(GetService(SAMPLE.id)) is None
        assert await store.ask(FindServices()) == ()
        await store.ask(PutService(OTHER))
        await store.ask(PutService(SAMPLE))
        assert await store.ask(GetService(SAMPLE.id)) == SAMPLE
        assert await store.ask(FindServices()) == (SAMPLE, OTHER)
        renamed = replace(SAMPLE, name="renamed", key="another", encrypted=True)
        await store.ask(PutService(renamed))
        assert await store.ask(GetService(SAMPLE.id)) == renamed
        assert await store.ask(DropService(SAMPLE.id)) is True
        assert await store.ask(DropService(SAMPLE.id)) is False
        assert await store.ask(FindServices()) == (OTHER,)


async def test_a_service_cannot_have_the_name_of_another(opening: Opening) -> None:
    async with opening() as store:
        await store.ask(PutService(SAMPLE))
        await store.ask(PutService(SAMPLE))  # its own name is fine
        await store.ask(PutService(OTHER))
        with pytest.raises(NameTaken):
            await store.ask(PutService(replace(OTHER, name="sample")))
        assert await store.ask(GetService(OTHER.id)) == OTHER
        await store.ask(PutService(replace(OTHER, name="Sample")))  # case counts
        await store.ask(DropService(SAMPLE.id))
        await store.ask(PutService(replace(OTHER, name="sample")))


async def test_conferences_are_kept_replaced_and_dropped(opening: Opening) -> None:
    async with opening() as store:
        await store.ask(PutService(SAMPLE))
        assert await store.ask(GetConference(BLUE.id)) is None
        await store.ask(PutConference(BLUE))
        assert await store.ask(GetConference(BLUE.id)) == BLUE
        changed = replace(BLUE, name="green", document=bytes(range(256)))
        await store.ask(PutConference(changed))
        assert await store.ask(GetConference(BLUE.id)) == changed
        assert await store.ask(ListConferences(SAMPLE.id)) == (changed,)
        assert await store.ask(DropConference(BLUE.id)) is True
        assert await store.ask(DropConference(BLUE.id)) is False
        assert await store.ask(GetConference(BLUE.id)) is None


async def test_a_conference_is_replaced_if_it_is_what_was_read(opening: Opening) -> None:
    async with opening() as store:
        await store.ask(PutService(SAMPLE))
        await store.ask(PutService(OTHER))
        green, red = (replace(BLUE, name=it, document=it.encode()) for it in ("green", "red"))
        assert await store.ask(ReplaceConference(green, BLUE.document)) is False
        assert await store.ask(GetConference(BLUE.id)) is None
        await store.ask(PutConference(BLUE))
        assert await store.ask(ReplaceConference(green, BLUE.document)) is True
        assert await store.ask(ReplaceConference(red, BLUE.document)) is False
        theirs = replace(red, service=OTHER.id)
        assert await store.ask(ReplaceConference(theirs, green.document)) is False
        assert await store.ask(GetConference(BLUE.id)) == green
        with pytest.raises(Unstorable):
            await store.ask(ReplaceConference(replace(green, name="a\0b"), green.document))
        await store.ask(DropConference(BLUE.id))
        assert await store.ask(ReplaceConference(red, green.document)) is False
        assert await store.ask(GetConference(BLUE.id)) is None


async def test_two_conferences_may_have_one_name(opening: Opening) -> None:
    async with opening() as store:
        await store.ask(PutService(SAMPLE))
        await store.ask(PutConference(BLUE))
        await store.ask(PutConference(replace(BLUE, id="9" * 24)))
        assert len(await store.ask(ListConferences(SAMPLE.id))) == 2


async def test_a_conference_needs_its_service_and_goes_with_it(opening: Opening) -> None:
    async with opening() as store:
        with pytest.raises(UnknownService):
            await store.ask(PutConference(BLUE))
        await store.ask(PutService(SAMPLE))
        await store.ask(PutService(OTHER))
        await store.ask(PutConference(BLUE))
        theirs = replace(BLUE, id="9" * 24, service=OTHER.id)
        await store.ask(PutConference(theirs))
        await store.ask(PutService(replace(SAMPLE, key="changed")))  # a change drops nothing
        assert await store.ask(GetConference(BLUE.id)) == BLUE
        await store.ask(DropService(SAMPLE.id))
        assert await store.ask(GetConference(BLUE.id)) is None
        assert await store.ask(ListConferenceIds(OTHER.id)) == (theirs.id,)


async def test_conferences_are_listed_by_id_in_pages(opening: Opening) -> None:
    # In the order of code points: no locale has "Z" before "a" and "ä" after "z".
    ids = ("", "1", "10", "2", "Z", "a", "z", "ä", "\ue000", "😀")
    async with opening() as store:
        await store.ask(PutService(SAMPLE))
        for id in reversed(ids):
            await store.ask(PutConference(replace(BLUE, id=id)))
        assert await store.ask(ListConferenceIds(SAMPLE.id)) == ids
        for window in ((0, None), (0, 3), (8, 5), (3, 0), (10, 1), (-1, 2), (10**30, 10**30)):
            offset, limit = window
            found = await store.ask(ListConferences(SAMPLE.id, offset, limit))
            first = max(0, offset)
            end = None if limit is None else first + limit
            assert [each.id for each in found] == list(ids[first:end]), window
        assert await store.ask(ListConferences(SAMPLE.id, 0, -1)) == ()
        assert await store.ask(ListConferences(OTHER.id)) == ()


async def test_a_token_is_taken_once(opening: Opening) -> None:
    async with opening() as store:
        await store.ask(PutToken(TOKEN, NOW))
        assert await store.ask(TakeToken("another", NOW)) is None
        assert await store.ask(TakeToken(TOKEN.id, NOW)) == TOKEN
        assert await store.ask(TakeToken(TOKEN.id, NOW)) is None


async def test_of_many_who_take_a_token_one_gets_it(opening: Opening) -> None:
    async with opening() as store:
        await store.ask(PutToken(TOKEN, NOW))
        answers: list[TokenRecord | None] = []

        async def take() -> None:
            answers.append(await store.ask(TakeToken(TOKEN.id, NOW)))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(take)
        assert sorted(map(repr, answers)) == sorted(map(repr, [TOKEN, *[None] * 19]))


async def test_an_expired_token_is_told_from_an_unknown_one_for_ten_minutes(
    opening: Opening,
) -> None:
    async with opening() as store:
        second = replace(TOKEN, id="second")
        await store.ask(PutToken(TOKEN, NOW))
        await store.ask(PutToken(second, NOW))
        assert await store.ask(TakeToken(TOKEN.id, TOKEN.expires_at + 599)) == TOKEN
        assert await store.ask(TakeToken("any", TOKEN.expires_at + 601)) is None
        assert await store.ask(TakeToken(second.id, NOW)) is None


async def test_full_tables_take_no_more_but_let_what_is_there_change(opening: Opening) -> None:
    async with opening(limits=StoreLimits(services=1, conferences=1, tokens=1)) as store:
        await store.ask(PutService(SAMPLE))
        with pytest.raises(StoreFull):
            await store.ask(PutService(OTHER))
        await store.ask(PutService(replace(SAMPLE, key="changed")))
        await store.ask(PutConference(BLUE))
        with pytest.raises(StoreFull):
            await store.ask(PutConference(replace(BLUE, id="another")))
        await store.ask(PutConference(replace(BLUE, name="changed")))
        await store.ask(PutToken(TOKEN, NOW))
        with pytest.raises(StoreFull):
            await store.ask(PutToken(replace(TOKEN, id="another"), NOW))
        await store.ask(PutToken(replace(TOKEN, user="changed"), NOW))
        # Expired tokens make room.
        await store.ask(PutToken(replace(TOKEN, id="another"), TOKEN.expires_at + 1))


HOSTILE = ("a\0b", "\ud800", "half \udfff", "x" * 1_000_000, "ä" * 1_500)


@pytest.mark.parametrize("text", HOSTILE, ids=["nul", "surrogate", "low", "megabyte", "bytes"])
async def test_hostile_text_is_refused_and_finds_nothing(opening: Opening, text: str) -> None:
    async with opening() as store:
        await store.ask(PutService(SAMPLE))
        orders = (
            *(PutService(replace(OTHER, **{name: text})) for name in ("id", "name")),
            *(PutConference(replace(BLUE, **{name: text})) for name in ("id", "service", "name")),
            *(
                PutToken(replace(TOKEN, **{name: text}), NOW)
                for name in ("id", "conference", "service", "user", "role")
            ),
        )
        for order in orders:
            with pytest.raises(Unstorable):
                await store.ask(order)
        for question in (GetService(text), GetConference(text), TakeToken(text, NOW)):
            assert await store.ask(question) is None
        for question in (ListConferences(text), ListConferenceIds(text)):
            assert await store.ask(question) == ()
        for question in (DropService(text), DropConference(text)):
            assert await store.ask(question) is False
        assert await store.ask(FindServices()) == (SAMPLE,)


async def test_a_key_may_be_long_but_not_endless(opening: Opening) -> None:
    async with opening() as store:
        long = replace(SAMPLE, key="k" * 16_384)
        await store.ask(PutService(long))
        assert await store.ask(GetService(SAMPLE.id)) == long
        for key_text in ("k" * 16_385, "\0", "\ud800"):
            with pytest.raises(Unstorable):
                await store.ask(PutService(replace(SAMPLE, key=key_text)))


async def test_names_as_long_as_may_be_and_odd_ones_are_kept(opening: Opening) -> None:
    names = ("", "é" * 1024, "'; DROP TABLE services; --", "%s :name \\", "😀\x01\x7f\u2028")
    async with opening() as store:
        for index, name in enumerate(names):
            service = ServiceRecord(str(index), name, name, encrypted=False)
            await store.ask(PutService(service))
            assert await store.ask(GetService(service.id)) == service


async def test_documents_are_bytes_up_to_a_limit(opening: Opening) -> None:
    async with opening(limits=StoreLimits(document_bytes=1000)) as store:
        await store.ask(PutService(SAMPLE))
        largest = replace(BLUE, document=b"\0" * 1000)
        await store.ask(PutConference(largest))
        assert await store.ask(GetConference(BLUE.id)) == largest
        for order in (
            PutConference(replace(BLUE, document=b"x" * 1001)),
            PutToken(replace(TOKEN, document=b"x" * 1001), NOW),
        ):
            with pytest.raises(Unstorable):
                await store.ask(order)


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -float("inf")])
async def test_what_is_no_time_is_refused(opening: Opening, moment: float) -> None:
    async with opening() as store:
        for order in (PutToken(replace(TOKEN, expires_at=moment), NOW), PutToken(TOKEN, moment)):
            with pytest.raises(Unstorable):
                await store.ask(order)


async def test_what_is_told_is_done_too(opening: Opening) -> None:
    async with opening() as store:
        store.ref.tell(PutService(SAMPLE))
        store.ref.tell(PutConference(BLUE))
        await store.ask(PutToken(TOKEN, NOW))  # writes are done in the order they came
        assert await store.ask(GetConference(BLUE.id)) == BLUE


def test_records_and_orders_show_no_secrets() -> None:
    assert "a secret key" not in repr(PutService(SAMPLE))
    assert "secret" not in repr(PutConference(BLUE))
    assert TOKEN.id not in repr(PutToken(TOKEN, NOW))
    assert TOKEN.id not in repr(TakeToken(TOKEN.id, NOW))
