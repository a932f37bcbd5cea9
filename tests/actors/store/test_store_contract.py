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
    Document,
    DropDocument,
    GetDocument,
    KindLimits,
    ListDocumentIds,
    ListDocuments,
    PutDocument,
    ReplaceDocument,
    Shares,
    TakeDocument,
)
from actors.words.refusals import StoreFull, UnknownOwner, Unstorable
from tests.support.stores import AMPLE, KINDS, Store, fresh_store, need_postgresql

NOW = 1_900_000_000.0
SITE = Document("site", "5" * 24, "", b"\x00\xff", name="a site")
BLUE = Document("page", "7" * 24, SITE.id, b'{"secret": "\xc3\xa4"}')
PASS = Document("pass", "8" * 24, SITE.id, b"{}", NOW + 180.25)

Opening = Callable[..., AbstractAsyncContextManager[Store]]


def put(document: Document, **limits: Any) -> PutDocument:
    return PutDocument(document, replace(AMPLE, **limits), NOW)


def swap(document: Document, before: bytes | None, **limits: Any) -> ReplaceDocument:
    return ReplaceDocument(document, before, replace(AMPLE, **limits), NOW)


def get(document: Document) -> GetDocument:
    return GetDocument(document.kind, document.id)


@pytest.fixture(params=KINDS)
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    if request.param == "postgresql":
        need_postgresql()

    def open_it(**changes: Any) -> AbstractAsyncContextManager[Store]:
        return fresh_store(request.param, tmp_path, **changes)

    return open_it


async def test_documents_are_kept_replaced_and_dropped(opening: Opening) -> None:
    async with opening() as store:
        assert await store.ask(get(BLUE)) is None
        await store.ask(put(BLUE))
        assert await store.ask(get(BLUE)) == BLUE
        changed = replace(BLUE, owner="x", body=bytes(range(256)), expires_at=0.5, name="green")
        await store.ask(put(changed))
        assert await store.ask(get(BLUE)) == changed
        assert await store.ask(ListDocuments("page")) == (changed,)
        assert await store.ask(DropDocument("page", BLUE.id)) is True
        assert await store.ask(DropDocument("page", BLUE.id)) is False
        assert await store.ask(get(BLUE)) is None


async def test_an_id_is_another_documents_in_another_kind(opening: Opening) -> None:
    async with opening() as store:
        other = replace(BLUE, kind="leaf", body=b"other")
        await store.ask(put(BLUE))
        await store.ask(put(other))
        assert await store.ask(get(BLUE)) == BLUE
        assert await store.ask(DropDocument("page", BLUE.id)) is True
        assert await store.ask(get(other)) == other
        assert await store.ask(TakeDocument("page", BLUE.id)) is None


async def test_a_name_is_one_documents_of_its_kind(opening: Opening) -> None:
    async with opening() as store:
        other = replace(SITE, id="6" * 24, name="other")
        await store.ask(put(SITE))
        await store.ask(put(SITE))  # its own name is fine
        await store.ask(put(other))
        taken = replace(other, name=SITE.name)
        for order in (put(taken), swap(taken, taken.body), swap(replace(taken, id="7"), None)):
            with pytest.raises(NameTaken):
                await store.ask(order)
        assert await store.ask(get(other)) == other
        await store.ask(put(replace(other, name="A site")))  # case counts
        await store.ask(put(replace(taken, kind="page")))
        await store.ask(DropDocument(SITE.kind, SITE.id))
        assert await store.ask(swap(taken, other.body)) is True


async def test_many_who_want_one_name_at_once(opening: Opening) -> None:
    async with opening() as store:
        outcomes: list[str] = []

        async def want(number: int) -> None:
            try:
                await store.ask(put(replace(SITE, id=str(number))))
                outcomes.append("done")
            except NameTaken:
                outcomes.append("taken")

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(want, number)
        assert sorted(outcomes) == ["done", *["taken"] * 9]
        assert len(await store.ask(ListDocuments(SITE.kind))) == 1


async def test_a_document_is_replaced_if_it_is_what_was_read(opening: Opening) -> None:
    async with opening() as store:
        green, red = (replace(BLUE, body=word, expires_at=1.0) for word in (b"green", b"red"))
        assert await store.ask(swap(green, BLUE.body)) is False
        assert await store.ask(get(BLUE)) is None
        await store.ask(put(BLUE))
        assert await store.ask(swap(green, BLUE.body)) is True
        assert await store.ask(swap(red, BLUE.body)) is False
        assert await store.ask(swap(replace(red, owner="theirs"), green.body)) is False
        assert await store.ask(get(BLUE)) == green
        with pytest.raises(Unstorable):
            await store.ask(swap(replace(green, name="a\0b"), green.body))
        await store.ask(DropDocument(BLUE.kind, BLUE.id))
        assert await store.ask(swap(red, green.body)) is False
        assert await store.ask(get(BLUE)) is None


