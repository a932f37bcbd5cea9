"""Bodies of requests that hold too much in all: the largest is refused, nothing stays counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from quart import Blueprint, Response, request

import tests.support.http2 as h2
from api.http.byte_budget import SHARED, ByteBudget
from api.http.carriers.request_body import RequestBody
from tests.api.http.carriers.test_tls import certificate, tls_of, trusting
from tests.support.examples import examples
from tests.support.raw import RawClient, connected
from tests.support.rough import send_all
from tests.support.serving import CARRIERS, Serving, mount, serving, settings_with

PATIENCE = 20.0
carriers = pytest.mark.parametrize("carrier", CARRIERS)


def post(path: str, size: int, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {size}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


class Pages:
    """Routes that read a body, wait with one unread, have read one, or answer for ever."""

    def __init__(self) -> None:
        self.given_up: list[str] = []
        self.blueprint = Blueprint("test", __name__)
        for each in (self.length, self.wait, self.work, self.stream):
            path = f"/{each.__name__}"
            self.blueprint.add_url_rule(path, view_func=each, methods=["GET", "POST"])

    async def length(self) -> str:
        return str(len(await request.get_data()))

    async def wait(self) -> str:
        await self._for_ever("wait")
        return ""

    async def work(self) -> str:
        assert await request.get_data() is await request.get_data()
        await self._for_ever("work")
        return ""

    async def stream(self) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            await trio.sleep_forever()

        return Response(pieces())

    async def _for_ever(self, where: str) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            self.given_up.append(where)
            raise


async def until_used(server: Serving, used: int) -> None:
    with trio.fail_after(PATIENCE):
        while server.services.unsent.used != used:
            await trio.sleep(0.01)


async def head_of(client: RawClient) -> str:
    with trio.fail_after(PATIENCE):
        return await client.read_head()


@carriers
async def test_the_largest_unfinished_body_is_refused_and_the_others_go_on(carrier: str) -> None:
    async with serving(mount(blueprint=Pages().blueprint), carrier=carrier) as server:
        server.services.unsent.per_address = 500_000
        async with connected(server) as small, connected(server) as large:
            await small.send(post("/length", 300_000) + b"x" * 200_000)
            await until_used(server, 200_000)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_all, large, post("/length", 900_000) + b"x" * 400_000)
                assert (await head_of(large)).startswith("HTTP/1.1 503 ")
                assert await large.read(8) == b"test 503"
                nursery.cancel_scope.cancel()
            await until_used(server, 200_000)
            await small.send(b"x" * 100_000)
            assert (await head_of(small)).startswith("HTTP/1.1 200 ")
            assert await small.read(6) == b"300000"
            assert server.services.unsent.ended == 1
        await until_used(server, 0)


@carriers
@pytest.mark.parametrize("where", ["wait", "work"])
async def test_a_body_counts_while_its_request_waits(carrier: str, where: str) -> None:
    """Whether it was read, or is of no interest to the one who waits."""
    pages = Pages()
    async with serving(mount(blueprint=pages.blueprint), carrier=carrier) as server:
        async with connected(server) as first, connected(server) as second:
            await first.send(post(f"/{where}", 300_000) + b"x" * 300_000)
            await until_used(server, 300_000)
            server.services.unsent.limit = 500_000
            await second.send(post("/length", 300_000) + b"x" * 250_000)
            assert (await head_of(first)).startswith("HTTP/1.1 503 ")
            assert await first.read(8) == b"test 503"
            assert pages.given_up == [where]
            await second.send(b"x" * 50_000)
            assert (await head_of(second)).startswith("HTTP/1.1 200 ")
        await until_used(server, 0)


@carriers
async def test_nothing_of_a_body_is_kept_once_the_answer_begins(carrier: str) -> None:
    async with (
        serving(mount(blueprint=Pages().blueprint), carrier=carrier) as server,
        connected(server) as client,
    ):
        await client.send(b"GET /stream HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n")
        await client.send(b"x" * 400_000)
        assert (await head_of(client)).startswith("HTTP/1.1 200 ")
        await until_used(server, 0)
        await client.send(b"x" * 400_000)
        await trio.sleep(0.2)
        assert server.services.unsent.used == 0


@carriers
async def test_a_client_that_leaves_gives_its_body_back(carrier: str) -> None:
    async with serving(mount(blueprint=Pages().blueprint), carrier=carrier) as server:
        async with connected(server) as client:
            await client.send(post("/length", 900_000) + b"x" * 400_000)
            await until_used(server, 400_000)
        await until_used(server, 0)


@pytest.mark.usefixtures("long_goodbyes")
async def test_a_body_that_is_too_large_counts_no_more() -> None:
    limits = settings_with(limits={"body_bytes": 300_000})
    async with (
        serving(mount(blueprint=Pages().blueprint), settings=limits) as server,
        connected(server) as client,
    ):
        head = b"POST /length HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        await client.send(head + b"40000\r\n" + b"x" * 0x40000)
        await until_used(server, 0x40000)
        await client.send(b"\r\n40000\r\n" + b"x" * 0x20000)
        assert (await head_of(client)).startswith("HTTP/1.1 413 ")
        await until_used(server, 0)


async def test_a_body_is_of_who_sends_it_behind_a_trusted_proxy() -> None:
    limits = settings_with(limits={"trusted_proxies": ["127.0.0.1"]})
    async with (
        serving(mount(blueprint=Pages().blueprint), settings=limits) as server,
        connected(server) as client,
    ):
        forwarded = "x-forwarded-for: 192.0.2.7"
        await client.send(post("/length", 300_000, forwarded) + b"x" * 200_000)
        await until_used(server, 200_000)
        assert server.services.unsent.used_by("192.0.2.7") == 200_000


async def test_bodies_on_streams_of_one_connection_count_each(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    async with (
        serving(mount(blueprint=Pages().blueprint), tls=tls_of(cert, key)) as server,
        h2.http2(server, trusting(cert)) as client,
    ):
        server.services.unsent.per_address = 100_000
        for stream, size in ((1, 2), (3, 3)):
            await client.send(h2.request(stream, b"POST", b"/length", ends=False))
            for _ in range(size):
                await client.send(h2.frame(h2.DATA, 0, stream, b"x" * 12_000))
        await until_used(server, 60_000)
        for _ in range(4):
            await client.send(h2.frame(h2.DATA, 0, 3, b"x" * 12_000))
        with trio.fail_after(PATIENCE):
            assert await client.status(3) == 503
        await until_used(server, 24_000)
        await client.send(h2.frame(h2.DATA, h2.END_STREAM, 1, b"x"))
        with trio.fail_after(PATIENCE):
            assert await client.status(1) == 200
        await until_used(server, 0)


async def read_by_pieces(body: RequestBody) -> bytes:
    return b"".join([piece async for piece in body])


@given(parts=st.lists(st.integers(0, 6000), max_size=8), pieces=st.booleans(), ends=st.booleans())
@settings(max_examples=examples(60))
async def test_what_has_come_counts_until_the_end(
    parts: list[int], pieces: bool, ends: bool
) -> None:
    budget, most = ByteBudget(), 20_000
    body = RequestBody(None, most)
    body.count_by(lambda shed: budget.account("", shed))
    arrived = 0
    for part in parts:
        if arrived <= most:
            arrived += part
        body.append(b"x" * part)
        assert budget.used == (arrived if SHARED <= arrived <= most else 0)
    if arrived <= most:
        body.set_complete()
        if not pieces:
            assert await body is await body
            assert len(await body) == arrived
        assert len(await read_by_pieces(body)) == arrived
    if ends:
        body.finish()
    else:
        body.shed()
    assert body.handling.cancel_called is not ends
    assert budget.used == len(budget) == 0
    body.append(b"x" * SHARED)
    assert budget.used == 0
