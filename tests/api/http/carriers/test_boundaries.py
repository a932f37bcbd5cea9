"""A bug in what a websocket has besides its handler, writer and ticker, ends that one alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from structlog.typing import EventDict
from trio_websocket import WebSocketConnection

from api.http.carriers import lane_output, pacing, quart_socket
from api.http.carriers.lane import LaneSocket
from api.http.carriers.quart_socket import QuartSocket
from api.http.sockets import Socket, SocketClosed, SocketLimits
from tests.support import raw
from tests.support.raw import frame, talking, upgraded
from tests.support.serving import Serving, mount, serving

PIECE, PIECES = 500_000, 40  # more than the kernel takes for a client that does not read
LIMITS = SocketLimits(messages_per_second=0, outbox_bytes=PIECE * PIECES * 2)


class Handler:
    """Echoes; for "flood" it sends too much. Who says anything first is the sick one."""

    def __init__(self) -> None:
        self.sick: Socket | None = None
        self.closed = list[int]()

    async def serve(self, socket: Socket) -> None:
        try:
            while True:
                payload, _ = await socket.receive()
                self.sick = self.sick or socket
                for _ in range(PIECES if payload == b"flood" else 0):
                    socket.push(b"x" * PIECE)
                socket.push(payload)
        except SocketClosed as closed:
            self.closed.append(closed.code)
            raise


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as entries:
        yield entries


def crashes(logged: list[EventDict]) -> list[tuple[str, str, type]]:
    return [
        (entry["at"], entry["dialect"], type(entry["exc_info"]))
        for entry in logged
        if entry["event"] in ("connection.crashed", "request.crashed", "actor.crashed")
    ]


async def until(condition: Any) -> None:
    with trio.fail_after(20):
        while not condition():
            await trio.sleep(0.01)


async def check_others(server: Serving, neighbour: WebSocketConnection) -> None:
    """See that the listener serves those who are there, and takes new ones."""
    async with talking(server.websocket()) as newcomer:
        for client in (neighbour, newcomer):
            with trio.fail_after(20):
                await client.send_message("well?")
                assert await client.get_message() == "well?"


class Bug(ZeroDivisionError):
    """A bug."""


async def test_a_writer_of_the_lane_that_crashes_ends_its_connection_only(
    handler: Handler, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(socket: object, unsent: object) -> bool:
        raise Bug

    async with (
        serving(mount(handler.serve, limits=LIMITS)) as server,
        talking(server.websocket()) as neighbour,
        upgraded(server) as client,
    ):
        monkeypatch.setattr(lane_output, "send_some", fail)
        await client.send(frame(raw.TEXT, b"flood"))
        with trio.fail_after(20):
            while await client.stream.receive_some():
                pass  # and it is cut off
        await until(lambda: handler.closed)
        await check_others(server, neighbour)
        assert server.services.traffic.websocket("test").crashed == 1
    assert handler.closed[0] == 1011
    assert crashes(logged) == [("write", "test", Bug)]


@pytest.mark.parametrize(("times", "code"), [(1, 1011), (9, 1000)])
async def test_a_writer_under_quart_that_crashes_ends_its_connection_only(
    handler: Handler,
    logged: list[EventDict],
    monkeypatch: pytest.MonkeyPatch,
    times: int,
    code: int,
) -> None:
    """Where no close frame can be sent, it is Quart that closes."""
    real, failed = QuartSocket._write_out, list[None]()

    async def fail(socket: QuartSocket) -> None:
        while handler.sick is None:
            await trio.sleep(0.01)
        if socket is handler.sick and len(failed) < times:
            failed.append(None)
            raise Bug
        await real(socket)

    monkeypatch.setattr(quart_socket, "CLOSE_SECONDS", 20.0)
    monkeypatch.setattr(QuartSocket, "_write_out", fail)
    async with (
        serving(mount(handler.serve, limits=LIMITS), carrier="quart") as server,
        talking(server.websocket()) as neighbour,
        upgraded(server) as client,
    ):
        await client.send(frame(raw.TEXT, b"hm"))
        with trio.fail_after(20):
            found = await client.read_close()
        await until(lambda: handler.closed)
        await check_others(server, neighbour)
    assert found == code
    assert handler.closed[0] == 1011
    assert crashes(logged) == [("write", "test", Bug)] * min(times, 2)


@pytest.mark.parametrize("times", [1, 9])
async def test_a_tick_that_crashes_ends_its_connection_only(
    handler: Handler, logged: list[EventDict], monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Also where every tick of it does, and its client does not answer the close frame."""
    real, failed = LaneSocket.tick, list[None]()

    def fail(socket: LaneSocket, now: float) -> None:
        if socket is handler.sick and len(failed) < times:
            failed.append(None)
            raise Bug
        real(socket, now)

    monkeypatch.setattr(pacing, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(LaneSocket, "tick", fail)
    async with (
        serving(mount(handler.serve, limits=LIMITS)) as server,
        talking(server.websocket()) as neighbour,
        upgraded(server) as client,
    ):
        await client.send(frame(raw.TEXT, b"hm"))
        with trio.fail_after(20):
            assert await client.read_close() == 1011
            if times == 1:
                await client.send(frame(raw.CLOSE, b"\x03\xf3"))
            assert await client.read_rest() == b""
        await check_others(server, neighbour)
    assert handler.closed[0] == 1011
    assert crashes(logged) == [("tick", "test", Bug)] * min(times, 2)
