"""Websockets, the move to one, slow readers, and the end of the server, over both carriers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio
from structlog.testing import capture_logs

from api.owt.socketio import table as transport_module
from api.owt.socketio.connection import INBOX, INBOX_BYTES, SocketioConnection
from api.owt.socketio.engineio import Transport
from tests.support import raw
from tests.support.raw import RawClient, connected, frame, talking, upgrade_request, upgraded
from tests.support.serving import CARRIERS
from tests.support.socketio import Polling, SocketIoClient, body_of, connect
from tests.support.socketio_server import Host, socketio_host

pytestmark = pytest.mark.parametrize("carrier", CARRIERS)

DIRECT = "/socket.io/?EIO=3&transport=websocket"


async def until(condition: Any) -> None:
    with trio.fail_after(30):
        while not condition():
            await trio.sleep(0.01)


def websocket_of(host: Host, path: str = DIRECT) -> str:
    assert host.serving is not None
    return host.serving.websocket(path)


async def next_packet(client: RawClient) -> bytes:
    found = await client.read_message()
    assert found is not None
    return found[1]


async def test_a_direct_websocket_begins_as_measured(carrier: str) -> None:
    async with socketio_host(carrier) as host, talking(websocket_of(host)) as client:
        greeting = str(await client.get_message())
        assert greeting[0] == "0"
        assert json.loads(greeting[1:])["upgrades"] == []
        assert await client.get_message() == "40"
        await client.send_message("2")
        assert await client.get_message() == "3"


@pytest.mark.parametrize(
    "wrong",
    [
        frame(raw.BINARY, b"42[]"),
        frame(raw.TEXT, b""),
        frame(raw.TEXT, b"x"),
        frame(raw.TEXT, b"42" + b"[" * 100_000),
        frame(raw.TEXT, b'42["\\ud83d"]'),
        frame(raw.TEXT, b'451-["file",{"_placeholder":true,"num":0}]'),
        frame(raw.TEXT, b"5"),
    ],
)
async def test_a_wrong_frame_ends_that_connection_and_no_other(carrier: str, wrong: bytes) -> None:
    async with socketio_host(carrier) as host:
        assert host.serving is not None
        async with (
            connect(host.url, way="websocket") as other,
            upgraded(host.serving, DIRECT) as client,
        ):
            await client.send(wrong)
            assert await client.read_close() == 1000
            assert await host.until_ended() == ["bad_packet"]
            assert await other.call("echo", 1) == ["ok", 1]


async def test_the_client_may_leave_by_packet_close_or_cut(carrier: str) -> None:
    async with socketio_host(carrier) as host:
        assert host.serving is not None
        for packet in (b"1", b"41"):
            async with upgraded(host.serving, DIRECT) as client:
                await client.send(frame(raw.TEXT, packet))
                assert await client.read_close() == 1000
        async with upgraded(host.serving, DIRECT) as client:
            await client.send(frame(raw.CLOSE, b"\x03\xe8"))
            await client.read_close()
        async with upgraded(host.serving, DIRECT) as client:
            await next_packet(client)
        assert await host.until_ended(4) == ["client_left"] * 4
        assert len(host.table) == 0


async def test_nothing_is_lost_on_the_way_to_a_websocket(carrier: str) -> None:
    async with socketio_host(carrier) as host, connect(host.url, way="polling") as client:
        await client.call("echo")
        [connection] = host.seen
        async with trio.open_nursery() as nursery:

            async def talk() -> None:
                for number in range(200):
                    connection.emit("count", number)
                    await trio.sleep(0.001)

            nursery.start_soon(talk)
            await client.upgrade()
        assert connection.link.transport is Transport.WEBSOCKET
        for number in range(200):
            assert await client.event("count") == [number]
        assert await client.call("echo", 2) == ["ok", 2]


async def test_after_the_move_polling_is_over(carrier: str) -> None:
    async with socketio_host(carrier) as host, connect(host.url, way="upgrade") as client:
        async with httpx.AsyncClient(base_url=host.url) as http:
            params = Polling(http, 3, client.sid).params()
            for method in ("GET", "POST"):
                answer = await http.request(method, "/socket.io/", params=params)
                assert (answer.status_code, answer.json()["code"]) == (400, 3)
        path = f"/socket.io/?EIO=3&transport=websocket&sid={client.sid}"
        assert host.serving is not None
        status, _, body = await raw.refusal(host.serving, upgrade_request(path))
        assert (status, json.loads(body)["code"]) == (400, 3)
        assert await client.call("echo", 1) == ["ok", 1]


@pytest.mark.parametrize("said", [[b"2"], [b"2probe", b"6"], [b"5"], [b"42[]"], []])
async def test_a_probe_that_goes_wrong_leaves_polling_alone(
    carrier: str, said: list[bytes]
) -> None:
    async with socketio_host(carrier) as host, connect(host.url, way="polling") as client:
        path = f"/socket.io/?EIO=3&transport=websocket&sid={client.sid}"
        assert host.serving is not None
        async with upgraded(host.serving, path) as probe:
            for packet in said:
                await probe.send(frame(raw.TEXT, packet))
            if not said:
                await probe.send(frame(raw.CLOSE, b"\x03\xe8"))
            assert await probe.read_close() is not None
        assert await client.call("echo", 1) == ["ok", 1]
        await client.upgrade()
        assert await client.call("echo", 2) == ["ok", 2]


async def test_a_second_probe_is_closed_and_the_first_goes_on(carrier: str) -> None:
    async with socketio_host(carrier) as host, connect(host.url, way="polling") as client:
        path = f"/socket.io/?EIO=3&transport=websocket&sid={client.sid}"
        async with talking(websocket_of(host, path)) as first:
            await first.send_message("2probe")
            assert await first.get_message() == "3probe"
            assert host.serving is not None
            async with upgraded(host.serving, path) as second:
                assert await second.read_close() == 1000
            await first.send_message("5")
            await first.send_message('420["echo",1]')
            assert await first.get_message() == '430["ok",1]'


async def test_a_probe_does_not_wait_for_ever(
    carrier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "PROBE_SECONDS", 0.1)
    async with socketio_host(carrier) as host, connect(host.url, way="polling") as client:
        path = f"/socket.io/?EIO=3&transport=websocket&sid={client.sid}"
        assert host.serving is not None
        async with upgraded(host.serving, path) as probe:
            await probe.send(frame(raw.TEXT, b"2probe"))
            assert await next_packet(probe) == b"3probe"
            assert await probe.read_close() == 1000
        assert await client.call("echo", 1) == ["ok", 1]


async def test_a_session_that_ends_takes_its_probe_along(carrier: str) -> None:
    async with socketio_host(carrier) as host, connect(host.url, way="polling") as client:
        await client.call("echo")
        path = f"/socket.io/?EIO=3&transport=websocket&sid={client.sid}"
        assert host.serving is not None
        async with upgraded(host.serving, path) as probe:
            await probe.send(frame(raw.TEXT, b"2probe"))
            assert await next_packet(probe) == b"3probe"
            host.seen[0].disconnect()
            assert await probe.read_close() == 1000
        assert await client.gone() == "disconnect"


async def test_a_client_that_never_reads_is_ended(carrier: str) -> None:
    limits = {"outbox_messages": 100}
    async with socketio_host(carrier, owt=limits) as host, connect(host.url) as other:
        assert host.serving is not None
        async with upgraded(host.serving, DIRECT) as client:
            await client.send(frame(raw.TEXT, b'42["flood",5000,10000]'))
            await until(lambda: len(host.table) == 1)
            [slow] = [each for each in host.seen if each.closed]
            assert slow.closed == "too_slow"
            assert await other.call("echo", 1) == ["ok", 1]


@pytest.mark.parametrize(
    ("count", "size"), [(3 * INBOX, 0), (20, INBOX_BYTES // 4), (5, INBOX_BYTES * 2)]
)
async def test_a_client_waits_while_it_is_not_heard(carrier: str, count: int, size: int) -> None:
    async with socketio_host(carrier, owt={"messages_per_second": 0}) as host:
        heard: list[int] = []
        may_read = trio.Event()

        async def serve(connection: SocketioConnection) -> None:
            host.seen.append(connection)
            await may_read.wait()
            while True:
                heard.append((await connection.receive()).args[0])

        host.serve = serve  # type: ignore[method-assign]
        async with (
            connect(host.url, way="websocket") as client,
            trio.open_nursery() as nursery,
        ):

            async def talk() -> None:
                for number in range(count):
                    await client.emit("n", number, "x" * size)

            nursery.start_soon(talk)
            await until(lambda: host.seen and host.seen[0].behind)
            may_read.set()
            await until(lambda: len(heard) == count)
    assert heard == list(range(count))


async def test_what_is_posted_and_sent_after_a_move_is_heard_whole_and_in_order(
    carrier: str,
) -> None:
    count = INBOX + 6
    async with socketio_host(carrier, owt={"messages_per_second": 0}) as host:
        heard: list[int] = []
        async with posting(host, count, heard) as (client, answers, may_read):
            may_read.set()
            await until(lambda: len(heard) == count + 1 and answers)
            assert host.seen[0].closed == ""
            assert (await client.call("echo"))[0] == "ok"
    assert heard == list(range(count + 1))
    assert answers == [200]


async def test_a_post_ends_with_its_connection_after_a_move_too(carrier: str) -> None:
    async with socketio_host(carrier, owt={"messages_per_second": 0}) as host:
        async with posting(host, INBOX + 6, []) as (client, answers, _):
            host.seen[0].close("moved")
            await until(lambda: answers)
            assert await client.gone() == "transport"
            await until(lambda: len(host.table) == 0)
    assert answers == [200]


@asynccontextmanager
async def posting(
    host: Host, count: int, heard: list[int]
) -> AsyncIterator[tuple[SocketIoClient, list[int], trio.Event]]:
    """Post so many events and, while they wait for a reader, send one more over a websocket."""
    may_read, answers = trio.Event(), list[int]()

    async def serve(connection: SocketioConnection) -> None:
        host.seen.append(connection)
        await may_read.wait()
        while True:
            incoming = await connection.receive()
            if incoming.ack is not None:
                connection.ack(incoming.ack, "ok")
            else:
                heard.append(incoming.args[0])

    async def post(polling: Polling) -> None:
        packets = tuple(f'42["n",{number}]' for number in range(count))
        answers.append((await polling.post(body_of(packets, 3))).status_code)

    host.serve = serve  # type: ignore[method-assign]
    async with connect(host.url, way="polling") as client, trio.open_nursery() as nursery:
        assert isinstance(client.carrier, Polling)
        nursery.start_soon(post, client.carrier)
        await until(lambda: host.seen and host.seen[0].behind)
        await client.upgrade()
        await client.emit("n", count)
        await until(lambda: host.services.traffic.websocket("owt").received == 3)  # probe, move, it
        yield client, answers, may_read
        nursery.cancel_scope.cancel()


async def test_a_crash_ends_one_client_and_is_logged_once(carrier: str) -> None:
    with capture_logs() as entries:
        async with (
            socketio_host(carrier) as host,
            connect(host.url) as other,
            connect(host.url, way="websocket") as client,
        ):
            await client.emit("crash")
            assert await client.gone() == "transport"
            assert await other.call("echo", 1) == ["ok", 1]
            assert host.services.traffic.websocket("owt").crashed == 1
            assert host.system.counters.crashes == 0
    crashes = [entry for entry in entries if entry["event"] == "connection.crashed"]
    assert [type(entry["exc_info"]) for entry in crashes] == [ZeroDivisionError]


@pytest.mark.parametrize("way", ["polling", "websocket"])
@pytest.mark.parametrize("times", [1, 5])
async def test_a_tick_that_crashes_ends_that_client_and_no_other(
    carrier: str, way: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that goes on crashing while its client is told of the end."""
    real, crashes = SocketioConnection.tick, list[str]()

    def tick(connection: SocketioConnection, now: float) -> None:
        if connection is host.seen[0] and len(crashes) < times:
            crashes.append(connection.closed)
            raise ZeroDivisionError("a bug")
        real(connection, now)

    with capture_logs() as entries:
        async with (
            socketio_host(carrier) as host,
            connect(host.url, way=way) as client,
            connect(host.url, way=way) as other,
        ):
            await client.call("echo")
            monkeypatch.setattr(SocketioConnection, "tick", tick)
            assert await client.gone() == ("close" if way == "polling" else "transport")
            assert host.ended == ["crashed"]
            await until(lambda: len(host.table) == 1)
            assert await other.call("echo", 1) == ["ok", 1]
            assert host.system.counters.crashes == 0
    logged = [entry for entry in entries if entry["event"] == "connection.crashed"]
    assert 1 <= len(logged) <= 2
    assert {(type(entry["exc_info"]), entry["at"]) for entry in logged} == {
        (ZeroDivisionError, "tick")
    }


