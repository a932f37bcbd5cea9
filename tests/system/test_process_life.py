"""The life of the real process: ready, drained, forced, reloaded, refused."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import httpx
import trio

import tests.support.http2 as h2
from tests.api.http.carriers.test_tls import certificate, trusting
from tests.support import raw
from tests.support.ports import free_port
from tests.support.process import OPERATOR, RunningProcess, launched
from tests.support.raw import RawClient, upgrade_request

SPREED = 'listeners = [{ bind = "127.0.0.1:0", dialects = ["spreed", "operator"] }]\n'
PATIENCE = 60.0
LOOKS = 3  # of which the first may come upon the last of a start
STOPS = 3  # of which one may come upon a machine that stands still
UNFINISHED = (  # its body is being waited for, also at the end
    b"POST /api/v1/tokens HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
    b"content-type: application/x-www-form-urlencoded\r\ncontent-length: 9\r\n\r\n"
)
GET = b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n"


@asynccontextmanager
async def connection(server: RunningProcess) -> AsyncIterator[RawClient]:
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        yield RawClient(stream)


def caller() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=PATIENCE)


async def upgraded(client: RawClient, server: RunningProcess) -> None:
    await client.send(upgrade_request("/ws", host=f"127.0.0.1:{server.port}"))
    assert (await client.read_head()).startswith("HTTP/1.1 101")


async def test_sigterm_with_an_idle_kept_alive_client_exits_0_within_a_second(
    tmp_path: Path,
) -> None:
    took = []
    for _ in range(STOPS):
        async with launched(tmp_path) as server, connection(server) as client:
            await client.send(GET)
            assert (await client.read_head()).startswith("HTTP/1.1 200")
            server.send(signal.SIGTERM)
            code, _ = await server.end()
        took.append(server.stopped_within())
        assert code == 0
        said = [line["event"] for line in server.log if line["event"] != "loop.held"]
        assert said == ["server.ready", "server.stopping", "server.stopped"]
    assert median(took) < 1, took


async def test_sigterm_with_an_idle_websocket_closes_it_1001_and_exits_0_within_a_second(
    tmp_path: Path,
) -> None:
    took = []
    for _ in range(STOPS):
        async with launched(tmp_path, SPREED) as server, connection(server) as client:
            await upgraded(client, server)
            server.send(signal.SIGTERM)
            assert await client.read_close() == 1001
            await client.send(raw.frame(raw.CLOSE, b"\x03\xe9"))
            code, _ = await server.end()
        took.append(server.stopped_within())
        assert code == 0
    assert median(took) < 1, took


async def test_a_websocket_that_does_not_answer_the_close_holds_up_the_end_no_longer(
    tmp_path: Path,
) -> None:
    took = []
    for _ in range(STOPS):
        async with launched(tmp_path, SPREED) as server, connection(server) as client:
            await client.send(upgrade_request("/ws", host=f"127.0.0.1:{server.port}"))
            await client.read_head()
            server.send(signal.SIGTERM)
            code, _ = await server.end()
        took.append(server.stopped_within())
        assert code == 0
    assert median(took) < 1, took


async def test_live_logs_whose_client_drops_as_the_server_stops_hold_up_the_end_no_longer(
    tmp_path: Path,
) -> None:
    """Over HTTP/2, where many end at once on a connection that has just gone."""
    token = "0123456789abcdef" * 2
    cert, key = certificate(tmp_path)
    config = (
        '[[listeners]]\nbind = "127.0.0.1:0"\ndialects = ["operator"]\n'
        f'tls_certfile = "{cert}"\ntls_keyfile = "{key}"\n[operator]\ntoken = "{token}"\n'
    )
    bearer = (b"authorization", f"Bearer {token}".encode())
    streams = range(1, 33, 2)
    grace = "shutdown_grace = 50.0"
    async with launched(tmp_path, config, server=grace) as server:
        async with h2.http2(server, trusting(cert)) as client:  # type: ignore[arg-type]
            for stream in streams:
                await client.send(h2.request(stream, b"GET", b"/-/log/live", bearer))
            for _ in streams:
                await client.until(h2.DATA)
            server.send(signal.SIGTERM)
        code, _ = await server.end()
    assert code == 0
    assert "system.killed" not in [line["event"] for line in server.log]
    assert server.stopped_within() < 25  # of the fifty that it may take


async def test_a_second_signal_forces_the_end_with_exit_code_1(tmp_path: Path) -> None:
    config = SPREED + "limits = { body_seconds = 50.0 }\n"
    grace = "shutdown_grace = 50.0"
    async with (
        launched(tmp_path, config, server=grace) as server,
        connection(server) as client,
        connection(server) as unfinished,
    ):
        await unfinished.send(UNFINISHED)
        assert (await unfinished.read_head()).startswith("HTTP/1.1 100")
        await client.send(upgrade_request("/ws", host=f"127.0.0.1:{server.port}"))
        await client.read_head()
        server.send(signal.SIGTERM)
        await client.read_close()  # and never answer it
        server.send(signal.SIGINT)
        code, seconds = await server.end()
    assert (code, seconds < 25) == (1, True)  # of the fifty that it may take
    assert "server.forced" in [line["event"] for line in server.log]


async def test_draining_turns_readyz_to_503_while_connections_are_still_accepted(
    tmp_path: Path,
) -> None:
    delay = "drain_delay = 12.0"
    async with (
        launched(tmp_path, server=delay) as server,
        caller() as http,
    ):
        assert (await http.get(f"{server.url}/-/readyz")).status_code == 200
        server.send(signal.SIGTERM)
        await server.wait_for("server.stopping")
        answer = await http.get(f"{server.url}/-/readyz", headers={"connection": "close"})
        assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
        assert (await http.get(f"{server.url}/-/healthz")).status_code == 200
        code, _ = await server.end()
    assert code == 0
    assert 12.0 < server.stopped_within() < 27.0  # and not as long as it may take besides


async def test_an_address_in_use_is_one_clear_message_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = OPERATOR.replace(":0", f":{port}")
        async with launched(tmp_path, config, ready=False) as server:
            code, _ = await server.end()
    assert code == 1
    assert [line.get("text") for line in server.log] == [
        f"quintet: cannot listen on 127.0.0.1:{port}: Address already in use"
    ]


async def test_a_second_server_with_the_same_data_dir_is_refused(tmp_path: Path) -> None:
    async with launched(tmp_path), launched(tmp_path, ready=False) as second:
        code, _ = await second.end()
    assert code == 1
    assert len(second.log) == 1
    assert "in use by another quintet" in second.log[0]["text"]


async def test_old_names_of_keys_are_warned_of_once_at_the_start(tmp_path: Path) -> None:
    config = OPERATOR + "owt = { connect_seconds = 5, recordings_per_room = 1 }\n"
    async with launched(tmp_path, config) as server:
        warned = [line for line in server.log if line["event"] == "config.old_names"]
    assert [(line["level"], line["new_names"]) for line in warned] == [
        (
            "warning",
            {
                "owt.connect_seconds": "streams.connect_seconds",
                "owt.recordings_per_room": "recording.per_room",
            },
        )
    ]


async def test_sighup_takes_over_limits_and_names_what_needs_a_restart(tmp_path: Path) -> None:
    async with launched(tmp_path) as server, caller() as http:
        url = f"{server.url}/-/actors/stop"
        assert (await http.post(url, content=b"x" * 5000)).status_code == 401
        file = tmp_path / "config.toml"
        changed = "drain_delay = 1.0\n[limits]\nbody_bytes = 1000\n[log]\nlevel = 'debug'\n"
        file.write_text(file.read_text() + changed)
        server.send(signal.SIGHUP)
        line = await server.wait_for("config.reloaded")
        assert set(line["applied"]) == {"limits.body_bytes", "log.level"}
        assert line["need_restart"] == ["server.drain_delay"]
        assert (await http.post(url, content=b"x" * 5000)).status_code == 413


async def test_sighup_changes_the_limits_of_websockets_and_sessions_to_come(
    tmp_path: Path,
) -> None:
    async with launched(tmp_path, SPREED) as server, connection(server) as first:
        await upgraded(first, server)
        file = tmp_path / "config.toml"
        file.write_text(file.read_text() + "[limits]\nmessage_bytes = 1000\npeers = 2\n")
        server.send(signal.SIGHUP)
        await server.wait_for("config.reloaded")
        async with connection(server) as second, connection(server) as third:
            await upgraded(second, server)
            await second.read_message()  # its Self: it has its place
            await upgraded(third, server)
            assert await third.read_close() == 1013
            await second.send(raw.frame(raw.TEXT, b"x" * 1001))
            assert await second.read_close() == 1009


async def test_sighup_takes_over_the_name_of_the_token_file(tmp_path: Path) -> None:
    async with launched(tmp_path, SPREED) as server, caller() as http:
        url = f"{server.url}/api/v1/tokens"
        assert (await http.post(url, data={"a": "letmein"})).status_code == 403
        (tmp_path / "tokens.txt").write_text("letmein\n")
        file = tmp_path / "config.toml"
        file.write_text(file.read_text() + '[spreed]\ntoken_file = "tokens.txt"\n')
        server.send(signal.SIGHUP)
        line = await server.wait_for("config.reloaded")
        assert line["applied"] == ["spreed.token_file"]
        assert (await http.post(url, data={"a": "letmein"})).status_code == 200


async def test_sighup_with_a_wrong_configuration_changes_nothing(tmp_path: Path) -> None:
    async with launched(tmp_path) as server, caller() as http:
        (tmp_path / "config.toml").write_text("[limits]\nno_such_key = 1\n")
        server.send(signal.SIGHUP)
        line = await server.wait_for("config.rejected")
        assert "no_such_key" in json.dumps(line)
        assert (await http.get(f"{server.url}/-/readyz")).status_code == 200


async def test_an_idle_server_with_half_closed_and_partial_clients_uses_no_cpu(
    tmp_path: Path,
) -> None:
    async with (
        launched(tmp_path, SPREED) as server,
        connection(server) as websocket,
        connection(server) as partial,
        connection(server) as idle,
    ):
        await websocket.send(upgrade_request("/ws", host=f"127.0.0.1:{server.port}"))
        await websocket.read_head()
        await websocket.stream.send_eof()
        await partial.send(b"GET /-/healthz HTTP/1.1\r\n")
        await idle.send(GET)
        await idle.read_head()
        await idle.stream.send_eof()
        used = []
        for _ in range(LOOKS):
            before = server.cpu_seconds()
            await trio.sleep(1.0)
            used.append(server.cpu_seconds() - before)
    assert median(used) < 0.1, used


async def test_a_plain_hypercorn_serves_the_first_listeners_dialects(tmp_path: Path) -> None:
    port = free_port()
    command = ("-m", "hypercorn", "--worker-class", "trio", "-w", "1")
    command += ("--bind", f"127.0.0.1:{port}", "api.asgi:app")
    async with (
        launched(tmp_path, SPREED, command=command) as server,
        caller() as http,
    ):
        url = f"http://127.0.0.1:{port}"
        assert (await http.get(f"{url}/-/readyz")).json() == {"status": "ready"}
        assert (await http.get(f"{url}/api/v1/config")).status_code == 200
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            client = RawClient(stream)
            await client.send(upgrade_request("/ws", host=f"127.0.0.1:{port}"))
            assert (await client.read_head()).startswith("HTTP/1.1 101")
            message = await client.read_message()
        assert message is not None
        assert json.loads(message[1])["Data"]["Type"] == "Self"
        server.send(signal.SIGTERM)
        code, _ = await server.end()
    assert code == 0


async def test_a_plain_hypercorn_with_two_workers_is_refused(tmp_path: Path) -> None:
    port = free_port()
    command = ("-m", "hypercorn", "--worker-class", "trio", "-w", "2")
    command += ("--bind", f"127.0.0.1:{port}", "api.asgi:app")
    async with launched(tmp_path, command=command, ready=False) as server:
        await server.end()
    assert any("in use by another quintet" in str(line) for line in server.log)
