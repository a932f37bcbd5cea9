"""HTTP/2 on TLS listeners: floods of frames, requests that Hypercorn raises over, websockets."""

from __future__ import annotations

import gc
import zlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trio
from hypercorn.protocol.h2 import StreamBuffer
from hyperframe.frame import GoAwayFrame
from priority import PriorityTree
from quart import Blueprint
from quart import request as asked

import tests.support.http2 as h2
from api.http.carriers import hypercorn_http2
from api.http.carriers.http2_frames import AT_ONCE, START
from api.http.carriers.quart_seam import PART
from api.http.sockets import Socket, Upgrade
from tests.api.http.carriers.test_tls import certificate, tls_of, trusting
from tests.support.raw import TEXT, RawClient, upgrade_request
from tests.support.raw import frame as websocket_frame
from tests.support.rough import send_all
from tests.support.serving import Serving, mount, serving

ENHANCE_YOUR_CALM = 11
LARGE = 500_001
PROTOCOL_ERROR = 1
VERSION = (b"sec-websocket-version", b"13")
WEBSOCKET = (b":protocol", b"websocket")


class Secured:
    """A TLS listener with a page and a websocket that says everything twice."""

    def __init__(
        self, server: Serving, cert: Path, upgrades: list[Upgrade], said: pytest.CaptureFixture[str]
    ) -> None:
        self.server = server
        self.upgrades = upgrades
        self._cert = cert
        self._said = said
        self._log = ""

    def log(self) -> str:
        """Return all that was logged so far."""
        self._log += "".join(self._said.readouterr())
        return self._log

    def http2(self) -> AbstractAsyncContextManager[h2.Http2Client]:
        return h2.http2(self.server, trusting(self._cert))

    @asynccontextmanager
    async def http1(self) -> AsyncIterator[RawClient]:
        async with h2.secure(self.server, trusting(self._cert), "http/1.1") as stream:
            yield RawClient(stream)  # type: ignore[arg-type]


@pytest.fixture
async def secured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Secured]:
    """Give one which no test may bring to say that it has crashed."""
    upgrades: list[Upgrade] = []
    blueprint = Blueprint("test", __name__)

    @blueprint.get("/hello")
    async def hello() -> str:
        return "hello"

    @blueprint.get("/large")
    async def large() -> bytes:
        return b"x" * LARGE

    @blueprint.post("/echo")
    async def echo() -> bytes:
        return await asked.get_data()

    async def serve(socket: Socket) -> None:
        upgrades.append(socket.upgrade)
        while True:
            payload, text = await socket.receive()
            socket.push(payload, text=text)

    cert, key = certificate(tmp_path)
    async with serving(mount(serve, blueprint=blueprint), tls=tls_of(cert, key)) as server:
        secured = Secured(server, cert, upgrades, capsys)
        with trio.fail_after(60):
            yield secured
    assert "crash" not in secured.log()
    assert "ASGI Framework" not in secured.log()


FLOODS = {
    "priority": h2.frame(h2.PRIORITY, 0, 5, bytes(4) + b"\x0f"),
    "settings": h2.frame(h2.SETTINGS),
    "ping": h2.frame(h2.PING, 0, 0, b"12345678"),
    "answers to pings": h2.frame(h2.PING, 1, 0, b"12345678"),
    "windows": h2.frame(h2.WINDOW_UPDATE, 0, 0, (1).to_bytes(4, "big")),
    "windows of a request": h2.frame(h2.WINDOW_UPDATE, 0, 1, (1).to_bytes(4, "big")),
    "windows of the past": h2.frame(h2.WINDOW_UPDATE, 0, 3, (1).to_bytes(4, "big")),
    "empty data": h2.frame(h2.DATA, 0, 1),
    "nothing but padding": h2.frame(h2.DATA, h2.PADDED, 1, b"\x07" + bytes(7)),
    "unknown": h2.frame(0x40),
    "resets of the past": h2.frame(h2.RST_STREAM, 0, 3, bytes(4)),
    "headers of the past": h2.request(3),
}