@pytest.mark.parametrize("way", ["polling", "upgrade", "websocket"])
async def test_a_handler_that_returns_disconnects_its_client(carrier: str, way: str) -> None:
    async with socketio_host(carrier) as host, connect(host.url, way=way) as client:
        await client.emit("bye")
        assert await client.gone() == "disconnect"
        if way != "polling":
            await until(lambda: len(host.table) == 0)


async def test_an_aborted_client_hears_nothing(carrier: str) -> None:
    async with socketio_host(carrier) as host:
        for way in ("polling", "websocket"):
            async with connect(host.url, way=way) as client:
                await client.call("echo")
                host.seen[-1].abort()
                assert await client.gone() == "transport"
        assert await host.until_ended(2) == ["aborted"] * 2


async def test_a_draining_server_closes_everyone_and_lets_nobody_in(carrier: str) -> None:
    async with (
        socketio_host(carrier) as host,
        connect(host.url, way="polling") as first,
        connect(host.url, way="websocket", version=4) as second,
    ):
        await first.call("echo")
        await second.call("echo")
        await host.services.lifecycle.drain(0.0, 1.0)
        assert await first.gone() == "close"
        assert await second.gone() == "transport"
        assert await host.until_ended(2) == ["shutting_down"] * 2
        async with httpx.AsyncClient(base_url=host.url) as http:
            answer = await http.get("/socket.io/", params={"EIO": 3, "transport": "polling"})
            assert answer.status_code == 503
        assert host.serving is not None
        assert (await raw.refusal(host.serving, upgrade_request(DIRECT)))[0] == 503


async def test_a_host_that_crashes_lets_go_of_its_clients_and_takes_new_ones(carrier: str) -> None:
    async with socketio_host(carrier) as host, connect(host.url, way="websocket") as client:
        await client.call("echo")

        async def crash() -> None:
            raise ZeroDivisionError("a bug")

        with capture_logs():
            assert host.table._start_task is not None
            host.table._start_task(crash)
            assert await client.gone() == "transport"
        await until(lambda: host.table.handshake_refusal("3", "127.0.0.1") is None)
        async with connect(host.url) as again:
            assert await again.call("echo", 1) == ["ok", 1]


async def test_ids_may_stand_in_a_path_and_are_no_key_to_the_session(carrier: str) -> None:
    async with socketio_host(carrier) as host, connect(host.url, way="polling") as client:
        await client.call("echo")
        [connection] = host.seen
        for name in (connection.id, connection.sid):
            assert len(name) == 20
            assert name.replace("-", "").isalnum()
        async with connected(host.serving) as other:  # type: ignore[arg-type]
            path = f"/socket.io/?EIO=3&transport=polling&sid={connection.id}"
            await other.send(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            assert " 400 " in await other.read_head()
