"""The end that the web API orders: of a real process, with its exit code, or of the chat alone."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from tests.support.process import RunningProcess, launched
from tests.support.spreed import connect

ALONE = 'listeners = [{ bind = "127.0.0.1:0", dialects = ["barertc", "operator"] }]\n'
TWO = """listeners = [
    { bind = "127.0.0.1:0", dialects = ["barertc"] },
    { bind = "127.0.0.1:0", dialects = ["barertc", "spreed"], root = "spreed" },
]
"""
KEY = '[barertc]\nadmin_api_key = "key"\n'
GRACE = 20.0
TRIES = 3  # of what has to be done within two seconds: a machine may stand still for them
PATIENCE = 60.0
STOPPING = "server.stopping"


async def post(server: RunningProcess, path: str, url: str = "") -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        return await http.post(f"{url or server.url}{path}", json={"APIKey": "key"})


async def test_the_process_answers_waits_two_seconds_and_exits_with_1(tmp_path: Path) -> None:
    async with launched(tmp_path, ALONE + KEY, server=f"shutdown_grace = {GRACE}") as server:
        started = time.monotonic()
        responses: list[httpx.Response] = []

        async def ask() -> None:
            responses.append(await post(server, "/api/shutdown"))

        async with trio.open_nursery() as nursery:
            for _ in range(2):  # once more is no harm
                nursery.start_soon(ask)
        for response in responses:
            assert (response.status_code, response.json()) == (200, {"OK": True})
        code, _ = await server.end()
        taken = time.monotonic() - started
    assert code == 1
    assert 2 <= taken < 2 + GRACE + 10  # with the end of the interpreter
    events = [line["event"] for line in server.log]
    assert events[-2:] == [STOPPING, "server.stopped"]
    answered = min(times(server, "request.answered"))
    assert stopping(server) - answered > timedelta(seconds=1.9)
    assert server.stopped_within() < GRACE


def times(server: RunningProcess, event: str) -> list[datetime]:
    """Return when that was logged."""
    found = [line["time"] for line in server.log if line["event"] == event]
    return [datetime.fromisoformat(each) for each in found]


def stopping(server: RunningProcess) -> datetime:
    """Return when it began to stop, by its log."""
    [found] = times(server, STOPPING)
    return found


@asynccontextmanager
async def person(url: str, name: str, path: str = "/ws") -> AsyncIterator[WebSocketConnection]:
    """Log somebody in."""
    async with connect(f"{url.replace('http', 'ws')}{path}") as socket:
        await socket.send_message(json.dumps({"action": "login", "username": name}))
        assert (await said(socket, "me"))["username"] == name
        yield socket


async def said(socket: WebSocketConnection, action: str, text: str = "") -> dict[str, Any]:
    """Return the next message of that kind that has a text in it."""
    with trio.fail_after(PATIENCE):
        while True:
            message: dict[str, Any] = json.loads(await socket.get_message())
            if message["action"] == action and text in message.get("message", ""):
                return message


async def closed(socket: WebSocketConnection) -> int:
    with trio.fail_after(PATIENCE):
        while True:
            try:
                await socket.get_message()
            except ConnectionClosed as end:
                return end.reason.code if end.reason is not None else 0


async def test_people_are_told_before_the_process_ends(tmp_path: Path) -> None:
    for _ in range(TRIES):
        if await told_in_time(tmp_path):
            return
    raise AssertionError("they were told too late, each time")


async def told_in_time(tmp_path: Path) -> bool:
    async with (
        launched(tmp_path, ALONE + KEY, server=f"shutdown_grace = {GRACE}") as server,
        person(server.url, "ann") as ann,
        person(server.url, "bob") as bob,
    ):
        await post(server, "/api/shutdown")
        for each in (ann, bob):
            await said(each, "error", "reboot NOW!")
        told = datetime.now(UTC)
        assert [await closed(each) for each in (ann, bob)] == [1001, 1001]
        code, _ = await server.end()
    assert code == 1
    assert server.stopped_within() < GRACE
    return told < stopping(server)


async def test_the_chat_of_all_listeners_ends_and_calls_beside_it_go_on(tmp_path: Path) -> None:
    async with launched(tmp_path, TWO + KEY) as server:
        one, two = server.urls
        async with (
            person(one, "ann") as ann,
            person(two, "bob", "/barertc/ws") as bob,
            connect(f"{two.replace('http', 'ws')}/ws") as call,
        ):
            assert json.loads(await call.get_message())["Data"]["Type"] == "Self"
            await post(server, "/barertc/api/shutdown", two)
            for each in (ann, bob):
                await said(each, "error", "reboot NOW!")
                assert await closed(each) == 1001
            async with person(one, "ann") as again:
                await said(again, "who")
            await call.send_message('{"Type": "Alive", "Alive": 1, "Iid": "1"}')
            assert json.loads(await call.get_message())["Iid"] == "1"
        server.send(signal.SIGTERM)
        code, _ = await server.end()
    assert code == 0


async def test_a_signal_while_it_waits_ends_it_at_once(tmp_path: Path) -> None:
    for _ in range(TRIES):
        async with launched(tmp_path, ALONE + KEY) as server:
            await post(server, "/api/shutdown")
            server.send(signal.SIGTERM)
            code, _ = await server.end()
        assert code == 1  # as was asked for
        assert server.stopped_within() < GRACE
        [line] = [line for line in server.log if line["event"] == STOPPING]
        if line.get("signal") == "SIGTERM":
            break
    assert line.get("signal") == "SIGTERM"


async def test_beside_other_dialects_the_chat_ends_alone(tmp_path: Path) -> None:
    async with launched(tmp_path, TWO + KEY) as server:
        _, other = server.urls
        for url, path in ((server.url, "/api/shutdown"), (other, "/barertc/api/shutdown")):
            assert (await post(server, path, url)).json() == {"OK": True}
        await trio.sleep(2.5)
        assert server.process.returncode is None
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            assert (await http.get(f"{other}/api/v1/config")).status_code == 200
            assert (await http.get(f"{server.url}/api/statistics")).json()["UserCount"] == 0
        server.send(signal.SIGTERM)
        code, _ = await server.end()
    assert code == 0


async def test_a_reload_changes_the_key_and_the_page(tmp_path: Path) -> None:
    async with launched(tmp_path, ALONE + KEY) as server:
        file = tmp_path / "config.toml"
        file.write_text(file.read_text().replace('"key"', '"other"\ntitle = "New"'))
        server.send(signal.SIGHUP)
        await server.wait_for("config.reloaded")
        assert (await post(server, "/api/blocklist")).status_code == 401
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            page = (await http.get(f"{server.url}/")).text
        assert '"Title": "New"' in page
        assert "key" not in json.dumps(server.log).replace("api_key", "")
        server.send(signal.SIGTERM)
        await server.end()
