"""What we assume of Hypercorn's and Quart-Trio's insides; an upgrade that changes it fails here."""

from __future__ import annotations

import inspect

import httpx
import pytest
import trio
import trio.testing
from hypercorn.config import Config
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from quart import Blueprint
from quart_trio.asgi import TrioASGIHTTPConnection, TrioASGIWebsocketConnection

from api.http.app import App
from api.http.carriers import hypercorn_seam
from api.http.sockets import Socket, SocketClosed
from tests.support.raw import connected, talking, upgrade_request, upgraded
from tests.support.serving import mount, serving, settings_with

GOODBYE_SECONDS = 30.0  # of these tests, for websockets to answer our last close frame
GET = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"


def hello() -> Blueprint:
    blueprint = Blueprint("test", __name__)

    @blueprint.get("/hello")
    async def view() -> str:
        return "hello"

    return blueprint


def test_a_tcp_server_takes_what_we_give_it() -> None:
    parameters = list(inspect.signature(TCPServer.__init__).parameters)
    assert parameters == ["self", "app", "config", "context", "state", "stream"]
    assert hasattr(TCPServer, "__await__")
    assert ConnectionState({}) == {}


def test_a_worker_context_has_what_we_replace() -> None:
    context = WorkerContext(None)
    assert not context.terminated.is_set()
    assert inspect.iscoroutinefunction(context.sleep)


def test_the_config_knows_every_key_we_set() -> None:
    names = "accesslog errorlog include_server_header h11_max_incomplete_size certfile keyfile "
    names += "h2_max_header_list_size keep_alive_timeout ssl_handshake_timeout read_timeout "
    names += "websocket_ping_interval websocket_max_message_size"
    assert [name for name in names.split() if not hasattr(Config, name)] == []


def test_tcp_server_calls_only_what_a_served_stream_has() -> None:
    source = inspect.getsource(TCPServer)
    used = {part.split("(")[0].split(".")[0] for part in source.split("self.stream.")[1:]}
    used = {name.split()[0].rstrip(",)") for name in used}
    plain = {"socket", "send_all", "receive_some", "send_eof", "aclose"}
    only_tls = {"do_handshake", "selected_alpn_protocol", "transport_stream"}
    assert used == plain | only_tls


async def test_quart_trio_alone_would_keep_idle_connections_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If this fails, `SteadyHttpConnection` is no longer needed."""
    monkeypatch.setattr(App, "asgi_http_class", TrioASGIHTTPConnection)
    settings = settings_with(limits={"header_seconds": 0.5})
    async with (
        serving(mount(blueprint=hello()), settings=settings) as server,
        connected(server) as client,
    ):
        await client.send(GET)
        await client.read_head()
        await client.read(5)
        with trio.move_on_after(2.0) as waited:
            await client.read_rest()
        assert waited.cancelled_caught


async def test_an_idle_connection_is_closed_after_header_seconds() -> None:
    settings = settings_with(limits={"header_seconds": 0.5})
    async with (
        serving(mount(blueprint=hello()), settings=settings) as server,
        connected(server) as client,
    ):
        await client.send(GET)
        await client.read_head()
        await client.read(5)
        with trio.fail_after(9):  # header_seconds is ten where nobody sets it
            assert await client.read_rest() == b""


async def test_quart_trio_alone_would_cancel_the_handler_of_a_lost_websocket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If this fails, `SteadyWebsocketConnection` is no longer needed."""
    monkeypatch.setattr(App, "asgi_websocket_class", TrioASGIWebsocketConnection)
    ended: list[type[BaseException]] = []
    done = trio.Event()

    async def serve(socket: Socket) -> None:
        try:
            await socket.receive()
        except BaseException as error:
            ended.append(type(error))
            raise
        finally:
            done.set()

    async with serving(mount(serve), carrier="quart") as server:
        async with upgraded(server):
            pass
        with trio.fail_after(20):
            await done.wait()
    assert ended == [trio.Cancelled]