async def test_a_document_is_put_if_there_is_none(opening: Opening) -> None:
    async with opening() as store:
        assert await store.ask(swap(BLUE, None, most=1)) is True
        assert await store.ask(swap(replace(BLUE, body=b"late"), None, most=1)) is False
        assert await store.ask(get(BLUE)) == BLUE
        with pytest.raises(StoreFull):
            await store.ask(swap(replace(BLUE, id="another"), None, most=1))


async def test_of_many_who_count_on_from_what_they_read_none_counts_twice(
    opening: Opening,
) -> None:
    mark = Document("mark", "site", "site", b"")
    async with opening() as store:
        taken: list[int] = []

        async def take() -> None:
            for _ in range(100):
                known = await store.ask(get(mark))
                number = int(known.body) if known else 0
                before = known.body if known else None
                if await store.ask(swap(replace(mark, body=b"%d" % (number + 1)), before)):
                    taken.append(number)
                    return

        async with trio.open_nursery() as nursery:
            for _ in range(12):
                nursery.start_soon(take)
        assert sorted(taken) == list(range(12))


async def test_an_owner_has_to_be_there_and_takes_what_it_owns_along(opening: Opening) -> None:
    async with opening() as store:
        owned = PutDocument(BLUE, AMPLE, owner_kind="site")
        for name in (BLUE.owner, "a" * 257):
            with pytest.raises(UnknownOwner):
                await store.ask(replace(owned, document=replace(BLUE, owner=name)))
        other = replace(SITE, id="6" * 24, name="other")
        theirs = replace(BLUE, id="9" * 24, owner=other.id)
        for document in (SITE, other, theirs, PASS):
            await store.ask(put(document))
        await store.ask(owned)
        await store.ask(put(replace(SITE, body=b"changed")))  # a change drops nothing
        assert await store.ask(get(BLUE)) == BLUE
        assert await store.ask(DropDocument("site", SITE.id, owned=("page", "leaf"))) is True
        assert await store.ask(get(BLUE)) is None
        assert await store.ask(ListDocumentIds("page")) == (theirs.id,)
        assert await store.ask(get(PASS)) == PASS  # no kind that was named


async def test_documents_are_listed_by_id_in_pages(opening: Opening) -> None:
    # In the order of code points: no locale has "Z" before "a" and "ä" after "z".
    ids = ("", "1", "10", "2", "Z", "a", "z", "ä", "\ue000", "😀")
    async with opening() as store:
        for id in reversed(ids):
            await store.ask(put(replace(BLUE, id=id)))
        await store.ask(put(replace(BLUE, id="3", owner="other")))
        assert await store.ask(ListDocumentIds("page", BLUE.owner)) == ids
        assert await store.ask(ListDocumentIds("page")) == (*ids[:4], "3", *ids[4:])
        for window in ((0, None), (0, 3), (8, 5), (3, 0), (10, 1), (-1, 2), (10**30, 10**30)):
            offset, limit = window
            asked = ListDocuments("page", BLUE.owner, offset=offset, limit=limit)
            first = max(0, offset)
            end = None if limit is None else first + limit
            assert [each.id for each in await store.ask(asked)] == list(ids[first:end]), window
        assert await store.ask(ListDocuments("page", BLUE.owner, limit=-1)) == ()
        assert await store.ask(ListDocuments("page", "nobody")) == ()
        assert await store.ask(ListDocuments("leaf")) == ()


async def test_a_long_list_is_turned_page_by_page(opening: Opening) -> None:
    async with opening() as store:
        for number in range(10):
            await store.ask(put(replace(BLUE, id=str(number))))
        found: list[str] = []
        after = None
        while page := await store.ask(ListDocumentIds("page", after=after, limit=3)):
            found += page
            after = page[-1]
            await store.ask(DropDocument("page", after))  # who goes meanwhile displaces nobody
        assert found == [str(number) for number in range(10)]
        asked = ListDocumentIds("page", after="1", offset=1, limit=2)
        assert await store.ask(asked) == ("4", "6")


async def test_of_many_who_take_a_document_one_gets_it(opening: Opening) -> None:
    async with opening() as store:
        await store.ask(put(PASS))
        assert await store.ask(TakeDocument("pass", "another")) is None
        answers: list[Document | None] = []

        async def take() -> None:
            answers.append(await store.ask(TakeDocument("pass", PASS.id)))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(take)
        assert sorted(map(repr, answers)) == sorted(map(repr, [PASS, *[None] * 19]))


