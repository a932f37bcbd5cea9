"""Accepting, the first request, the limits of a connection, and how a listener stops."""

from __future__ import annotations

import errno
import socket as stdlib_socket

import httpx
import pytest
import trio
from quart import Blueprint, request
from structlog.testing import capture_logs
from trio.testing import MockClock

from api.http.app import create_app
from api.http.carriers import served_stream
from api.http.carriers.address_counts import AddressCounts
from api.http.carriers.connections import Connections
from api.http.sockets import Socket, SocketClosed
from api.settings import ListenerSettings, settings_of
from tests.support import raw
from tests.support.raw import connected, frame, upgrade_request, upgraded
from tests.support.rough import reset
from tests.support.serving import Serving, mount, services_for, serving, settings_with

PATIENCE = 20.0
BEFORE_THE_DEFAULT = 9.0  # seconds: header_seconds is ten where nobody sets it
GET = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"


async def echo(socket: Socket) -> None:
    while True:
        payload, text = await socket.receive()
        socket.push(payload, text=text)


def pages() -> Blueprint:
    blueprint = Blueprint("test", __name__)

    @blueprint.get("/hello")
    async def hello() -> str:
        return "hello"

    @blueprint.get("/slow")
    async def slow() -> str:
        await trio.sleep(0.3)
        return "done"

    @blueprint.post("/length")
    async def length() -> str:
        return str(len(await request.get_data()))

    @blueprint.get("/large")
    async def large() -> bytes:
        return b"x" * 20_000_000

    return blueprint


async def test_frames_right_behind_the_upgrade_request_are_received() -> None:
    async with serving(mount(echo)) as server, connected(server) as client:
        await client.send(upgrade_request() + frame(raw.TEXT, b"early"))
        assert (await client.read_head()).startswith("HTTP/1.1 101")
        assert await client.read_frame() == (raw.TEXT, b"early")


async def test_requests_and_websockets_share_a_port() -> None:
    async with serving(mount(echo, blueprint=pages())) as server, upgraded(server) as client:
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{server.url}/hello")).text == "hello"
            assert (await http.post(f"{server.url}/length", content=b"x" * 70_000)).text == "70000"
        await client.send(frame(raw.TEXT, b"there"))
        assert await client.read_frame() == (raw.TEXT, b"there")


async def test_a_request_head_that_drips_in_is_answered() -> None:
    async with serving(mount(blueprint=pages())) as server, connected(server) as client:
        for byte in GET:
            await client.send(bytes((byte,)))
        assert (await client.read_head()).startswith("HTTP/1.1 200")


async def test_pipelined_requests_are_all_answered() -> None:
    async with serving(mount(blueprint=pages())) as server, connected(server) as client:
        await client.send(GET * 3)
        for _ in range(3):
            assert (await client.read_head()).startswith("HTTP/1.1 200")
            assert await client.read(5) == b"hello"


