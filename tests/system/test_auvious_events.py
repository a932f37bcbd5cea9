"""Events of a real `quintet serve`, from sendEvent to whoever listens, and what its log keeps."""

from __future__ import annotations

import json
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import trio

from tests.support import mqtt
from tests.support.auvious_events import MQTT_JS, MQTT_JS_SCRIPT, MqttClient
from tests.support.mosquitto import (
    PASSWORD,
    USER,
    Subscriber,
    mosquitto,
    write_config,
)
from tests.support.nginx import make_certificate, trusting
from tests.support.npm import node, npm_packages
from tests.support.ports import free_port
from tests.support.process import RunningProcess, launched
from tests.support.raw import RawClient, talking

PATIENCE = 60.0
SECRET = "service-secret-7731"
CONFIG = f"""
[[listeners]]
bind = "127.0.0.1:0"
dialects = ["spreed", "auvious", "operator"]
root = "spreed"
[[auvious.clients]]
id = "portal"
secret = "{SECRET}"
organization = "acme"
grants = ["client_credentials"]
[log]
level = "debug"
"""
EVENTS = "/rtc-api/users/endpoints"
CARD = "card-4111-1111"
EVENT = {"type": "CardShownEvent", "timestamp": "2026-11-21T12:00:00Z", "card": CARD}


