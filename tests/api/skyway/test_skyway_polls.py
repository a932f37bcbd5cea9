"""Long polls over HTTP: one event each, none lost with a client that leaves, slow refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from actors.device.events import CallReady, ConnectionFailed, CredentialExpires, PeerFailed, Trouble
from api.http.carriers.quart_seam import SteadyHttpConnection
from tests.support.serving import CARRIERS
from tests.support.skyway import Gateway, check_error, gateway


async def left_open(served: Gateway, path: str) -> trio.SocketStream:
    """Ask for an event and do not read the answer."""
    stream = await trio.open_tcp_stream(served.serving.host, served.serving.port)
    await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return stream


async def until(true: Any) -> None:
    with trio.fail_after(30):
        while not true():
            await trio.sleep(0.005)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_poll_without_an_event_ends_after_its_time(tmp_path: Path, carrier: str) -> None:
    async with (
        gateway(tmp_path, carrier, long_poll_seconds=0.2) as served,
        served.strict() as client,
    ):
        peer = await client.opened_peer("ID")
        began = trio.current_time()
        path = f"{peer.path}/events{peer.query}"
        found = await client.refused(408, "PEERS_EVENTS", "GET", path)
        assert list(found) == ["peer_id"]
        assert trio.current_time() - began >= 0.2


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_every_kind_of_event(tmp_path: Path, carrier: str) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        peer, other = await client.opened_peer("ID"), await client.opened_peer("other")
        book = served.state.book
        book.happened(peer.token, CredentialExpires(300))
        book.happened(peer.token, PeerFailed(Trouble.SOCKET_CLOSED))
        found = await client.peer_event(peer, "EXPIRESIN", "remainingSec")
        assert found["remainingSec"] == 300
        found = await client.peer_event(peer, "ERROR", "error_message")
        assert found["error_message"] == "SOCKET_CLOSED"
        connection, _ = await client.connect(peer, "other")
        await client.data_event(connection, "OPEN")
        book.happened(connection, ConnectionFailed("it failed"))
        found = await client.data_event(connection, "ERROR", "error_message")
        assert found["error_message"] == "it failed"
        call = await client.call(peer, "other", {"video": False, "audio": False,
                                                 "audioReceiveEnabled": True})  # fmt: skip
        book.happened(call, CallReady())
        book.happened(call, ConnectionFailed("it failed"))
        await client.media_event(call, "READY")
        await client.media_event(call, "ERROR", "error_message")
        assert await client.peer_status(other)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_client_that_leaves_takes_no_event_with_it(tmp_path: Path, carrier: str) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        peer = await client.opened_peer("ID")
        entry = served.state.book.find(peer.token)
        assert entry is not None
        for number in range(20):
            stream = await left_open(served, f"{peer.path}/events{peer.query}")
            await until(lambda: entry.turn.value == 0)
            await stream.aclose()
            await until(lambda: entry.turn.value == 1)  # noticed: the poll is cancelled
            served.state.book.happened(peer.token, CredentialExpires(number))
            found = await client.peer_event(peer, "EXPIRESIN", "remainingSec")
            assert found["remainingSec"] == number


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_two_polls_of_one_id_share_its_events(tmp_path: Path, carrier: str) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        peer = await client.opened_peer("ID")
        seen: list[int] = []

        async def poll() -> None:
            for _ in range(10):
                found = await client.peer_event(peer, "EXPIRESIN", "remainingSec")
                seen.append(found["remainingSec"])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(poll)
            nursery.start_soon(poll)
            for number in range(20):
                served.state.book.happened(peer.token, CredentialExpires(number))
                await trio.sleep(0.003)
        assert sorted(seen) == list(range(20))


async def test_head_takes_no_event(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        peer = await client.new_peer("ID")
        response = await client.ask("HEAD", f"{peer.path}/events{peer.query}")
        assert response.status_code == 405
        await client.peer_event(peer, "OPEN")


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_who_polls_in_vain_is_slowed_down_and_nobody_else(
    tmp_path: Path, carrier: str
) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        peer = await client.opened_peer("ID")
        wrong = f"{peer.path}/events?token=pt-wrong"
        for path, status, command in (
            (wrong, 403, "PEERS_EVENTS"),
            ("/data/connections/dc-none/events", 404, "DATA_CONNECTION_EVENTS"),
            ("/media/connections/mc-none/events", 404, "MEDIA_CONNECTION_EVENTS"),
        ):
            for number in range(1, 4):
                began = trio.current_time()
                await client.refused(status, command, "GET", path)
                assert trio.current_time() - began >= number * 0.1 - 0.01
        began = trio.current_time()
        for _ in range(30):  # which would take 41 s
            await client.refused(404, "DATA_CONNECTION_STATUS", "GET",
                                 "/data/connections/dc-none/status")  # fmt: skip
        assert await client.peer_status(peer)
        assert trio.current_time() - began < 30.0


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_polls_end_at_once_when_the_server_goes(tmp_path: Path, carrier: str) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        peer = await client.opened_peer("ID")
        entry = served.state.book.find(peer.token)
        assert entry is not None
        answers: list[int] = []

        async def poll() -> None:
            response = await client.ask("GET", f"{peer.path}/events{peer.query}")
            check_error(response, 503, "PEERS_EVENTS")
            answers.append(response.status_code)

        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(poll)
                await until(lambda: entry.turn.value == 0)
                await served.services.lifecycle.drain(0, 5)
        assert answers == [503]


async def test_a_program_that_polls_keeps_its_peer_and_one_that_died_does_not(
    tmp_path: Path,
) -> None:
    async with (
        gateway(tmp_path, long_poll_seconds=0.5, peer_idle_seconds=4.0) as served,
        served.strict() as client,
    ):
        peer, dead = await client.opened_peer("ID"), await client.opened_peer("dead")
        for _ in range(9):
            await client.refused(408, "PEERS_EVENTS", "GET", f"{peer.path}/events{peer.query}")
        assert await client.peer_status(peer)
        entry = served.state.book.find(dead.token)
        assert entry is not None
        await until(entry.ended.is_set)
        await client.peer_event(dead, "CLOSE")


class Wire:
    """The end of a connection for one request: its receive never ends, its send may."""

    def __init__(self, fails_at: int) -> None:
        self.left = fails_at
        self.scope = trio.CancelScope()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> Any:
        await trio.sleep_forever()

    async def send(self, event: dict[str, Any]) -> None:
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()
        await trio.lowlevel.checkpoint()
        self.sent.append(event)


@pytest.mark.parametrize(("fails_at", "kept"), [(1, True), (2, True), (3, False), (4, False)])
async def test_an_event_is_taken_out_when_its_answer_went_out(
    tmp_path: Path, fails_at: int, kept: bool
) -> None:
    """The carrier is cut off with the head of the answer, with its body, behind it, or never."""
    async with gateway(tmp_path) as served, served.strict() as client:
        peer = await client.new_peer("ID")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": f"{peer.path}/events", "headers": [(b"host", b"localhost")],
            "raw_path": f"{peer.path}/events".encode(), "query_string": peer.query[1:].encode(),
            "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
            "extensions": {},
        }  # fmt: skip
        wire = Wire(fails_at)
        with wire.scope:
            await SteadyHttpConnection(served.serving.app, scope)(wire.receive, wire.send)
        entry = served.state.book.find(peer.token)
        assert entry is not None
        assert bool(entry.events) is kept
        assert entry.turn.value == 1
        if kept:
            await client.peer_event(peer, "OPEN")
