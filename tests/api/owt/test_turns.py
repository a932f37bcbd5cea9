"""Many change one thing at a time: each has its turn, the last wins, and nobody is turned away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from actors.core import Actor, Message
from actors.store.messages import ReplaceDocument
from actors.store.sql_store import SqlStore
from actors.store.upgrade import prepare
from actors.words.refusals import Busy
from api.owt.management.turns import Turns
from tests.fakes.memory_store import MemoryStore
from tests.support.owt import PATIENCE, SUPER, OwtServer, owt_server, owt_settings
from tests.support.owt_portal import guest
from tests.support.stores import fresh_place

MANY, AT_ONCE = 40, 20


@pytest.fixture(params=["memory", "sqlite"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OwtServer]:
    with fresh_place(request.param, tmp_path) as place:
        store: Callable[[], Actor[Message]] = MemoryStore
        if request.param == "sqlite":
            prepare(place)
            store = partial(SqlStore, place)
        async with owt_server(tmp_path, store=store) as found:
            yield found


async def answers(
    server: OwtServer, method: str, path: str, bodies: list[Any], service: str = ""
) -> list[httpx.Response]:
    """Send one request for each body, so many at a time; return the answers in that order."""
    manager = server.manager(service) if service else server.manager()
    limit, found = trio.CapacityLimiter(AT_ONCE), dict[int, httpx.Response]()

    async with (
        httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http,
        trio.open_nursery() as nursery,
    ):

        async def ask(number: int) -> None:
            async with limit:
                headers = {"Authorization": manager.header()}
                body = bodies[number]
                found[number] = await http.request(method, path, headers=headers, json=body)

        for number in range(len(bodies)):
            nursery.start_soon(ask, number)
    return [found[number] for number in range(len(bodies))]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_many_changes_of_one_room_are_all_made(server: OwtServer, method: str) -> None:
    room = (await server.manager().create_room())["_id"]
    bodies: list[Any] = [{"inputLimit": number} for number in range(MANY)]
    if method == "PATCH":
        bodies = [
            [{"op": "replace", "path": "/inputLimit", "value": number}] for number in range(MANY)
        ]
    found = await answers(server, method, f"/v1/rooms/{room}", bodies)
    assert [answer.status_code for answer in found] == [200] * MANY
    assert [answer.json()["inputLimit"] for answer in found] == list(range(MANY))
    left = (await server.manager().ask("GET", f"/v1/rooms/{room}")).json()
    assert left["inputLimit"] in range(MANY)


async def test_of_many_different_changes_none_is_lost(server: OwtServer) -> None:
    room = (await server.manager().create_room(roles=[]))["_id"]
    bodies = [
        [{"op": "add", "path": "/roles/-", "value": {"role": f"role{number}"}}]
        for number in range(MANY)
    ]
    found = await answers(server, "PATCH", f"/v1/rooms/{room}", bodies)
    assert {answer.status_code for answer in found} == {200}
    left = (await server.manager().ask("GET", f"/v1/rooms/{room}")).json()
    assert {role["role"] for role in left["roles"]} == {f"role{number}" for number in range(MANY)}


@pytest.mark.slow
async def test_others_that_are_made_or_changed_by_many_at_once(server: OwtServer) -> None:
    """The siblings: tokens, services, rooms, what a participant may do, what a stream does."""
    room = (await server.manager().create_room())["_id"]
    paths = f"/v1/rooms/{room}"
    async with guest(server, room) as ann:
        replace = {"op": "replace", "path": "/permission/publish/audio"}
        for method, path, bodies, service in (
            ("POST", f"{paths}/tokens", [{"user": "ann", "role": "presenter"}] * MANY, ""),
            ("POST", "/v1/rooms", [{"name": "many"}] * MANY, ""),
            ("POST", "/services", [{"name": f"s{n}", "key": "k"} for n in range(MANY)], SUPER),
            (
                "PATCH",
                f"{paths}/participants/{ann.id}",
                [[replace | {"value": bool(number % 2)}] for number in range(MANY)],
                "",
            ),
        ):
            found = await answers(server, method, path, bodies, service)
            assert {answer.status_code for answer in found} == {200}, path


# --- turns by themselves


async def test_turns_are_in_order_of_coming(autojump_clock: MockClock) -> None:
    turns, order = Turns(), list[tuple[int, bool]]()

    async def change(number: int) -> None:
        await trio.sleep(number / 1000)
        async with turns.of("room", 100, 60.0) as waited:
            await trio.sleep(1)
            order.append((number, waited))

    async with trio.open_nursery() as nursery:
        for number in range(MANY):
            nursery.start_soon(change, number)
    assert order == [(number, number > 0) for number in range(MANY)]
    assert len(turns) == 0


async def test_waiting_is_bounded_in_number_and_time(autojump_clock: MockClock) -> None:
    turns = Turns()
    refused: list[float] = []

    async def change(key: str, most: int, seconds: float) -> None:
        try:
            async with turns.of(key, most, seconds):
                await trio.sleep(10)
        except Busy:
            refused.append(trio.current_time() - began)

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for key in ("one", "two"):
            nursery.start_soon(change, key, 2, 5.0)
        await trio.sleep(1)
        nursery.start_soon(change, "one", 2, 5.0)  # in vain, until 6
        nursery.start_soon(change, "two", 2, 20.0)
        await trio.sleep(1)
        nursery.start_soon(change, "one", 2, 5.0)  # one too many, at once
    assert refused == [2.0, 6.0]
    assert len(turns) == 0


async def test_who_fails_or_gives_up_holds_nobody_up(autojump_clock: MockClock) -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="no room"):
        async with turns.of("room", 1, 1.0):
            raise ValueError("no room")
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as gone:
            async with turns.of("room", 1, 1.0):
                nursery.start_soon(_take, turns)
                await trio.testing.wait_all_tasks_blocked()
                gone.cancel()
                await trio.sleep_forever()
    assert len(turns) == 0


async def _take(turns: Turns) -> None:
    async with turns.of("room", 1, 1.0) as waited:
        assert waited


async def test_too_many_at_once_are_told_that_the_server_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, real = trio.Event(), MemoryStore.handle

    async def handle(self: MemoryStore, message: Message) -> object:
        if isinstance(message, ReplaceDocument):
            await going_on.wait()
        return await real(self, message)

    settings = owt_settings(store={"waiting": 3})
    async with owt_server(tmp_path, settings=settings) as server:
        room = (await server.manager().create_room())["_id"]
        monkeypatch.setattr(MemoryStore, "handle", handle)
        statuses: list[int] = []

        async def change() -> None:
            answer = await server.manager().ask("PUT", f"/v1/rooms/{room}", {"inputLimit": 1})
            statuses.append(answer.status_code)
            if answer.status_code == 503:
                going_on.set()

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(change)
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 4
