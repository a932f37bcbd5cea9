"""Rooms of a real server and its database: killed while it writes, and cut off from it."""

from __future__ import annotations

import gc
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from sqlalchemy import make_url

from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.actors.store.test_store_trouble import locked_by_another
from tests.support.owt import KEYS, SAMPLE, SUPER, Manager
from tests.support.owt_media import calling
from tests.support.owt_portal import AGENT, Elsewhere, connection, guest, token
from tests.support.process import RunningProcess, launched
from tests.support.stores import fresh_postgresql, postgresql
from tests.support.tcp_proxy import Proxy, proxy_to

__all__ = ["postgresql"]

CONFIG = (
    f'owt = {{ sample_service_id = "{SAMPLE}", sample_service_key = "{KEYS[SAMPLE]}",'
    f' super_service_id = "{SUPER}", super_service_key = "{KEYS[SUPER]}" }}\n'
    'listeners = [{ bind = "127.0.0.1:0", dialects = ["owt", "operator"] }]\n'
    'ice = { listen_ips = ["127.0.0.1"] }\n'
)
ANSWER_SECONDS = 2.0  # that a database has to answer
PROMPT_SECONDS = 6.0  # by then a client has its answer, on a busy machine too
AWAY_SECONDS = 5.0
RECOVERY_SECONDS = 15.0
UNAVAILABLE = (500, 1401)
STORE = f"answer_seconds = {ANSWER_SECONDS}\n"

# What a cut or cancelled request leaves behind in httpx.
CUT_OFF = "ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"

LEISURELY = "answer_seconds = 60.0\n[limits]\nask_seconds = 60.0\n"


def config(url: str = "", store: str = STORE) -> str:
    return f'{CONFIG}[store]\nurl = "{url}"\n{store}' if url else f"{CONFIG}[store]\n{store}"