async def test_expired_documents_are_kept_for_a_while(opening: Opening) -> None:
    limits = replace(AMPLE, expired_kept_seconds=600.0)
    ends = NOW + 180.25
    async with opening() as store:
        lasting = replace(PASS, id="lasting", expires_at=None)
        other = replace(PASS, id="other", expires_at=ends + 1000)
        for document in (PASS, lasting, replace(PASS, kind="another")):
            await store.ask(PutDocument(document, limits, NOW))
        await store.ask(PutDocument(other, limits, ends + 599))
        assert await store.ask(get(PASS)) == PASS
        await store.ask(PutDocument(other, limits, ends + 601))
        assert await store.ask(ListDocuments("pass")) == (lasting, other)
        assert len(await store.ask(ListDocuments("another"))) == 1


async def test_a_full_kind_takes_no_more_but_lets_what_is_there_change(opening: Opening) -> None:
    async with opening() as store:
        limits = KindLimits(2, 2, 1000, expired_kept_seconds=600.0)
        for document in (BLUE, PASS, replace(PASS, id="lasting", expires_at=None)):
            await store.ask(PutDocument(document, limits, NOW))
        another = PutDocument(replace(PASS, id="another"), limits, NOW)
        with pytest.raises(StoreFull, match="pass"):
            await store.ask(another)
        await store.ask(PutDocument(replace(PASS, body=b"changed"), limits, NOW))
        await store.ask(replace(another, now=NOW + 181))  # what has expired makes room
        assert await store.ask(ListDocumentIds("pass")) == ("another", "lasting")


async def test_an_owner_cannot_fill_the_store_for_all(opening: Opening) -> None:
    async with opening() as store:
        limits = KindLimits(3, 2, 1000)
        mine = [replace(BLUE, id=str(number)) for number in range(3)]
        for document in mine[:2]:
            await store.ask(PutDocument(document, limits))
        with pytest.raises(StoreFull):
            await store.ask(PutDocument(mine[2], limits))
        theirs = PutDocument(replace(BLUE, id="theirs", owner="other"), limits)
        await store.ask(theirs)
        await store.ask(PutDocument(replace(mine[0], body=b"changed"), limits))
        with pytest.raises(StoreFull):  # nor by taking another's place
            await store.ask(PutDocument(replace(mine[2], id="theirs"), limits))
        assert await store.ask(get(theirs.document)) == theirs.document


async def test_owners_share_the_bytes_and_none_can_fill_them_for_others(opening: Opening) -> None:
    async with opening() as store:
        for id in ("1", "2", "3"):
            await store.ask(put(Document("site", id, "", b"")))
        limits = KindLimits(100, 100, 1000, shares=Shares("site", 300, 270))

        async def keep(owner: str, id: str, size: int) -> None:
            await store.ask(PutDocument(Document("page", id, owner, bytes(size)), limits))

        await keep("1", "a", 270)
        with pytest.raises(StoreFull):
            await keep("1", "b", 1)
        await keep("2", "c", 30)
        await keep("2", "d", 70)  # its share, though all are full
        with pytest.raises(StoreFull):
            await keep("2", "e", 1)
        await keep("3", "f", 99)
        grown = Document("page", "f", "3", bytes(101))
        with pytest.raises(StoreFull):
            await store.ask(ReplaceDocument(grown, bytes(99), limits))
        assert await store.ask(get(grown)) == replace(grown, body=bytes(99))
        assert await store.ask(ReplaceDocument(grown, bytes(98), limits)) is False
        fits = replace(grown, body=bytes(100))
        assert await store.ask(ReplaceDocument(fits, bytes(99), limits)) is True
        await keep("1", "a", 200)  # what shrinks makes room, and may not grow back
        with pytest.raises(StoreFull):
            await keep("1", "a", 201)


async def test_numbers_are_shared_in_the_same_way(opening: Opening) -> None:
    async with opening() as store:
        limits = KindLimits(10, 9, 1000, shares=Shares("site", 1000, 1000))

        async def keep(owner: str, number: int) -> int:
            for each in range(number):
                try:
                    document = Document("page", f"{owner} {each}", owner, b"")
                    await store.ask(PutDocument(document, limits))
                except StoreFull:
                    return each
            return number

        for id in ("1", "2"):
            await store.ask(put(Document("site", id, "", b"")))
        assert [await keep("1", 10), await keep("2", 10)] == [9, 5]
        await store.ask(put(Document("site", "3", "", b"")))
        assert await keep("3", 10) == 3


async def test_who_has_more_than_it_may_now_keeps_it_and_may_change_it(opening: Opening) -> None:
    """As of a deployment that is older than the limit."""
    async with opening() as store:
        mine = [replace(BLUE, id=str(number)) for number in range(5)]
        for document in mine:
            await store.ask(put(document))
        limits = KindLimits(3, 2, 1000)
        changed = replace(mine[0], body=b"changed")
        assert await store.ask(ReplaceDocument(changed, mine[0].body, limits)) is True
        await store.ask(PutDocument(replace(mine[1], body=b"changed"), limits))
        with pytest.raises(StoreFull):
            await store.ask(PutDocument(replace(BLUE, id="6"), limits))
        assert len(await store.ask(ListDocuments("page", BLUE.owner))) == 5