@dataclass
class Portal:
    """A client with a token, which is also the owner of the endpoints it registers."""

    server: RunningProcess
    port: int
    http: httpx.AsyncClient
    token: str

    @property
    def websocket(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def post(self, path: str, body: object) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        response = await self.http.post(f"{EVENTS}{path}", json=body, headers=headers)
        assert response.is_success, response.text
        return response.json() if response.content else None

    async def register(self, endpoint: str) -> None:
        body = {"userEndpointId": endpoint, "keepAliveSeconds": 60}
        assert await self.post("", body) == endpoint

    async def send(self, **more: object) -> int:
        body = {"userId": "portal", "organizationId": "acme", "event": EVENT, "qos": 1} | more
        return int(await self.post("/sendEvent", body))

    @asynccontextmanager
    async def listening(self, topic: str, version: int = 4) -> AsyncIterator[MqttClient]:
        async with talking(self.websocket, ["mqtt"]) as socket:
            client = MqttClient(socket)
            answer = await client.connect("portal", self.token, version=version)
            assert answer == mqtt.Said(mqtt.CONNACK, (0,))
            assert await client.subscribe(topic) == (1,)
            yield client

    @asynccontextmanager
    async def streaming(self, endpoint: str) -> AsyncIterator[RawClient]:
        """Open an event stream by its address alone, as EventSource does."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        async with stream:
            client = RawClient(stream)
            target = f"{EVENTS}/{endpoint}/events?access_token={self.token}"
            await client.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (await client.read_head()).startswith("HTTP/1.1 200")
            yield client


@asynccontextmanager
async def portal(
    folder: Path,
    config: str = CONFIG,
    command: tuple[str, ...] = (),
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Portal]:
    """Start a server and sign in; with `tls`, all of HTTP goes over HTTP/2."""
    async with launched(folder, config, command=command) as server:
        port = port or server.port
        base = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        options: Any = {"verify": tls, "http2": True} if tls else {}
        async with httpx.AsyncClient(base_url=base, timeout=PATIENCE, **options) as http:
            form = {
                "grant_type": "client_credentials", "client_id": "portal", "client_secret": SECRET,
            }  # fmt: skip
            answer = await http.post("/security/oauth/token", data=form)
            assert answer.is_success, answer.text
            yield Portal(server, port, http, answer.json()["access_token"])


async def test_an_event_reaches_mqtt_and_the_stream_of_one_user(tmp_path: Path) -> None:
    async with portal(tmp_path) as client:
        await client.register("e")
        assert await client.send() == 1
        async with client.listening("user/portal/e") as listener, client.streaming("e") as stream:
            said = await listener.event()
            assert (json.loads(said.payload), said.qos) == (EVENT, 1)
            assert await client.send(qos=0) == 1
            assert json.loads((await listener.event()).payload) == EVENT
            text = b""
            with trio.fail_after(PATIENCE):
                while CARD.encode() not in text:
                    text += await client_read(stream)


async def client_read(stream: RawClient) -> bytes:
    data = await stream.read(1)
    assert data
    return data


async def test_spreed_and_mqtt_share_a_path(tmp_path: Path) -> None:
    async with portal(tmp_path) as client:
        async with talking(client.websocket) as socket:
            assert json.loads(await socket.get_message())["Data"]["Type"] == "Self"
        await client.register("e")
        async with client.listening("users/endpoints/e") as listener:
            assert await client.send() == 1
            await listener.event()


@pytest.mark.parametrize("version", [4, 5])
async def test_idle_listeners_hold_up_no_stop(tmp_path: Path, version: int) -> None:
    async with portal(tmp_path) as client:
        await client.register("e")
        async with client.listening("users/endpoints/e", version) as mqtt_client:
            async with client.streaming("e") as stream:
                await stream.read(10)
                client.server.send(signal.SIGTERM)
                told = [mqtt.Said(mqtt.DISCONNECT, (0x8B,))] if version == 5 else []
                assert await mqtt_client.end() == (1001, told)
                with trio.fail_after(PATIENCE):
                    assert (await stream.read_rest()).endswith(b"0\r\n\r\n")  # a proper end
        code, _ = await client.server.end()
    assert (code, client.server.stopped_within() < 12) == (0, True)  # of the twenty it may take


async def test_what_is_masked_is_seen_by_its_receiver_only(tmp_path: Path) -> None:
    port = free_port()
    url = f"mqtt://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
    config = f'{CONFIG}\n[auvious.broker]\nurl = "{url}"\ntopic = "copies"\n'
    with mosquitto(write_config(tmp_path, port), port), Subscriber(port, "copies/#") as copies:
        async with portal(tmp_path, config) as client:
            await client.server.wait_for("broker.connected")
            await client.register("e-1")
            async with client.listening("user/portal/e-1") as listener:
                assert await client.send(masks=["$.card"], userEndpointId="e-1") == 1
                assert json.loads((await listener.event()).payload) == EVENT
            topic, copy = await trio.to_thread.run_sync(copies.next)
            assert topic == "copies/acme/portal/e-1"
            assert json.loads(copy) == EVENT | {"card": "*" * len(CARD)}
            assert await client.send() == 1
            client.server.send(signal.SIGTERM)
            _, copy = await trio.to_thread.run_sync(copies.next)
            assert json.loads(copy) == EVENT
            code, _ = await client.server.end()
    log = json.dumps(client.server.log)
    assert code == 0
    for secret in (CARD, client.token, PASSWORD, quote(PASSWORD, safe=""), SECRET):
        assert secret not in log


async def test_under_a_plain_hypercorn_a_stream_ends_with_the_process(tmp_path: Path) -> None:
    port = free_port()
    command = (
        "-m", "hypercorn", "--worker-class", "trio", "--workers", "1",
        "--graceful-timeout", "1", "--bind", f"127.0.0.1:{port}", "api.asgi:app",
    )  # fmt: skip
    config = CONFIG.replace("127.0.0.1:0", f"127.0.0.1:{port}")
    async with portal(tmp_path, config, command, port) as client:
        await client.register("e")
        async with client.streaming("e") as stream:
            assert await client.send() == 1
            text = b""
            while CARD.encode() not in text:
                text += await client_read(stream)
            client.server.send(signal.SIGTERM)
            with trio.fail_after(PATIENCE):
                await stream.read_rest()
        code, _ = await client.server.end()
    assert code == 0


async def test_over_tls_events_arrive_and_hold_up_no_stop(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    files = f'tls_certfile = "{tmp_path}/cert.pem"\ntls_keyfile = "{tmp_path}/key.pem"\n'
    config = CONFIG.replace('root = "spreed"\n', f'root = "spreed"\n{files}')
    modules = npm_packages(MQTT_JS)
    async with portal(tmp_path, config, tls=trusting(tmp_path)) as client:
        await client.register("e")
        assert await client.send() == 1
        options = {
            "username": "portal", "password": client.token, "topics": ["users/endpoints/e"],
            "rejectUnauthorized": False, "protocolVersion": 5,
        }  # fmt: skip
        url = f"wss://127.0.0.1:{client.port}/ws"
        headers = {"Authorization": f"Bearer {client.token}"}
        async with (
            node(MQTT_JS_SCRIPT, url, json.dumps(options), modules=modules) as script,
            client.http.stream("GET", f"{EVENTS}/e/events", headers=headers) as stream,
        ):
            heard = [json.loads(await script.line()) for _ in range(2)]
            assert ["subscribed", 1] in heard
            assert {CARD} == {json.loads(each[2])["card"] for each in heard if each[0] == "event"}
            assert stream.http_version == "HTTP/2"
            text = ""
            with trio.fail_after(PATIENCE):
                async for piece in stream.aiter_text():
                    text += piece
                    if CARD in text and client.server.process.returncode is None:
                        client.server.send(signal.SIGTERM)
                        text = text.replace(CARD, "")
            # MQTT.js may see the end of the websocket before it looks at the packet in front of it.
            assert json.loads(await script.line()) in (["disconnect", 0x8B], ["closed"])
        code, _ = await client.server.end()
    assert (code, client.server.stopped_within() < 12) == (0, True)
