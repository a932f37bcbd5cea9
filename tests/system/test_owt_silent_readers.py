"""Clients of OWT's portal that never read what they are sent, against the real process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.support.owt_portal import AGENT, CONFIG, Elsewhere, Guest, Place, guest, token
from tests.support.process import RunningProcess, launched
from tests.support.raw import TEXT, RawClient, connected, frame, upgrade_request
from tests.support.socketio import Polling

OUTBOX_BYTES = 1_000_000
QUEUED_BYTES = 500_000
LIMITED = CONFIG.replace(
    "owt = { ",
    f"owt = {{ outbox_bytes = {OUTBOX_BYTES}, queued_bytes = {QUEUED_BYTES},"
    " messages_per_second = 0, ping_seconds = 4, ping_timeout_seconds = 12, ",
)
TEXT_BYTES = 20_000
TEXTS = 1500
SILENT = 5  # of each kind
PATIENCE = 60.0
MEGABYTE = 1_000_000
GROWTH_BYTES = 40 * MEGABYTE  # of the 300 that are said to the silent ones


def resident(process: RunningProcess) -> int:
    """Return the bytes of memory that the server has."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def ends(process: RunningProcess) -> list[str]:
    return [line["reason"] for line in process.log if line["event"] == "peer.ended"]


@asynccontextmanager
async def deaf_websocket(process: RunningProcess, room: str) -> AsyncIterator[RawClient]:
    """Log in over a websocket, and read nothing after the answer to the upgrade."""
    login = {
        "token": await token(Elsewhere(process.url), room),
        "userAgent": AGENT,
        "protocol": "1.1",
    }
    async with connected(process) as client:  # type: ignore[arg-type]
        await client.send(upgrade_request("/socket.io/?EIO=3&transport=websocket"))
        assert " 101 " in await client.read_head()
        await client.send(frame(TEXT, f"420{json.dumps(['login', login])}".encode()))
        yield client


@asynccontextmanager
async def deaf_polling(server: Place, room: str) -> AsyncIterator[Guest]:
    """Log in over polling, and poll no more."""
    async with guest(server, room, way="polling") as client:
        carrier = client.client.carrier
        assert isinstance(carrier, Polling)
        carrier.stopped = True
        yield client


async def listen(reader: Guest, heard: list[str]) -> None:
    while len(heard) < TEXTS:
        heard.append((await reader.told("text"))["message"][:6])


@pytest.mark.slow
async def test_clients_that_never_read_end_alone_and_cost_little(tmp_path: Path) -> None:
    async with launched(tmp_path, LIMITED) as process, AsyncExitStack() as stack:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        bob = await stack.enter_async_context(guest(server, room, "bob"))
        cat = await stack.enter_async_context(guest(server, room, "cat", way="upgrade"))
        for _ in range(SILENT):
            await stack.enter_async_context(deaf_polling(server, room))
            await stack.enter_async_context(deaf_websocket(process, room))
        await bob.ok("text", {"to": "all", "message": "0" * TEXT_BYTES})
        await cat.told("text")
        before, heard, waits = resident(process), list[str](), list[float]()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen, cat, heard)
            nursery.start_soon(listen, bob, [])
            for number in range(TEXTS):
                began = trio.current_time()
                await bob.ok("text", {"to": "all", "message": f"{number:06}" + "x" * TEXT_BYTES})
                waits.append(trio.current_time() - began)
        assert heard == [f"{number:06}" for number in range(TEXTS)]
        assert sorted(waits)[-2] < 2.0  # one may come upon a machine that stands still
        with trio.fail_after(PATIENCE):  # what is said ends nobody; to be silent does
            while len(ends(process)) < 2 * SILENT:
                await bob.ok("text", {"to": "all", "message": "x" * TEXT_BYTES})
                await trio.sleep(0.02)
        grown = resident(process) - before
        assert grown < GROWTH_BYTES, f"{grown / MEGABYTE} MB"
        assert ends(process) == ["too_slow"] * 2 * SILENT
        people = await server.manager().ask("GET", f"/v1/rooms/{room}/participants")
        assert {each["user"] for each in people.json()} == {"bob", "cat"}
