"""Readers of the live log: one who follows it, and more at once than it has places for."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from api.logs.recent import MOST_READERS
from tests.support.five_dialects import BEARER, CONFIG, PATIENCE, TOKEN, everybody
from tests.support.server_process import ServerProcess

MANY = 50
ROUNDS = 8


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, config=CONFIG) as process:
        yield process


def request(method: str = "GET") -> bytes:
    authorization = f"Authorization: {BEARER['Authorization']}"
    return f"{method} /-/log/live HTTP/1.1\r\nHost: test\r\n{authorization}\r\n\r\n".encode()


async def answer(stream: trio.SocketStream, *, whole: bool = True) -> tuple[int, bytes]:
    """Return status and body: the beginning of an endless one, or else all of it."""
    text = b""
    with trio.fail_after(PATIENCE):
        while b"\r\n\r\n" not in text or (whole and not text.endswith((b"\n\n\r\n", b"}"))):
            more = await stream.receive_some(65_536)
            assert more, f"the server has closed after {text!r}"
            text += more
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def test_of_fifty_at_once_as_many_as_may_read_and_others_are_told_why(
    server: ServerProcess,
) -> None:
    for number in range(ROUNDS):
        streams = [await trio.open_tcp_stream("127.0.0.1", server.port) for _ in range(MANY)]
        answers: list[tuple[int, bytes]] = []

        async def read(stream: trio.SocketStream, told: list[tuple[int, bytes]] = answers) -> None:
            await stream.send_all(request())
            told.append(await answer(stream))

        async with trio.open_nursery() as nursery:
            for stream in streams:
                nursery.start_soon(read, stream)
        begun = [body for status, body in answers if status == 200]
        refused = [json.loads(body) for status, body in answers if status == 503]
        assert len(begun) + len(refused) == MANY
        assert all(b": still here" in body for body in begun)
        assert {each["code"] for each in refused} == {"too_many_readers"}
        # in later rounds, places of the round before may not be free yet
        assert number or len(begun) == MOST_READERS
        assert len(begun) <= MOST_READERS
        for stream in streams:
            await stream.aclose()


async def test_who_asks_for_the_head_alone_keeps_no_place(server: ServerProcess) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
        for _ in range(2 * MOST_READERS):  # one after the other, on one connection
            await stream.send_all(request("HEAD"))
            assert await answer(stream, whole=False) == (200, b"")


@dataclass
class LiveLog:
    """A reader of the live log who reads when he is asked to, and no sooner."""

    stream: trio.SocketStream
    unread: bytes = b""

    async def line(self, begin: bytes) -> bytes:
        """Return the next line that begins like this."""
        with trio.fail_after(PATIENCE):
            while True:
                line, end, rest = self.unread.partition(b"\n")
                if not end:
                    more = await self.stream.receive_some(65_536)
                    assert more, "the log has ended"
                    self.unread += more
                    continue
                self.unread = rest
                if line.startswith(begin):
                    return line.removeprefix(begin).strip()

    async def entry(self) -> dict[str, Any]:
        """Return the next entry."""
        found: dict[str, Any] = json.loads(await self.line(b"data: "))
        return found


@asynccontextmanager
async def live_log(server: ServerProcess, query: str) -> AsyncIterator[LiveLog]:
    """Read on, from the first byte of the stream."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        head = f"GET /-/log/live?{query} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}"
        await stream.send_all(f"{head}\r\n\r\n".encode())
        live = LiveLog(stream)
        assert (await live.line(b"content-type: ")).startswith(b"text/event-stream")
        await live.line(b": ")  # a comment: it is open, though nothing is logged
        yield live


async def test_the_live_log_tells_at_once_what_is_wanted(server: ServerProcess) -> None:
    async with live_log(server, "event=room.*&room=log+room") as live:
        async with everybody(server, "Log Room"):
            entry = await live.entry()
        assert (entry["event"], entry["room"]) == ("room.created", "Room:log room")
        assert entry["dialect"] == "spreed"


async def test_a_reader_of_the_live_log_may_take_his_time(server: ServerProcess) -> None:
    async with live_log(server, "event=request.answered") as live:
        async with httpx.AsyncClient(base_url=server.url, headers=BEARER) as http:
            for _ in range(100):
                assert (await http.get("/api/v1/config")).status_code == 200
            assert (await http.get("/-/summary")).status_code == 200
        routes = {(await live.entry())["route"] for _ in range(100)}
    assert routes == {"/api/v1/config"}


async def test_the_live_log_ends_with_the_server_which_waits_for_no_reader(
    server: ServerProcess,
) -> None:
    async with live_log(server, "event=server.*") as live:
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert (await live.entry())["event"] == "server.stopping"
        with trio.fail_after(PATIENCE):
            while await live.stream.receive_some():
                pass
        assert await trio.to_thread.run_sync(server.wait) == 0
        assert time.monotonic() - began < 15
