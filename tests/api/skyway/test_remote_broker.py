"""A line to brokers elsewhere over real sockets: to ours, and to npm `peer` 1.0.2."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import trio

from actors.device.events import Trouble
from actors.device.line import LineDown, LineEvent, LineFrame, LineRefused, LineUnreached, LineUp
from api.skyway.remote_line import RemoteLine, remote_line
from tests.support.nginx import make_certificate, trusting
from tests.support.npm_broker import npm_broker
from tests.support.peerjs import BrokerClient, broker_server, broker_settings
from tests.support.spreed import connect
from tests.support.tcp_proxy import proxy_to

PATIENCE = 30.0


@dataclass
class Device:
    """A line, and what it told."""

    line: RemoteLine
    told: list[LineEvent] = field(default_factory=list)

    async def hears(self, event: LineEvent, times: int = 1) -> None:
        with trio.fail_after(PATIENCE):
            while self.told.count(event) < times:
                await trio.sleep(0.01)

    async def goes_down(self, times: int = 1) -> None:
        with trio.fail_after(PATIENCE):
            while sum(isinstance(event, LineDown) for event in self.told) < times:
                await trio.sleep(0.01)

    async def hears_frame(self) -> dict[str, object]:
        """Return the next frame, once it is there."""
        with trio.fail_after(PATIENCE):
            while True:
                for event in self.told:
                    if isinstance(event, LineFrame):
                        self.told.remove(event)
                        return dict(json.loads(event.frame))
                await trio.sleep(0.01)

    async def offers(self, to: str, payload: object) -> bool:
        frame = {"type": "OFFER", "src": "robot", "dst": to, "payload": payload}
        return await self.line.signal("OFFER", to, json.dumps(frame).encode())


@asynccontextmanager
async def device(
    url: str, id_: str = "robot", key: str = "peerjs", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Device]:
    device = Device(remote_line(url, key, id_, tls=tls))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(device.line.run, device.told.append)
        yield device
        nursery.cancel_scope.cancel()


async def both_ways(robot: Device, ann: BrokerClient) -> None:
    """Have each tell the other something."""
    assert await robot.offers("ann", {"sdp": "ä"})
    frame = await ann.next()
    assert frame == {"type": "OFFER", "src": "robot", "dst": "ann", "payload": {"sdp": "ä"}}
    await ann.send("ANSWER", "robot", payload={"n": 1})
    assert await robot.hears_frame() == {
        "type": "ANSWER", "src": "ann", "dst": "robot", "payload": {"n": 1},
    }  # fmt: skip


async def test_a_device_and_a_browser_meet_at_our_broker(tmp_path: Path) -> None:
    settings = broker_settings(peerjs={"expire_timeout": 0.3})
    async with broker_server(tmp_path, settings=settings) as broker:
        url = broker.serving.websocket("/")
        async with device(url) as robot, broker.client("ann") as ann:
            await robot.hears(LineUp())
            await both_ways(robot, ann)
            assert await robot.offers("nobody", 1)
            await robot.hears(LineUnreached("nobody"))
            async with device(url) as other, device(url, "x", "wrong key") as stranger:
                await other.hears(LineRefused(Trouble.UNAVAILABLE_ID))
                await stranger.hears(LineRefused(Trouble.INVALID_KEY))
                assert not await other.offers("ann", 1)
        await broker.until_gone("robot")


async def test_a_device_comes_back_to_our_broker_under_its_id(tmp_path: Path) -> None:
    async with (
        broker_server(tmp_path) as broker,
        proxy_to("127.0.0.1", broker.serving.port) as between,
        device(f"ws://127.0.0.1:{between.port}") as robot,
        broker.client("ann") as ann,
    ):
        await robot.hears(LineUp())
        between.down()
        await robot.goes_down()
        await between.up()
        await robot.hears(LineUp(), times=2)
        await both_ways(robot, ann)
        assert not any(isinstance(event, LineRefused) for event in robot.told)


async def test_a_full_broker_is_tried_again(tmp_path: Path) -> None:
    settings = broker_settings(peerjs={"concurrent_limit": 1})
    async with broker_server(tmp_path, settings=settings) as broker:
        async with broker.client("ann"):
            async with device(broker.serving.websocket("/")) as robot:
                await robot.hears(LineDown(Trouble.SERVER_ERROR))
        await broker.until_gone("ann")
        async with device(broker.serving.websocket("/")) as robot:
            await robot.hears(LineUp())


async def answer_nothing(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):  # a device that went meanwhile
        async with stream:
            await stream.receive_some()
            await trio.sleep_forever()


async def answer(text: bytes, stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):  # a device that went meanwhile
        async with stream:
            await stream.receive_some()
            await stream.send_all(text)


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: wrong\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: \xff\xfe\r\nSec-WebSocket-Protocol: \xff\r\n\r\n",
        b"\x00\xff junk \r\n\r\n",
    ],
)
async def test_what_is_no_broker_is_trouble_and_no_crash(
    text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.skyway.remote_link.CONNECT_SECONDS", 1.0)
    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(
            partial(trio.serve_tcp, partial(answer, text), 0, host="127.0.0.1")
        )
        port = listener.socket.getsockname()[1]
        async with device(f"ws://127.0.0.1:{port}") as robot:
            await robot.goes_down()
        nursery.cancel_scope.cancel()
    assert isinstance(robot.told[0], LineDown)


async def test_who_accepts_and_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.skyway.remote_link.CONNECT_SECONDS", 0.2)
    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(
            partial(trio.serve_tcp, answer_nothing, 0, host="127.0.0.1")
        )
        port = listener.socket.getsockname()[1]
        for scheme in ("ws", "wss"):
            async with device(f"{scheme}://127.0.0.1:{port}") as robot:
                await robot.hears(LineDown(Trouble.SOCKET_ERROR))
        nursery.cancel_scope.cancel()


async def test_tls_is_agreed_on_with_whom_the_system_trusts_alone(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    async with broker_server(tmp_path) as broker, trio.open_nursery() as nursery:
        forward = partial(forward_to, broker.serving.port)
        [listener] = await nursery.start(
            partial(trio.serve_ssl_over_tcp, forward, 0, ours, host="127.0.0.1")
        )
        port = listener.transport_listener.socket.getsockname()[1]
        async with device(f"wss://127.0.0.1:{port}") as robot:
            await robot.hears(LineDown(Trouble.SSL_UNAVAILABLE))
        async with device(f"wss://127.0.0.1:{port}", tls=trusting(tmp_path)) as robot:
            await robot.hears(LineUp())
            async with broker.client("ann") as ann:
                await both_ways(robot, ann)
        async with device(
            f"wss://127.0.0.1:{broker.serving.port}", tls=trusting(tmp_path)
        ) as robot:
            await robot.goes_down()
            assert robot.told == [LineDown(Trouble.SSL_UNAVAILABLE)]
        nursery.cancel_scope.cancel()


async def forward_to(port: int, stream: trio.SSLStream[trio.SocketStream]) -> None:
    """Pass on what goes over a TLS connection, both ways, until either ends."""
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as inside, stream:
            async with trio.open_nursery() as nursery:

                async def pump(source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
                    try:
                        async for data in source:
                            await sink.send_all(data)
                    except (trio.BrokenResourceError, trio.ClosedResourceError):
                        pass
                    nursery.cancel_scope.cancel()

                nursery.start_soon(pump, stream, inside)
                nursery.start_soon(pump, inside, stream)
    except trio.BrokenResourceError:
        pass  # a client that does not trust us


@asynccontextmanager
async def browser(port: int, id_: str) -> AsyncIterator[BrokerClient]:
    url = f"ws://127.0.0.1:{port}/peerjs?key=peerjs&id={id_}&token=t&version=1.5.5"
    async with connect(url) as socket:
        client = BrokerClient(socket, id_)
        assert (await client.next())["type"] == "OPEN"
        yield client


@pytest.mark.slow
async def test_a_device_survives_the_original_broker_being_killed_and_restarted() -> None:
    async with AsyncExitStack() as stack:
        async with npm_broker() as port:
            robot = await stack.enter_async_context(device(f"ws://127.0.0.1:{port}/"))
            await robot.hears(LineUp())
            async with browser(port, "ann") as ann:
                await both_ways(robot, ann)
                await robot.line.refuse("ann")
                assert await ann.next() == {"type": "EXPIRE", "src": "robot", "dst": "ann"}
        await robot.goes_down()
        assert await robot.offers("ann", "while it is down")
        async with npm_broker(port), browser(port, "ann") as ann:
            assert (await ann.next())["payload"] == "while it is down"
            assert robot.told.count(LineUp()) == 2
            await both_ways(robot, ann)
            assert await robot.offers("nobody", 1)
            await robot.hears(LineUnreached("nobody"))


class Forgetful:
    """Forwards to a broker; `cut` ends what clients have, and the broker does not hear of it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cut = trio.Event()

    def cut(self) -> None:
        self._cut.set()
        self._cut = trio.Event()

    async def serve(self, client: trio.SocketStream) -> None:
        cut = self._cut
        async with await trio.open_tcp_stream("127.0.0.1", self._port) as broker:
            async with client, trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, client, broker)
                nursery.start_soon(self._pump, broker, client)
                await cut.wait()
                nursery.cancel_scope.cancel()
            await trio.sleep_forever()

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):  # a reset is an end like any other
            async for data in source:
                await sink.send_all(data)


async def test_a_device_is_up_at_the_original_broker_that_says_no_open_again() -> None:
    async with npm_broker() as port, trio.open_nursery() as nursery:
        between = Forgetful(port)
        [listener] = await nursery.start(
            partial(trio.serve_tcp, between.serve, 0, host="127.0.0.1")
        )
        way = listener.socket.getsockname()[1]
        async with device(f"ws://127.0.0.1:{way}") as robot, browser(port, "ann") as ann:
            await robot.hears(LineUp())
            between.cut()
            await robot.goes_down()
            await robot.hears(LineUp(), times=2)
            await both_ways(robot, ann)
        nursery.cancel_scope.cancel()
