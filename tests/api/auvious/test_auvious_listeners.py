"""What two listeners of one server have in common: who listens, who waits, and who is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event, get_ident
from typing import Any

import httpx
import pytest
import trio

from api.auvious import routes
from api.auvious.wire import parse_sending
from tests.support import mqtt
from tests.support.auvious import EVENT, Caller
from tests.support.auvious_events import EventServer, event_server
from tests.support.serving import CARRIERS


@pytest.fixture(params=CARRIERS)
async def server(request, tmp_path):  # type: ignore[no-untyped-def]
    async with event_server(tmp_path, request.param) as found:
        yield found


@pytest.fixture
async def other(server: EventServer) -> AsyncIterator[EventServer]:
    async with server.other_listener() as found:
        yield found


@pytest.mark.parametrize(("version", "told"), [(4, []), (5, [mqtt.Said(14, (0x8E,))])])
async def test_a_client_that_comes_back_by_another_listener_displaces_its_former_session(
    server: EventServer, other: EventServer, version: int, told: list[mqtt.Said]
) -> None:
    await server.register()
    options = {"client_id": "CocoaMQTT-1", "version": version}
    async with server.listening(**options) as former:
        await server.offer(b"1")
        assert (await former.event()).payload == b"1"
        async with other.listening(**options) as client:
            assert await former.end() == (1000, told)
            assert (await server.described()).subscribers == 1
            await server.offer(b"2")
            assert (await client.event()).payload == b"2"
            assert await client.silent()
            async with server.listening(**options) as again:  # and back by the first one
                assert await client.end() == (1000, told)
                await server.offer(b"3")
                assert (await again.event()).payload == b"3"
    assert not server.house.claims


async def test_a_drain_ends_the_sessions_of_all_listeners(
    server: EventServer, other: EventServer
) -> None:
    async with server.client() as one, other.client() as two:
        for client in (one, two):
            await client.connect("alice", server.token(), version=5)
        await server.services.lifecycle.drain(0, 30)
        for client in (one, two):
            assert await client.end() == (1001, [mqtt.Said(mqtt.DISCONNECT, (0x8B,))])


async def test_the_subscribers_of_an_endpoint_are_counted_over_all_listeners(
    tmp_path: Path,
) -> None:
    async with event_server(tmp_path, subscribers_per_endpoint=1) as server:
        async with server.other_listener() as other, server.user("ann") as ann:
            await ann.register("e")
            async with server.client() as one, other.client() as two:
                for client, code in ((one, 1), (two, 0x80)):
                    await client.connect("ann", ann.token, client_id=f"of {code}")
                    assert await client.subscribe("users/endpoints/e") == (code,)


async def test_one_request_with_masks_is_read_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads of them would halve what is left for everybody else."""
    reading, most, go_on = set[int](), list[int](), Event()

    def slowly(body: bytes, **more: Any) -> Any:
        reading.add(get_ident())
        most.append(len(reading))
        go_on.wait(60)
        reading.discard(get_ident())
        return parse_sending(body, **more)

    monkeypatch.setattr(routes, "parse_sending", slowly)
    async with event_server(tmp_path) as server, server.other_listener() as other:
        async with server.service() as one, httpx.AsyncClient(base_url=other.url) as http:
            two, reading_of = Caller(http, one.token), server.house.reading
            async with trio.open_nursery() as nursery:
                for caller in (one, two):
                    nursery.start_soon(send_masked, caller)
                with trio.fail_after(30):
                    while not (most and reading_of.waiting):
                        await trio.sleep(0.01)
                go_on.set()
    assert most == [1, 1]


async def send_masked(caller: Caller) -> None:
    body = {"userId": "bob", "event": EVENT, "organizationId": "acme", "masks": ["$.type"]}
    assert (await caller.post("/sendEvent", body)).status_code == 200