@dataclass
class Writers:
    """Applications that make rooms and services, and note what they were answered."""

    url: str
    name: str = "app"
    rooms: dict[str, str] = field(default_factory=dict)  # names by id, once acknowledged
    services: dict[str, str] = field(default_factory=dict)  # keys by id
    refused: list[tuple[int, int]] = field(default_factory=list)
    slowest: float = 0.0
    troubles: list[dict[str, Any]] = field(default_factory=list)  # the server's with its store

    async def make_rooms(self, writer: int) -> None:
        for number in range(100_000):
            name = f"{writer} {number}"
            made = await self._ask(Manager(self.url), "/v1/rooms", {"name": name, "options": {}})
            if made is not None:
                self.rooms[made["_id"]] = name

    async def make_services(self) -> None:
        manager = Manager(self.url, SUPER, KEYS[SUPER])
        for number in range(100_000):
            body = {"name": f"{self.name} {number}", "key": f"key {number}"}
            made = await self._ask(manager, "/services", body)
            if made is not None:
                self.services[made["_id"]] = body["key"]

    async def _ask(self, manager: Manager, path: str, body: dict[str, Any]) -> Any:
        began = trio.current_time()
        try:
            answer = await manager.ask("POST", path, body)
        except httpx.TransportError:  # the server is being killed
            await trio.sleep(0.02)
            return None
        self.slowest = max(self.slowest, trio.current_time() - began)
        if answer.status_code == 200:
            return answer.json()
        self.refused.append((answer.status_code, answer.json()["error"]["code"]))
        await trio.sleep(0.05)
        return None

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Write while the block runs."""
        async with trio.open_nursery() as nursery:
            for writer in range(3):
                nursery.start_soon(self.make_rooms, writer)
            nursery.start_soon(self.make_services)
            yield
            nursery.cancel_scope.cancel()
        gc.collect()  # what was cut off, while its warnings are let pass

    async def until(self, rooms: int, within: float = RECOVERY_SECONDS) -> None:
        with trio.fail_after(within):
            while len(self.rooms) < rooms or not self.services:
                await trio.sleep(0.02)

    async def assert_kept(self, url: str) -> None:
        """All that was acknowledged is there, and services can sign with their keys."""
        listed = (await Manager(url).ask("GET", "/v1/rooms")).json()
        assert self.rooms.items() <= {each["_id"]: each["name"] for each in listed}.items()
        for service, key in self.services.items():
            answer = await Manager(url, service, key).ask("GET", "/v1/rooms")
            assert (answer.status_code, answer.json()) == (200, []), service


@asynccontextmanager
async def away(folder: Path, kind: str, store: str = STORE) -> AsyncIterator[tuple[str, Any]]:
    """Return a configuration, and what makes its database go away for a block."""
    if kind == "sqlite":
        file = folder / "data" / "quintet.sqlite"
        yield config("", store), lambda: locked_by_another(file, "EXCLUSIVE")
        return
    with fresh_postgresql() as direct:
        url = make_url(direct)
        async with proxy_to(url.host or "127.0.0.1", url.port or 5432) as proxy:
            behind = url.set(host="127.0.0.1", port=proxy.port)
            chosen = config(behind.render_as_string(hide_password=False), store)
            yield chosen, lambda: gone(proxy)


@asynccontextmanager
async def gone(proxy: Proxy) -> AsyncIterator[None]:
    proxy.down()
    yield
    await proxy.up()


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


@pytest.mark.slow
@pytest.mark.filterwarnings(CUT_OFF)
@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_kill_loses_no_room_that_was_acknowledged(tmp_path: Path, kind: str) -> None:
    """Nothing is refused for being slow: how fast a busy machine writes is not asked here."""
    async with away(tmp_path, kind, LEISURELY) as (chosen, _):
        kept: list[Writers] = []
        for round_ in range(2):
            async with launched(tmp_path, chosen) as process:
                writers = Writers(process.url, f"app {round_}")
                async with writers.busy():
                    await writers.until(40 + 25 * round_, within=120.0)
                    process.send(signal.SIGKILL)
                    await process.end()
                writers.troubles = [line for line in process.log if "store." in line["event"]]
                kept.append(writers)
        async with launched(tmp_path, chosen) as process:
            for writers in kept:
                await writers.assert_kept(process.url)
                assert writers.refused == [], writers.troubles


@pytest.mark.slow
@pytest.mark.filterwarnings(CUT_OFF)
@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_five_seconds_without_the_database(
    tmp_path: Path, loop: MediaLoop, kind: str
) -> None:
    async with away(tmp_path, kind) as (chosen, without), launched(tmp_path, chosen) as process:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room) as one, guest(server, room) as two:
            async with calling(one, loop) as ann, calling(two, loop) as bob:
                stream = await ann.publish()
                taken = await bob.subscribe(stream, stream)
                unused = [await token(server, room) for _ in range(2)]
                writers = Writers(process.url)
                async with writers.busy():
                    await writers.until(5)
                    async with without():
                        ends = trio.current_time() + AWAY_SECONDS
                        await refused_meanwhile(server, room, unused[0])
                        while trio.current_time() < ends:  # those who are in notice nothing
                            await bob.frames(taken)
                            await one.ok("text", {"to": "all", "message": "still here"})
                            await two.told("text", message="still here")
                        await two.ok("unsubscribe", {"id": await bob.subscribe(stream, stream)})
                        before = len(writers.rooms)
                    await writers.until(before + 5)
                await bob.frames(taken)
        await works_again(process, server, room, unused[1])
        await writers.assert_kept(process.url)
        assert writers.slowest < PROMPT_SECONDS
        assert set(writers.refused) == {UNAVAILABLE}
        assert len(writers.refused) > 5


async def refused_meanwhile(server: Elsewhere, room: str, unused: str) -> None:
    manager = server.manager()
    for method, path, body in [
        ("POST", "/v1/rooms", {"name": "r", "options": {}}),
        ("POST", f"/v1/rooms/{room}/tokens", {"user": "u", "role": "presenter"}),
        ("PATCH", f"/v1/rooms/{room}", [{"op": "replace", "path": "/name", "value": "x"}]),
        ("DELETE", f"/v1/rooms/{room}", None),
    ]:
        began = trio.current_time()
        answer = await manager.ask(method, path, body)
        assert trio.current_time() - began < PROMPT_SECONDS
        found = (answer.status_code, answer.json()["error"]["code"])
        assert found == UNAVAILABLE, (method, path, answer.text)
    async with connection(server) as late:
        began = trio.current_time()
        request = {"token": unused, "userAgent": AGENT, "protocol": "1.1"}
        assert await late.refused("login", request) == "Joining room failed"
        assert trio.current_time() - began < PROMPT_SECONDS
        assert await late.client.gone() == "disconnect"


async def works_again(process: RunningProcess, server: Elsewhere, room: str, unused: str) -> None:
    async with connection(server) as late:
        await late.login(unused)
    answer = await server.manager().ask("GET", f"/v1/rooms/{room}")
    assert answer.status_code == 200
    events = [line["event"] for line in process.log]
    assert "store.unavailable" in events
    assert "store.available" in events
    assert [event for event in events if "crashed" in event] == []