@pytest.mark.usefixtures("long_goodbyes")
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
async def test_who_sends_frames_for_nothing_is_told_and_closed(
    secured: Secured, flood: bytes
) -> None:
    async with secured.http2() as client:
        await client.send(h2.request(1, b"POST", b"/echo", ends=False) + h2.request(3))
        assert await client.status(3) == 200
        await client.send(flood * int(START + 100))
        goaway = await client.until(h2.GOAWAY)
    assert isinstance(goaway, GoAwayFrame)
    assert goaway.error_code == ENHANCE_YOUR_CALM
    assert goaway.additional_data == b"too many frames that carry no request"
    assert "reason='too many frames'" in secured.log()


@pytest.mark.usefixtures("long_goodbyes")
async def test_requests_that_are_taken_back_at_once_have_an_end(secured: Secured) -> None:
    async with secured.http2() as client:
        for stream in range(1, 801, 2):
            await client.send(h2.request(stream) + h2.frame(h2.RST_STREAM, 0, stream, bytes(4)))
        goaway = await client.until(h2.GOAWAY)
    assert isinstance(goaway, GoAwayFrame)
    assert goaway.error_code == ENHANCE_YOUR_CALM
    assert 2 * 160 <= goaway.last_stream_id < 2 * 320


@pytest.mark.usefixtures("long_goodbyes")
async def test_requests_that_nobody_can_answer_have_an_end(secured: Secured) -> None:
    async with secured.http2() as client:
        for stream in range(1, 801, 2):
            await client.send(h2.request(stream, b"CONNECT", None, ends=False))
        goaway = await client.until(h2.GOAWAY)
    assert isinstance(goaway, GoAwayFrame)
    assert goaway.error_code == ENHANCE_YOUR_CALM


