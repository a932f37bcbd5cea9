"""All rooms of a service: sent piece by piece, two answers at a time, whole or seen not to be."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trio

from actors.core import Message
from actors.store.messages import ListDocuments
from actors.words.refusals import StoreUnavailable
from api.owt.management import room_list
from api.owt.stored import StoredRoom, fitting
from tests.fakes.memory_store import MemoryDocuments
from tests.support.owt import PATIENCE, SAMPLE, SUPER, OwtServer, owt_server, owt_settings

ROOMS = 150


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    settings = owt_settings(limits={"ask_seconds": 2})
    async with owt_server(tmp_path, settings=settings) as server:
        for number in range(ROOMS):
            await server.manager().create_room(f"room {number}")
        yield server


async def test_all_rooms_are_answered_in_order_with_no_more_than_64_read_at_a_time(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int | None] = []
    real = MemoryDocuments.do

    def do(documents: MemoryDocuments, message: Message) -> object:
        if isinstance(message, ListDocuments):
            read.append(message.limit)
        return real(documents, message)

    monkeypatch.setattr(MemoryDocuments, "do", do)
    answer = await server.manager().ask("GET", "/v1/rooms")
    assert [room["name"] for room in answer.json()] == [f"room {n}" for n in range(ROOMS)]
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert read == [8, 64, 64, 64]
    pages = [
        (await server.manager().ask("GET", f"/v1/rooms?page={page}&per_page=100")).json()
        for page in (1, 2)
    ]
    assert pages[0] + pages[1] == answer.json()


async def test_few_rooms_are_one_plain_answer(tmp_path: Path) -> None:
    async with owt_server(tmp_path) as server:
        assert (await server.manager().ask("GET", "/v1/rooms")).content == b"[]"
        for number in range(7):
            await server.manager().create_room(f"{number}")
        answer = await server.manager().ask("GET", "/v1/rooms")
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert len(answer.json()) == 7


@pytest.mark.parametrize(
    ("size", "number"), [(100, 64), (40_000, 52), (1_000_000, 2), (5_000_000, 1)]
)
def test_a_piece_has_fewer_rooms_the_larger_they_are(size: int, number: int) -> None:
    rooms = tuple(StoredRoom("a" * 24, SAMPLE, b"x" * size) for _ in range(8))
    assert fitting(rooms) == number


async def test_an_answer_that_cannot_go_on_is_seen_not_to_be_whole(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MemoryDocuments.do

    def do(documents: MemoryDocuments, message: Message) -> object:
        if isinstance(message, ListDocuments) and message.after is not None:
            raise StoreUnavailable
        return real(documents, message)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryDocuments, "do", do)
        for _ in range(3):
            with pytest.raises(httpx.RemoteProtocolError):
                await server.manager().ask("GET", "/v1/rooms")
    assert len((await server.manager().ask("GET", "/v1/rooms")).json()) == ROOMS


async def test_two_answers_at_a_time_for_a_service_and_who_leaves_makes_room(
    server: OwtServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, held = trio.Event(), 0
    real = room_list.RoomDocuments.next

    async def slow(rooms: room_list.RoomDocuments) -> bytes:
        nonlocal held
        piece = await real(rooms)
        if rooms._service == SAMPLE and not going_on.is_set():
            held += 1
            await going_on.wait()
        return piece

    monkeypatch.setattr(room_list.RoomDocuments, "next", slow)
    manager, scope = server.manager(), trio.CancelScope()

    async def leave() -> None:
        with scope:
            await manager.ask("GET", "/v1/rooms?leaves")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        nursery.start_soon(manager.ask, "GET", "/v1/rooms")
        with trio.fail_after(PATIENCE):
            while held < 2:
                await trio.sleep(0.01)
        other = await server.manager(SUPER).ask("GET", "/v1/rooms")
        assert other.json() == []
        third = await manager.ask("GET", "/v1/rooms")
        assert (third.status_code, third.json()["error"]["code"]) == (503, 2001)
        scope.cancel()
        going_on.set()
    with trio.fail_after(PATIENCE):
        assert len(json.loads((await manager.ask("GET", "/v1/rooms")).content)) == ROOMS
