"""Connections that misbehave below HTTP: silent, slow, half-closed, reset, or speaking no HTTP.

They end by a deadline or at once, cost nothing while they wait, and nobody else notices.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio.testing

from actors.words.keys import MEMBERS
from tests.support.peace import Siege, peaceful
from tests.support.raw import TEXT, RawClient, connected, frame, upgrade_request, upgraded
from tests.support.rough import PATIENCE, request, reset, send_all
from tests.support.spreed import spreed_settings

HEADER_SECONDS = 0.4
IDLE_SECONDS = 1.0
POST = request("POST", "/api/v1/tokens", "Content-Type: application/x-www-form-urlencoded")


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Siege]:
    """A server with the usual deadlines."""
    chosen = spreed_settings(limits={"header_bytes": 4096})
    async with peaceful(tmp_path, "lane", chosen) as running:
        yield running


@pytest.fixture
def siege(patient: Siege) -> Siege:
    """A server that waits for no head longer than HEADER_SECONDS."""
    patient.tighten("limits", header_seconds=HEADER_SECONDS)
    return patient


async def ended(client: RawClient, patience: float = PATIENCE) -> bytes:
    """Return what the server says before it closes, which it must."""
    with trio.fail_after(patience):
        return await client.read_rest()


async def test_who_connects_and_says_nothing_is_let_go_without_a_word(siege: Siege) -> None:
    async with connected(siege.server.serving) as client:
        assert await ended(client) == b""


ENDLESS_HEADS = (
    b"G",
    b"GET / HTTP/1.1\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
    b"\r\n" * 10,
    upgrade_request()[:-2],
    b"PRI * HTTP/2.0\r\n",
)


async def test_a_head_that_never_ends_is_cut_off_in_time(siege: Siege) -> None:
    async def attack(start: bytes) -> None:
        async with connected(siege.server.serving) as client:
            await client.send(start)
            answer = await ended(client)
            assert answer[:13] in (b"HTTP/1.1 408 ", b"HTTP/1.1 400 ", b""), (start, answer)

    async with trio.open_nursery() as nursery:
        for start in ENDLESS_HEADS:
            nursery.start_soon(attack, start)


async def test_a_head_that_drips_is_cut_off_in_time(siege: Siege) -> None:
    async with connected(siege.server.serving) as client:
        began = trio.current_time()
        for byte in request("GET", "/api/v1/config", "X: " + "y" * 200):
            if not await send_all(client, bytes((byte,))):
                break
            await trio.sleep(0.01)
        assert b"HTTP/1.1 200" not in await ended(client)
        assert trio.current_time() - began < HEADER_SECONDS + PATIENCE


async def test_a_second_head_that_never_ends_is_cut_off_as_well(siege: Siege) -> None:
    async with connected(siege.server.serving) as client:
        await client.send(request("GET", "/api/v1/config") + b"GET /api/v1/config HT")
        assert (await ended(client)).count(b"HTTP/1.1 ") <= 2


async def test_a_body_that_never_ends_is_answered_in_time(siege: Siege) -> None:
    siege.server.serving.app.config["BODY_TIMEOUT"] = 0.2
    for announced in ("Content-Length: 10", "Transfer-Encoding: chunked"):
        head = POST.replace(b"\r\n\r\n", b"\r\n" + announced.encode() + b"\r\n\r\n")
        async with connected(siege.server.serving) as client:
            await client.send(head + b"5\r\nab")
            with trio.fail_after(PATIENCE):
                assert (await client.read_head()).startswith("HTTP/1.1 408 ")


GARBAGE = {
    "TLS": bytes.fromhex("16030100c8010000c40303") + b"\x55" * 200,
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "zeros": b"\0" * 5000,
    "lines": b"\r\n" * 3000,
    "lower case": b"get / http/1.1\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 nonsense": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100,
    "HTTP/2 settings": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\x05\4\0\0\0\0\0abcde",
    "HTTP/2 headers": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
    + b"\0\0\x04\1\5\0\0\0\1\xff\xff\xff\xff",
    "h2c": request("GET", "/x", "Upgrade: h2c", "Connection: Upgrade", "HTTP2-Settings: AAAA"),
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "SIP": b"OPTIONS sip:x SIP/2.0\r\n\r\n",
    "nothing to the power of": b"X" * 100_000,
    "chunks of nonsense": POST[:-2] + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\xff",
    "an endless chunk": POST[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 5000,
}


async def test_garbage_is_refused_or_dropped(siege: Siege) -> None:
    async def attack(name: str) -> None:
        async with connected(siege.server.serving) as client:
            await send_all(client, GARBAGE[name])
            answer = (await ended(client, 2 * PATIENCE)).replace(b"HTTP/1.1 505", b"")
            assert b"Traceback" not in answer, name
            assert b"HTTP/1.1 5" not in answer, name

    async with trio.open_nursery() as nursery:
        for name in GARBAGE:
            nursery.start_soon(attack, name)


async def test_half_closed_connections_get_their_answer_and_end(patient: Siege) -> None:
    for sent in (
        b"",
        b"GET / HT",
        request("GET", "/api/v1/config"),
        POST[:-2] + b"Content-Length: 100\r\n\r\nabc",
        upgrade_request(),
        upgrade_request() + frame(TEXT, b"{}", fin=False),
    ):
        async with connected(patient.server.serving) as client:
            await client.send(sent)
            await client.stream.send_eof()
            answer = await ended(client)
            assert (b" 200 " in answer) is sent.startswith(b"GET /api"), answer[:100]


async def test_hanging_up_at_any_moment_is_nothing_to_log_as_a_crash(patient: Siege) -> None:
    whole = (
        request("GET", "/api/v1/config"),
        POST[:-2] + b"Content-Length: 6\r\n\r\na=12345",
        upgrade_request() + frame(TEXT, b'{"Type":"Hello","Hello":{"Name":"x"}}'),
    )
    for sent in whole:
        for length in (0, 1, 20, len(sent) // 2, len(sent) - 1, len(sent)):
            for wait in (False, True):
                async with connected(patient.server.serving) as client:
                    await client.send(sent[:length])
                    if wait:
                        await trio.testing.wait_all_tasks_blocked(0.001)
                    reset(client)
    with trio.fail_after(PATIENCE):
        while len(patient.server.system.registry.children(MEMBERS)) > 1:
            await trio.sleep(0.01)


async def test_waiting_connections_cost_no_time(patient: Siege) -> None:
    serving = patient.server.serving
    async with AsyncExitStack() as stack:
        for start in (b"", b"GET / HT", POST[:-2] + b"Content-Length: 100\r\n\r\nabc"):
            client = await stack.enter_async_context(connected(serving))
            await client.send(start)
            if start:
                await client.stream.send_eof()
        for piece in (b"\x81", frame(TEXT, b"{", fin=False), b"\x81\xff" + b"\0" * 6):
            client = await stack.enter_async_context(upgraded(serving))
            await client.send(piece)
        with patient.at_rest():
            await trio.sleep(0.2)
            before = time.process_time()
            await trio.sleep(IDLE_SECONDS)
            assert time.process_time() - before < IDLE_SECONDS / 10
