"""A real process that keeps direct messages, killed while it does: what was read once is there."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from tests.support.process import RunningProcess, launched
from tests.support.spreed import connect
from tests.support.stores import DATABASES, fresh_postgresql, need_postgresql

KEY = "the key of the back office"
CONFIG = f"""listeners = [{{ bind = "127.0.0.1:0", dialects = ["barertc", "operator"] }}]
[barertc]
admin_api_key = "{KEY}"
messages_per_second = 0
jwt.enabled = true
history.enabled = true
"""
PATIENCE = 30.0
ROUNDS = 3
READ_BEFORE_KILL = 60  # messages that history has shown by then


@contextmanager
def configured(kind: str) -> Iterator[str]:
    with ExitStack() as stack:
        url = stack.enter_context(fresh_postgresql()) if kind == "postgresql" else ""
        yield f'{CONFIG}[store]\nurl = "{url}"\n'


async def call(http: httpx.AsyncClient, path: str, **body: object) -> Any:
    answer = await http.post(f"/api/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def token(http: httpx.AsyncClient, name: str) -> str:
    return str((await call(http, "authenticate", APIKey=KEY, Claims={"sub": name}))["JWT"])


@asynccontextmanager
async def logged_in(
    server: RunningProcess, http: httpx.AsyncClient, name: str
) -> AsyncIterator[WebSocketConnection]:
    url = f"{server.url.replace('http', 'ws')}/ws"
    async with connect(url) as socket:
        login = {"action": "login", "username": name, "jwt": await token(http, name)}
        await socket.send_message(json.dumps(login))
        with trio.fail_after(PATIENCE):
            while json.loads(await socket.get_message())["action"] != "me":
                pass
        yield socket


async def read_all(http: httpx.AsyncClient, jwt: str, other: str) -> dict[int, str]:
    """Return all messages of a conversation, page by page."""
    found: dict[int, str] = {}
    before = 0
    while True:
        page = await call(http, "message/history", JWTToken=jwt, Username=other, BeforeID=before)
        found |= {each["msgID"]: each["message"] for each in page["Messages"]}
        if not page["Remaining"]:
            return found
        before = min(found)


async def chat_until_killed(server: RunningProcess, kept: dict[int, str]) -> None:
    """Write without a pause while another reads the history, and kill the server in the midst."""
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http:
        try:
            async with (
                logged_in(server, http, "ann") as ann,
                logged_in(server, http, "bob") as bob,
                trio.open_nursery() as nursery,
            ):

                async def write() -> None:
                    number = 0
                    while True:
                        text = {"action": "message", "channel": "@bob", "message": f"no {number}"}
                        await ann.send_message(json.dumps(text))
                        number += 1
                        while json.loads(await ann.get_message())["action"] != "message":
                            pass

                async def listen() -> None:
                    while True:
                        await bob.get_message()

                nursery.start_soon(write)
                nursery.start_soon(listen)
                jwt = await token(http, "bob")
                wanted = len(kept) + READ_BEFORE_KILL
                with trio.fail_after(PATIENCE):
                    while len(kept) < wanted:
                        kept |= await read_all(http, jwt, "ann")
                server.send(signal.SIGKILL)
        except* ConnectionClosed:
            pass
    await server.end()


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_kill_loses_no_message_that_was_stored(tmp_path: Path, kind: str) -> None:
    if kind == "postgresql":
        need_postgresql()
    kept: dict[int, str] = {}
    with configured(kind) as config:
        for _ in range(ROUNDS):
            async with launched(tmp_path, config) as server:
                await chat_until_killed(server, kept)
        async with (
            launched(tmp_path, config) as server,
            httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http,
            logged_in(server, http, "ann"),
        ):
            found = await read_all(http, await token(http, "ann"), "bob")
            erased = await call(http, "message/clear", APIKey=KEY, Username="ann")
            assert erased["MessagesErased"] == len(found)
            server.send(signal.SIGTERM)
            await server.end()
    assert kept.items() <= found.items()
    assert len(kept) >= ROUNDS * READ_BEFORE_KILL


async def test_an_ordinary_end_writes_what_waits(tmp_path: Path) -> None:
    with configured("sqlite") as config:
        async with launched(tmp_path, config) as server:
            async with (
                httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http,
                logged_in(server, http, "ann") as ann,
                logged_in(server, http, "bob") as bob,
            ):
                for number in range(100):
                    text = {"action": "message", "channel": "@bob", "message": f"no {number}"}
                    await ann.send_message(json.dumps(text))
                with trio.fail_after(PATIENCE):
                    while json.loads(await bob.get_message()).get("message") != "<p>no 99</p>":
                        pass
                server.send(signal.SIGTERM)
                code, _ = await server.end()
        assert code == 0
        async with (
            launched(tmp_path, config) as server,
            httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http,
            logged_in(server, http, "ann"),
        ):
            found = await read_all(http, await token(http, "ann"), "bob")
            assert list(found.values()) == [f"<p>no {number}</p>" for number in range(99, -1, -1)]
            server.send(signal.SIGTERM)
            await server.end()