async def test_others_get_their_turn_between_a_few_frames(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many frames one reading of the connection brings."""
    handled: list[int] = []
    handle = hypercorn_http2._handle

    async def counting(protocol: object, event: object) -> None:
        size = len(getattr(event, "data", b""))
        handled.append(size)
        others.append(0)
        await handle(protocol, event)

    others: list[int] = [0]

    async def other() -> None:
        while True:
            others[-1] += 1
            await trio.lowlevel.checkpoint()

    monkeypatch.setattr(hypercorn_http2, "_handle", counting)
    async with secured.http2() as client, trio.open_nursery() as nursery:
        nursery.start_soon(other)
        ping = h2.frame(h2.PING, 0, 0, b"12345678")
        await client.send(ping * 800 + h2.request(1))
        assert await client.status(1) == 200
        nursery.cancel_scope.cancel()
    assert max(handled) <= (AT_ONCE + 1) * len(ping)
    assert len(handled) > 800 // AT_ONCE
    assert min(others[1:-1]) >= 1


async def test_a_chain_of_priorities_is_no_crash(secured: Secured) -> None:
    links = b"".join(
        h2.frame(h2.PRIORITY, 0, stream, (stream - 2).to_bytes(4, "big") + b"\x0f")
        for stream in range(5, 905, 2)
    )
    back = h2.frame(h2.PRIORITY, 0, 5, (903).to_bytes(4, "big") + b"\x0f")
    async with secured.http2() as client:
        await client.send(links + back + h2.request(1))
        assert await client.status(1) == 200


async def test_streams_take_turns_in_a_tree_that_no_client_grows(secured: Secured) -> None:
    """If this fails, priorities are kept again."""
    trees: list[PriorityTree] = []
    insert = PriorityTree.insert_stream

    def noting(tree: PriorityTree, *args: object, **options: object) -> None:
        trees.append(tree)
        insert(tree, *args, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PriorityTree, "insert_stream", noting)
        async with secured.http2() as client:
            await client.send(FLOODS["priority"] * 100 + h2.request(1))
            assert await client.status(1) == 200
    assert len(trees) == 1


async def test_a_large_answer_may_be_acknowledged_frame_by_frame(secured: Secured) -> None:
    """Twice each, as plain clients do: a thousand times what START allows is no flood then."""
    body = b"x" * 1_000_000
    async with secured.http2() as client:
        for stream in range(1, 60, 2):
            await client.send(h2.request(stream, b"POST", b"/echo", ends=False))
            await _upload(client, stream, body)
            received = 0
            while received < len(body):
                found = await client.until(h2.DATA, stream)
                received += found.flow_controlled_length
                size = found.flow_controlled_length.to_bytes(4, "big")
                for which in (0, stream):
                    await client.send(h2.frame(h2.WINDOW_UPDATE, 0, which, size))


async def _upload(client: h2.Http2Client, stream: int, body: bytes) -> None:
    """Send a body as the server's windows allow: it gives them back as it reads."""
    sent, window = 0, 65_535
    while sent < len(body):
        if not window:
            for _ in range(2):  # of the stream and of the connection
                found = await client.until(h2.WINDOW_UPDATE)
            window = found.window_increment  # type: ignore[attr-defined]
        part = body[sent : sent + min(window, 16_384)]
        window -= len(part)
        sent += len(part)
        last = h2.END_STREAM if sent == len(body) else 0
        await client.send(h2.frame(h2.DATA, last, stream, part))


ODD_REQUESTS = {
    "a path beyond ASCII": h2.request(1, b"GET", b"/\xff"),
    "a query beyond ASCII": h2.request(1, b"GET", b"/hello?\xff"),
    "a method beyond ASCII": h2.request(1, b"G\xffT"),
    "a tunnel": h2.request(1, b"CONNECT", None, ends=False),
    "a tunnel with a path": h2.request(1, b"connect", b"/hello", ends=False),
    "another protocol": h2.request(
        1, b"CONNECT", b"/ws", (b":protocol", b"connect-udp"), ends=False
    ),
}


@pytest.mark.parametrize("odd", ODD_REQUESTS.values(), ids=ODD_REQUESTS.keys())
async def test_a_request_that_cannot_be_read_ends_alone(secured: Secured, odd: bytes) -> None:
    async with secured.http2() as client:
        await client.send(odd)
        await client.until(h2.RST_STREAM, 1)
        await client.send(h2.request(3))
        assert await client.status(3) == 200


async def test_the_body_of_a_request_that_is_answered_already_is_dropped(secured: Secured) -> None:
    async with secured.http2() as client:
        await client.send(h2.request(1, b"POST", b"/nowhere", ends=False))
        assert await client.status(1) == 404
        while "END_STREAM" not in (await client.until(h2.DATA, 1)).flags:
            pass
        await client.send(h2.frame(h2.PING, 0, 0, bytes(8)))
        await client.until(h2.PING)  # by now it has forgotten the request
        await client.send(h2.frame(h2.DATA, 0, 1, b"late") + h2.request(3))
        assert await client.status(3) == 200


EXTENSIONS = [
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    'permessage-deflate; server_max_window_bits="10"',
    "permessage-deflate; server_max_window_bits=x, ,;=",
    "x-webkit-deflate-frame, \xff",
]


@pytest.mark.parametrize("offer", EXTENSIONS)
async def test_every_extension_of_a_websocket_is_declined(secured: Secured, offer: str) -> None:
    value = offer.encode("latin-1")
    extra = b"\r\nsec-websocket-extensions: %b\r\n\r\n" % value
    head = upgrade_request().replace(b"\r\n\r\n", extra)
    async with secured.http1() as client:
        await client.send(head)
        answer = await client.read_head()
        assert answer.startswith("HTTP/1.1 101")
        assert "extensions" not in answer.lower()
        await client.send(websocket_frame(TEXT, b"plain"))
        assert await client.read_message() == (TEXT, b"plain")
    async with secured.http2() as client2:
        offered = (b"sec-websocket-extensions", value)
        await client2.send(
            h2.request(1, b"CONNECT", b"/ws", WEBSOCKET, VERSION, offered, ends=False)
        )
        assert await client2.status(1) == 200


async def test_a_message_that_would_have_to_be_inflated_ends_the_connection(
    secured: Secured,
) -> None:
    bomb = zlib.compressobj(wbits=-15)
    payload = bomb.compress(bytes(50_000_000)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    message = websocket_frame(TEXT, payload[:-4])
    async with secured.http1() as client:
        extension = "permessage-deflate"
        await client.send(upgrade_request(sec_websocket_extensions=extension))
        await client.read_head()
        await send_all(client, bytes([message[0] | 0x40]) + message[1:])
        assert TEXT not in [found[0] async for found in _frames(client)]


async def _frames(client: RawClient) -> AsyncIterator[tuple[int, bytes]]:
    try:
        while (found := await client.read_frame()) is not None:
            yield found
    except trio.BrokenResourceError:
        return


@pytest.mark.parametrize("path", ["/ws", "/nowhere"])
async def test_what_comes_before_the_grant_is_refused_once(secured: Secured, path: str) -> None:
    early = websocket_frame(TEXT, b"early")
    for _ in range(5):
        async with secured.http1() as client:
            await client.send(upgrade_request(path) + early)
            assert (await client.read_head()).startswith("HTTP/1.1 400")
            assert await client.read_rest() == b""
    assert secured.upgrades == []
    for _ in range(5):
        async with secured.http2() as client2:
            asked = h2.request(1, b"CONNECT", path.encode(), WEBSOCKET, VERSION, ends=False)
            await client2.send(asked + h2.frame(h2.DATA, 0, 1, early) + h2.request(3))
            assert await client2.status(1) in (200, 400, 404)  # the app may be quicker
            assert await client2.status(3) == 200


async def test_other_headers_beyond_ascii_refuse_the_upgrade_or_nothing(secured: Secured) -> None:
    for name in (b"sec-websocket-protocol", b"connection"):
        extra = b"\r\n%b: \xff\r\n\r\n" % name
        async with secured.http1() as client:
            await client.send(upgrade_request().replace(b"\r\n\r\n", extra))
            assert int((await client.read_head()).split()[1]) in (101, 400, 426)


async def test_a_whole_url_asks_for_a_websocket_too(secured: Secured) -> None:
    async with secured.http1() as client:
        await client.send(upgrade_request("https://me@example.test:8443/ws?a=b"))
        assert (await client.read_head()).startswith("HTTP/1.1 101")
    async with secured.http2() as client2:
        path = b"https://example.test:8443/ws?a=b"
        await client2.send(h2.request(1, b"CONNECT", path, WEBSOCKET, VERSION, ends=False))
        assert await client2.status(1) == 200
    while len(secured.upgrades) < 2:
        await trio.sleep(0.01)
    assert {upgrade.path for upgrade in secured.upgrades} == {"/ws"}
    assert {upgrade.host for upgrade in secured.upgrades} == {"example.test:8443"}
    assert all(upgrade.query == {"a": "b"} for upgrade in secured.upgrades)


async def test_a_client_that_leaves_is_let_go_of_at_once(secured: Secured) -> None:
    """And not once an idle connection would have timed out."""
    async with secured.http2() as client:
        await client.send(h2.request())
        assert await client.status(1) == 200
    connections = secured.server.connections
    assert connections is not None
    with trio.fail_after(20):
        while connections.facts()["connections"]:
            await trio.sleep(0.01)


async def test_little_is_kept_of_an_answer_that_is_not_taken(secured: Secured) -> None:
    streams = range(1, 41, 2)
    no_window = h2.frame(h2.SETTINGS, payload=b"\x00\x04" + bytes(4))
    async with secured.http2() as client:
        await client.send(no_window + b"".join(h2.request(it, path=b"/large") for it in streams))
        assert await client.status(streams[-1]) == 200
        await client.send(h2.frame(h2.PING, 0, 0, b"12345678"))
        await client.until(h2.PING)
        while len(kept := _kept()) < len(streams):
            await trio.sleep(0.01)
        assert max(kept) <= 2 * PART
        await client.send(h2.frame(h2.WINDOW_UPDATE, 0, 1, (10 * LARGE).to_bytes(4, "big")))
        await client.send(h2.frame(h2.WINDOW_UPDATE, 0, 0, (10 * LARGE).to_bytes(4, "big")))
        read = 0
        while read < LARGE:
            read += len((await client.until(h2.DATA, 1)).data)  # type: ignore[attr-defined]
        assert read == LARGE


def _kept() -> list[int]:
    """Return how much waits in each buffer; of other tests some are left, empty."""
    buffers = [it.buffer for it in gc.get_objects() if isinstance(it, StreamBuffer)]
    return [len(buffer) for buffer in buffers if buffer]
