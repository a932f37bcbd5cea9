"""Events as a stream over HTTP, by our own listener and by a plain Hypercorn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from actors.endpoint.endpoint import Seen
from actors.endpoint.outbox import OutboxLimits
from actors.endpoint.rules import Delivery
from api.auvious.server_events import render, seen_of
from tests.support.auvious_events import EventServer, event_server, event_settings
from tests.support.raw import RawClient, connected
from tests.support.serving import CARRIERS

PATH = "/rtc-api/users/endpoints/{}/events"
PATIENCE = 30.0


@pytest.fixture(params=CARRIERS)
async def server(request, tmp_path):  # type: ignore[no-untyped-def]
    async with event_server(tmp_path, request.param) as found:
        yield found


@dataclass
class Reader:
    """Reads a stream line by line; raises EOFError at its proper end."""

    client: RawClient
    head: str
    last_id: str = ""
    _text: bytes = b""

    async def line(self) -> str:
        with trio.fail_after(PATIENCE):
            while b"\n" not in self._text:
                self._text += await self._chunk()
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    async def _chunk(self) -> bytes:
        size = b""
        while not size.endswith(b"\r\n"):
            byte = await self.client.read(1)
            assert byte, "cut off"
            size += byte
        chunk = await self.client.read(int(size, 16) + 2)
        if chunk == b"\r\n":
            raise EOFError
        return chunk[:-2]

    async def event(self) -> str:
        """Return the data of the next event; comments and fields of the stream are skipped."""
        data: list[str] = []
        while True:
            name, _, value = (line := await self.line()).partition(": ")
            if not line and data:
                return "\n".join(data)
            if name == "id":
                self.last_id = value
            elif name == "data":
                data.append(value)

    async def ends(self) -> None:
        """Wait for a proper end of the answer."""
        with trio.fail_after(PATIENCE), suppress(EOFError):
            while True:
                await self.line()


@asynccontextmanager
async def reading(
    server: EventServer, endpoint: str = "e", *, seconds: int = 600, seen: str = "", query: str = ""
) -> AsyncIterator[Reader]:
    """Open a stream, with a bearer header unless there is a query."""
    lines = [f"GET {PATH.format(endpoint)}{query} HTTP/1.1", "Host: test.example"]
    if not query:
        lines.append(f"Authorization: Bearer {server.token(seconds=seconds)}")
    if seen:
        lines.append(f"Last-Event-ID: {seen}")
    async with connected(server.serving) as client:
        await client.send("\r\n".join([*lines, "", ""]).encode())
        head = await client.read_head()
        assert head.startswith("HTTP/1.1 200"), head
        yield Reader(client, head.lower())


async def test_a_stream_brings_what_waits_and_what_comes(server: EventServer) -> None:
    await server.register()
    await server.offer(b'{"n": 1}')
    async with reading(server) as reader:
        assert await reader.line() == "retry: 1000"
        assert await reader.event() == '{"n": 1}'
        assert reader.last_id.endswith("-1")
        await server.offer(b'{"n": 2}', qos=0)
        await server.offer('{"n":\r\n "grüße"}'.encode())
        assert await reader.event() == '{"n": 2}'
        assert await reader.event() == '{"n":\n "grüße"}'
        for line in (
            "content-type: text/event-stream",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "access-control-allow-origin: *",
        ):
            assert f"\r\n{line}\r\n" in f"{reader.head}\r\n"
        assert "content-length" not in reader.head
    await server.until_left()


async def test_who_comes_back_has_acknowledged(server: EventServer) -> None:
    await server.register()
    async with reading(server) as reader:
        for number in range(3):
            await server.offer(b"%d" % number)
        assert [await reader.event(), await reader.event()] == ["0", "1"]
        seen = reader.last_id
    await server.until(waiting=3)
    async with reading(server, seen=seen) as reader:
        await server.until(waiting=1)
        assert await reader.event() == "2"
    async with reading(server, seen="0123abcd-3") as reader:  # of another life of the endpoint
        assert await reader.event() == "2"
    async with reading(server, seen="nonsense") as reader:
        assert await reader.event() == "2"
    await server.until(waiting=1)


async def test_who_comes_back_to_another_listener_has_acknowledged(server: EventServer) -> None:
    await server.register()
    await server.offer(b"1")
    async with reading(server) as stream:
        assert await stream.event() == "1"
    await server.until_left()
    async with server.other_listener() as other, reading(other, seen=stream.last_id):
        await server.until(waiting=0)


async def test_the_token_may_be_in_the_address_and_is_not_logged(server: EventServer) -> None:
    await server.register()
    token = server.token()
    with capture_logs() as entries:
        async with reading(server, query=f"?access_token={token}") as reader:
            await server.offer(b"hush")
            assert await reader.event() == "hush"
        await server.until_left()
    assert "event_stream.ended" in {entry["event"] for entry in entries}
    assert token not in repr(entries)
    assert "hush" not in repr(entries)


async def test_strangers_get_nothing(server: EventServer) -> None:
    await server.register("e")
    await server.register("f", user="bob")
    good, ended = server.token(), server.token(seconds=-1)
    async with server.http() as http:
        for endpoint, headers, status in [
            ("e", {}, 401),
            ("e", {"Authorization": "Bearer nonsense"}, 401),
            ("e", {"Authorization": f"Bearer {ended}"}, 401),
            ("e", {"Authorization": f"Basic {good}"}, 401),
            ("f", {"Authorization": f"Bearer {good}"}, 404),
            ("none", {"Authorization": f"Bearer {good}"}, 404),
        ]:
            response = await http.get(PATH.format(endpoint), headers=headers)
            assert (response.status_code, response.content) == (status, b""), endpoint
        response = await http.get(PATH.format("e"), params={"access_token": "nonsense"})
        assert (response.status_code, response.content) == (401, b"")


async def test_a_head_request_listens_to_nothing(server: EventServer) -> None:
    await server.register()
    async with server.http() as http:
        headers = {"Authorization": f"Bearer {server.token()}"}
        response = await http.head(PATH.format("e"), headers=headers)
        assert response.status_code == 200
        await server.register("f", user="bob")
        for endpoint in ("f", "none"):
            response = await http.head(PATH.format(endpoint), headers=headers)
            assert response.status_code == 404
    assert (await server.described()).subscribers == 0


async def test_a_stream_ends_with_its_token(server: EventServer) -> None:
    await server.register()
    async with reading(server, seconds=5) as reader:
        await reader.ends()
    await server.until_left()


async def test_a_stream_ends_with_its_endpoint(server: EventServer) -> None:
    await server.register()
    async with reading(server) as reader:
        await server.offer(b"1")
        assert await reader.event() == "1"
        await server.unregister()
        await reader.ends()


async def test_a_stream_ends_when_the_server_drains(server: EventServer) -> None:
    await server.register()
    async with reading(server) as reader, trio.open_nursery() as nursery:
        nursery.start_soon(server.services.lifecycle.drain, 0.0, PATIENCE)
        await reader.ends()
    async with server.http() as http:
        headers = {"Authorization": f"Bearer {server.token()}"}
        response = await http.get(PATH.format("e"), headers=headers)
        assert (response.status_code, response.content) == (503, b"")


async def test_an_idle_stream_gives_signs_of_life(tmp_path: Path) -> None:
    async with event_server(tmp_path, event_streams={"heartbeat_seconds": 0.05}) as server:
        await server.register()
        async with reading(server) as reader:
            for line in ("retry: 1000", "", ":", "", ":", ""):
                assert await reader.line() == line


async def test_a_stream_ends_after_so_many_unacknowledged_events(tmp_path: Path) -> None:
    async with event_server(tmp_path, event_streams={"unacknowledged": 3}) as server:
        await server.register()
        seen, found = "", []
        for number in range(7):
            await server.offer(b"%d" % number)
        for count in (3, 3, 1):
            async with reading(server, seen=seen) as reader:
                found += [await reader.event() for _ in range(count)]
                if count == 3:
                    await reader.ends()
                seen = reader.last_id
        assert found == [str(number) for number in range(7)]
        await server.until(waiting=1)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_slow_reader_loses_nothing_of_qos_1(tmp_path: Path, carrier: str) -> None:
    streams = {"queue_events": 2, "unacknowledged": 1000}
    settings = event_settings(
        tmp_path, auvious={"event_streams": streams, "outbox_events": 2000}, log={"level": "error"}
    )
    async with event_server(tmp_path, carrier, settings) as server:
        await server.register(outbox=OutboxLimits(2000, 100_000_000))
        payload = b"x" * 20_000
        async with reading(server) as reader:
            for number in range(500):  # 10 MB: more than sockets and queues hold
                assert await server.offer(b"%d " % number + payload)
            await trio.sleep(0.1)
            for number in range(500):
                assert (await reader.event()).startswith(f"{number} ")


async def test_too_many_streams_are_refused(tmp_path: Path) -> None:
    async with event_server(tmp_path, subscribers_per_endpoint=1) as server:
        async with server.http() as http:
            headers = {"Authorization": f"Bearer {server.token()}"}
            response = await http.post(
                "/rtc-api/users/endpoints",
                json={"userEndpointId": "e", "keepAliveSeconds": 60},
                headers=headers,
            )
            assert response.status_code == 200
            async with reading(server):
                response = await http.get(PATH.format("e"), headers=headers)
                assert (response.status_code, response.content) == (429, b"")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("abcd-7", Seen("abcd", 7)),
        ("", None),
        ("7", None),
        ("abcd-", None),
        ("abcd--7", Seen("abcd-", 7)),
        ("abcd-x", None),
        ("abcd-²", None),
        ("abcd-" + "9" * 30, None),
    ],
)
def test_ids_of_events_are_read(text: str, found: Seen | None) -> None:
    assert seen_of(text) == found


@given(st.text())
def test_no_id_crashes_the_reader(text: str) -> None:
    seen_of(text)


@given(st.lists(st.sampled_from([b"{", b"}", b"\n", b"\r", b"\r\n", b" ", b"data: ", b"id: 1"])))
def test_whatever_is_in_an_event_it_stays_one_event(pieces: list[bytes]) -> None:
    payload = b"{" + b"".join(pieces) + b"}"
    text = render("life", Delivery(3, 1, payload, False)).decode()
    head, *lines, empty, after = text.split("\n")
    assert (head, empty, after) == ("id: life-3", "", "")
    assert "\r" not in text
    data = "\n".join(line.removeprefix("data: ") for line in lines)
    assert data == payload.decode().replace("\r\n", "\n").replace("\r", "\n")