async def test_who_hangs_up_with_a_request_waiting_behind_another_leaves_nothing() -> None:
    async with serving(mount(blueprint=pages())) as server:
        for _ in range(10):
            async with connected(server) as client:
                await client.send(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" + GET)
                await trio.sleep(0.05)
                reset(client)
        with trio.fail_after(PATIENCE):
            while server.connections.facts()["connections"]:
                await trio.sleep(0.01)


async def test_a_head_that_never_ends_is_answered_408_within_header_seconds() -> None:
    settings = settings_with(limits={"header_seconds": 1.0})
    async with (
        serving(mount(blueprint=pages()), settings=settings) as server,
        connected(server) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nx: ")
        with trio.fail_after(BEFORE_THE_DEFAULT):
            assert (await client.read_rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_says_nothing_is_closed_within_header_seconds() -> None:
    settings = settings_with(limits={"header_seconds": 0.2})
    async with (
        serving(mount(blueprint=pages()), settings=settings) as server,
        connected(server) as client,
    ):
        with trio.fail_after(BEFORE_THE_DEFAULT):
            assert await client.read_rest() == b""


async def test_a_second_head_that_never_ends_is_bounded_as_well() -> None:
    settings = settings_with(limits={"header_seconds": 1.0})
    async with (
        serving(mount(blueprint=pages()), settings=settings) as server,
        connected(server) as client,
    ):
        await client.send(GET)
        await client.read_head()
        await client.read(5)
        await client.send(b"GET / HTTP/1.1\r\nx: ")
        with trio.fail_after(BEFORE_THE_DEFAULT):
            assert await client.read_rest() == b""


@pytest.mark.usefixtures("long_goodbyes")
async def test_a_head_that_is_too_large_is_answered_431() -> None:
    settings = settings_with(limits={"header_bytes": 2048})
    async with (
        serving(mount(blueprint=pages()), settings=settings) as server,
        connected(server) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000)
        assert (await client.read_rest()).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 100, b"hello\r\n\r\n", b"\n\n\n"],
    ids=["TLS", "zeros", "text", "lines"],
)
async def test_garbage_is_answered_400_or_closed_at_once(garbage: bytes) -> None:
    async with serving(mount(blueprint=pages())) as server, connected(server) as client:
        await client.send(garbage)
        with trio.fail_after(PATIENCE):
            rest = await client.read_rest()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 400 ")


BAD_HEADS = {
    "no header": b"GET /hello HTTP/1.1\r\nhost: x\r\nno header\r\n\r\n",
    "no host": b"GET /hello HTTP/1.1\r\n\r\n",
    "no HTTP": b"\0" * 100,
    "with much behind it": b"GET /hello HTTP/1.1\r\nno header\r\n\r\n" + b"x" * 500_000,
    "the second one": GET + b"GET /hello HTTP/1.1\r\nno header\r\n\r\n",
}


@pytest.mark.parametrize("head", BAD_HEADS.values(), ids=BAD_HEADS)
@pytest.mark.parametrize("leaves", [True, False], ids=["who leaves", "who stays"])
async def test_a_malformed_head_is_answered_and_its_connection_let_go_of(
    head: bytes, leaves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, or after a moment for the answer to arrive, and not after header_seconds."""
    much = len(head) > served_stream.CHUNK_BYTES  # which takes a busy machine more than a moment
    moment = 60.0 if leaves else 4.0 if much else served_stream.LINGER_SECONDS
    monkeypatch.setattr(served_stream, "LINGER_SECONDS", moment)
    settings = settings_with(limits={"header_seconds": 60, "connections_per_address": 1})
    async with serving(mount(blueprint=pages()), settings=settings) as server:
        async with connected(server) as client:
            await client.send(head)
            with trio.fail_after(PATIENCE):
                assert b"HTTP/1.1 400 " in await client.read_rest()
            if leaves:
                await client.stream.aclose()
            await _until_nobody_is_connected(server)
        async with connected(server) as another:
            await another.send(GET)
            assert (await another.read_head()).startswith("HTTP/1.1 200")


async def _until_nobody_is_connected(server: Serving) -> None:
    assert server.connections is not None
    with trio.fail_after(PATIENCE):
        while server.connections.facts()["connections"]:
            await trio.sleep(0.01)


@pytest.mark.usefixtures("long_goodbyes")
async def test_a_body_that_is_too_large_is_answered_413_though_the_client_still_sends() -> None:
    settings = settings_with(limits={"body_bytes": 1000})
    async with (
        serving(mount(blueprint=pages()), settings=settings) as server,
        connected(server) as client,
        trio.open_nursery() as nursery,
    ):

        async def send() -> None:
            await client.send(b"POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n")
            for _ in range(9):
                await client.send(b"x" * 100_000)

        nursery.start_soon(send)
        with trio.fail_after(PATIENCE):
            assert (await client.read_rest()).startswith(b"HTTP/1.1 413 ")


@pytest.mark.usefixtures("long_goodbyes")
async def test_a_chunked_body_is_limited_as_well() -> None:
    settings = settings_with(limits={"body_bytes": 1000})
    async with serving(mount(blueprint=pages()), settings=settings) as server:

        async def chunks():  # type: ignore[no-untyped-def]
            for _ in range(5):
                yield b"x" * 500

        async with httpx.AsyncClient() as http:
            response = await http.post(f"{server.url}/length", content=chunks())
    assert response.status_code == 413
    assert response.text == "test 413"


async def test_an_address_has_only_so_many_connections() -> None:
    settings = settings_with(limits={"connections_per_address": 2})
    with capture_logs() as logs:
        async with serving(mount(echo, blueprint=pages()), settings=settings) as server:
            async with upgraded(server), upgraded(server):
                for _ in range(2):
                    async with connected(server) as third:
                        assert (await third.read_rest()).startswith(b"HTTP/1.1 429 ")
            await _until_nobody_is_connected(server)
            async with connected(server) as later:
                await later.send(GET)
                assert (await later.read_head()).startswith("HTTP/1.1 200")
            assert server.services.traffic.connections_refused == 2
    refusals = [line for line in logs if line["event"] == "connection.refused"]
    assert len(refusals) == 1, "one line per episode"


async def test_a_trusted_proxy_stands_for_many_clients() -> None:
    limits = {"connections_per_address": 1, "trusted_proxies": ["127.0.0.1"]}
    async with (
        serving(mount(echo), settings=settings_with(limits=limits)) as server,
        upgraded(server),
        upgraded(server),
    ):
        assert server.services.traffic.connections == 2


async def test_every_connection_is_let_go_of() -> None:
    async with serving(mount(echo, blueprint=pages())) as server:
        async with upgraded(server), connected(server) as client:
            await client.send(GET)
            await client.read_head()
        await _stop(server.connections)
        assert server.connections is not None
        assert server.connections.facts() == {"connections": 0, "lane_websockets": 0}
        assert server.services.traffic.websocket("test").open == 0


async def test_running_out_of_files_pauses_the_accepting(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = 3
    real = stdlib_socket.socket.accept

    def accept(sock: stdlib_socket.socket) -> object:
        nonlocal refusals
        if refusals and sock.getsockname() == listening:
            refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return real(sock)

    listening: object = None
    with capture_logs() as logs:
        async with serving(mount(blueprint=pages())) as server:
            listening = (server.host, server.port)
            monkeypatch.setattr(stdlib_socket.socket, "accept", accept)
            started = trio.current_time()
            async with connected(server) as client:
                await client.send(GET)
                assert (await client.read_head()).startswith("HTTP/1.1 200")
            waited = trio.current_time() - started
    assert waited > 0.2
    assert len([line for line in logs if line["event"] == "listener.out_of_files"]) == 1


async def test_each_episode_without_files_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """However often it is met: an accept in between does not make it another one."""
    listening = stdlib_socket.create_server(("127.0.0.1", 0))
    services = services_for(settings_of({}))
    app = create_app(ListenerSettings(dialects=("test",)), [mount(blueprint=pages())], services)
    connections = Connections(listening, app, services, AddressCounts())
    with capture_logs() as logs, listening:
        for pause in (0, 0.1, 0.1, 5, 5, 60, 0.1):
            await trio.sleep(pause)
            await connections._pause(OSError(errno.EMFILE, "Too many open files"))
    assert [line["event"] for line in logs] == ["listener.out_of_files"] * 2


async def _stop(connections: Connections | None, grace: float = 5.0) -> float:
    """Stop, and return how long that took."""
    assert connections is not None
    started = trio.current_time()
    await connections.stop(grace)
    return trio.current_time() - started


async def test_stopping_closes_an_idle_kept_alive_connection_at_once() -> None:
    async with serving(mount(blueprint=pages())) as server, connected(server) as client:
        await client.send(GET)
        await client.read_head()
        await client.read(5)
        assert await _stop(server.connections, 60.0) < 30
        assert await client.read_rest() == b""


async def test_stopping_tells_websockets_of_both_carriers_1001(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.http.carriers.connections.GOODBYE_SECONDS", PATIENCE)
    ended: list[SocketClosed] = []

    async def serve(socket: Socket) -> None:
        try:
            await socket.receive()
        except SocketClosed as closed:
            ended.append(closed)

    async with (
        serving(mount(serve, blueprint=pages())) as server,
        upgraded(server) as lane,
        connected(server) as other,
    ):
        await other.send(GET)
        await other.read_head()
        await other.read(5)
        await other.send(upgrade_request())
        assert (await other.read_head()).startswith("HTTP/1.1 101")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop, server.connections, 2 * PATIENCE)
            for client in (lane, other):
                assert await client.read_close() == 1001
                await client.send(frame(raw.CLOSE, b"\x03\xe9"))
                await client.stream.aclose()
    assert [closed.code for closed in ended] == [1001, 1001]


async def test_stopping_lets_a_request_finish() -> None:
    blueprint, begun = Blueprint("test", __name__), trio.Event()

    @blueprint.get("/begun")
    async def answer_later() -> str:
        begun.set()
        await trio.sleep(1.0)
        return "done"

    async with serving(mount(blueprint=blueprint)) as server, connected(server) as client:
        await client.send(b"GET /begun HTTP/1.1\r\nhost: x\r\n\r\n")
        await begun.wait()
        assert await _stop(server.connections, 60.0) < 30
        assert (await client.read_rest()).endswith(b"done")


async def test_stopping_cuts_a_client_that_takes_no_answer() -> None:
    async with serving(mount(blueprint=pages())) as server, connected(server) as client:
        await client.send(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        await client.read_head()
        assert await _stop(server.connections, 0.3) < 30
        await client.stream.aclose()


async def test_nobody_is_accepted_after_the_stop() -> None:
    async with serving(mount(blueprint=pages())) as server:
        await _stop(server.connections)
        with pytest.raises(OSError):
            await trio.open_tcp_stream(server.host, server.port)


async def test_an_upgrade_with_a_large_cookie_is_granted() -> None:
    async with serving(mount(echo)) as server, connected(server) as client:
        await client.send(upgrade_request(cookie="x" * 12_000))
        assert (await client.read_head()).startswith("HTTP/1.1 101")
        await client.send(frame(raw.TEXT, b"hello"))
        assert await client.read_message() == (raw.TEXT, b"hello")