async def test_a_kind_that_forgets_lets_those_go_that_would_end_first(opening: Opening) -> None:
    async with opening() as store:
        limits = KindLimits(4, 2, 1000, forgets=True)

        async def keep(id: str, owner: str, seconds: float | None) -> None:
            end = None if seconds is None else NOW + seconds
            await store.ask(PutDocument(Document("pass", id, owner, b"", end), limits, NOW))

        for id, owner, seconds in (("1", "ann", 30), ("2", "ann", 10), ("3", "ann", 20)):
            await keep(id, owner, seconds)
        assert await store.ask(ListDocumentIds("pass")) == ("1", "3")  # of the owner
        for id, owner, seconds in (("4", "bob", None), ("5", "bob", 40), ("6", "eve", 50)):
            await keep(id, owner, seconds)
        assert await store.ask(ListDocumentIds("pass")) == ("1", "4", "5", "6")  # of all
        await keep("7", "bob", None)
        with pytest.raises(StoreFull):  # none of bob's ends any more
            await keep("8", "bob", 99)


HOSTILE = ("a\0b", "\ud800", "half \udfff", "x" * 1_000_000, "ä" * 1_500)


@pytest.mark.parametrize("text", HOSTILE, ids=["nul", "surrogate", "low", "megabyte", "bytes"])
async def test_hostile_text_is_refused_and_finds_nothing(opening: Opening, text: str) -> None:
    async with opening() as store:
        await store.ask(put(SITE))
        for name in ("kind", "id", "owner", "name"):
            for order in (put, swap):
                more = () if order is put else (None,)
                with pytest.raises(Unstorable):
                    await store.ask(order(replace(BLUE, **{name: text}), *more))
        for kind, id in ((SITE.kind, text), (text, SITE.id)):
            for question in (GetDocument(kind, id), TakeDocument(kind, id)):
                assert await store.ask(question) is None
            assert await store.ask(DropDocument(kind, id)) is False
        for asked in (ListDocuments, ListDocumentIds):
            for changes in ({"kind": text}, {"owner": text}, {"after": text}):
                assert await store.ask(replace(asked("site"), **changes)) == ()
        assert await store.ask(ListDocuments("site")) == (SITE,)


async def test_text_as_long_as_may_be_and_odd_text_is_kept(opening: Opening) -> None:
    odd = ("'; DROP TABLE documents; --", "%s :name \\", "😀\x01\x7f\u2028")
    async with opening() as store:
        for text in odd:
            document = Document(text[:30], text, text, b"", name=text)
            await store.ask(put(document))
            assert await store.ask(get(document)) == document
        # Of letters that do not repeat, for PostgreSQL's index would press them together.
        letters = "".join(map(chr, range(0x4E00, 0x4E00 + 682)))
        assert len(letters.encode()) == 2046
        longest = Document("k" * 32, letters[:85], letters, b"", name=letters)
        await store.ask(put(longest))
        assert await store.ask(ListDocuments(longest.kind, letters)) == (longest,)


async def test_bodies_are_bytes_up_to_a_limit(opening: Opening) -> None:
    async with opening() as store:
        largest = replace(BLUE, body=b"\0" * 1000)
        await store.ask(put(largest, document_bytes=1000))
        assert await store.ask(get(BLUE)) == largest
        larger = replace(BLUE, body=b"x" * 1001)
        for order in (put, swap):
            more = () if order is put else (largest.body,)
            with pytest.raises(Unstorable):
                await store.ask(order(larger, *more, document_bytes=1000))


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -float("inf")])
async def test_what_is_no_time_is_refused(opening: Opening, moment: float) -> None:
    async with opening() as store:
        for order in (put(replace(PASS, expires_at=moment)), PutDocument(PASS, AMPLE, moment)):
            with pytest.raises(Unstorable):
                await store.ask(order)


async def test_what_is_told_is_done_too(opening: Opening) -> None:
    async with opening() as store:
        store.ref.tell(put(SITE))
        store.ref.tell(put(BLUE))
        await store.ask(put(PASS))  # writes are done in the order they came
        assert await store.ask(get(BLUE)) == BLUE


def test_no_repr_shows_an_id_or_a_body() -> None:
    for message in (
        put(PASS), swap(PASS, b"secret"), get(PASS), TakeDocument("pass", PASS.id),
        DropDocument("pass", PASS.id), ListDocuments("pass", after=PASS.id), put(BLUE),
    ):  # fmt: skip
        assert PASS.id not in repr(message)
        assert "secret" not in repr(message)