async def test_hypercorn_alone_would_keep_the_clients_close_code_to_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If this fails, `_tell_the_code` is no longer needed."""
    monkeypatch.setattr(WSStream, "handle", hypercorn_seam._handle)
    ended: list[tuple[int, bool]] = []
    done = trio.Event()

    async def serve(socket: Socket) -> None:
        try:
            await socket.receive()
        except SocketClosed as closed:
            ended.append((closed.code, closed.theirs))
        done.set()

    async with serving(mount(serve), carrier="quart") as server:
        async with talking(server.websocket()) as client:
            await client.aclose(1001)
        await done.wait()
    assert ended == [(1006, False)]


async def test_a_lost_websocket_under_hypercorn_is_let_go_of_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.http.carriers.connections.GOODBYE_SECONDS", GOODBYE_SECONDS)

    async def serve(socket: Socket) -> None:
        await socket.receive()

    async with serving(mount(serve, blueprint=hello())) as server:
        async with connected(server) as client:
            await client.send(GET)
            await client.read_head()
            await client.read(5)
            await client.send(upgrade_request())
            await client.read_head()
        assert server.connections is not None
        started = trio.current_time()
        await server.connections.stop(2 * GOODBYE_SECONDS)
        assert trio.current_time() - started < 0.8 * GOODBYE_SECONDS  # before any are hurried


async def test_a_slow_reader_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.http.carriers.served_stream.SEND_SECONDS", 0.2)
    blueprint = Blueprint("test", __name__)

    @blueprint.get("/large")
    async def view() -> bytes:
        return b"x" * 50_000_000

    async with (
        serving(mount(blueprint=blueprint)) as server,
        connected(server) as client,
        httpx.AsyncClient() as http,
    ):
        await client.send(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        await client.read_head()
        assert server.connections is not None
        with trio.fail_after(20):
            while server.connections.facts()["connections"]:
                await trio.sleep(0.01)
        assert len(await client.read_rest()) < 50_000_000
        assert (await http.get(f"{server.url}/nothing")).status_code == 404


async def test_a_request_behind_the_last_one_holds_up_no_stop() -> None:
    """Hypercorn alone would wait for its turn, which never comes."""
    asked, answer = trio.Event(), trio.Event()
    blueprint = Blueprint("test", __name__)

    @blueprint.get("/hello")
    async def view() -> str:
        asked.set()
        await answer.wait()
        return "hello"

    async with serving(mount(blueprint=blueprint)) as served, connected(served) as client:
        await client.send(GET + GET)
        with trio.fail_after(20):
            await asked.wait()
            assert served.connections is not None
            async with trio.open_nursery() as nursery:
                nursery.start_soon(served.connections.stop, 30)
                await trio.testing.wait_all_tasks_blocked(0.05)
                answer.set()
        assert (await client.read_head()).startswith("HTTP/1.1 200")


async def test_a_request_behind_a_last_answer_leaves_nothing_behind() -> None:
    """Where the answer says that the connection is not kept, while the server goes on."""
    asked, answer = trio.Event(), trio.Event()
    blueprint = Blueprint("test", __name__)

    @blueprint.get("/hello")
    async def view() -> tuple[str, dict[str, str]]:
        asked.set()
        await answer.wait()
        return "hello", {"connection": "close"}

    async with serving(mount(blueprint=blueprint)) as served:
        async with connected(served) as client:
            await client.send(GET + GET)
            with trio.fail_after(20):
                await asked.wait()
                await trio.testing.wait_all_tasks_blocked(0.05)
                answer.set()
                assert (await client.read_rest()).count(b"hello") == 1
        assert served.connections is not None
        with trio.fail_after(20):
            while served.connections.facts()["connections"]:
                await trio.sleep(0.01)


async def test_an_answer_behind_which_the_connection_closes_says_so() -> None:
    """Else a client sends its next request into the closing connection, and loses it."""
    blueprint = Blueprint("test", __name__)

    @blueprint.post("/hello")
    async def view() -> str:
        return "hello"

    head = b"POST /hello HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n"
    async with serving(mount(blueprint=blueprint)) as served:
        async with connected(served) as client:
            await client.send(head + b"whole")
            with trio.fail_after(20):
                assert "connection: close" not in (await client.read_head()).lower()
        async with connected(served) as client:
            await client.send(head + b"part")
            with trio.fail_after(20):
                answer = (await client.read_rest()).lower()
            assert b"connection: close" in answer
            assert answer.endswith(b"hello")
