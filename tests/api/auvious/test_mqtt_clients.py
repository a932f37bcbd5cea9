"""Published MQTT clients, as they are: MQTT.js in Node.js, and paho-mqtt."""

from __future__ import annotations

import json
import queue
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.support.auvious_events import MQTT_JS, MQTT_JS_SCRIPT, EventServer, event_server
from tests.support.npm import node, npm_packages
from tests.support.serving import CARRIERS
from tests.support.talking import Talking

ALIAS, OLDER = "user/alice/e", "users/endpoints/e"


@pytest.fixture(params=CARRIERS)
async def server(request, tmp_path):  # type: ignore[no-untyped-def]
    async with event_server(tmp_path, request.param) as found:
        yield found


@pytest.fixture
async def lane(tmp_path):  # type: ignore[no-untyped-def]
    async with event_server(tmp_path) as found:
        yield found


def drop_websockets(server: EventServer) -> None:
    """Cut every connection, as a network does."""
    assert server.serving.connections is not None
    for socket in list(server.serving.connections._lanes):
        socket.abort()


@asynccontextmanager
async def mqtt_js(
    server: EventServer, *topics: str, user: str = "alice", token: str = "", **options: Any
) -> AsyncIterator[Talking]:
    options |= {"username": user, "password": token or server.token(user), "topics": topics}
    url, modules = server.serving.websocket("/ws"), npm_packages(MQTT_JS)
    async with node(MQTT_JS_SCRIPT, url, json.dumps(options), modules=modules) as script:
        yield script


async def said(script: Talking) -> list[Any]:
    line: list[Any] = json.loads(await script.line())
    return line


@pytest.mark.parametrize(
    "options",
    [
        {"protocolVersion": 4},
        {"protocolVersion": 5},
        {"protocolVersion": 3, "protocolId": "MQIsdp", "clientId": "old"},
        {"protocolVersion": 4, "clean": False, "clientId": "kept"},
    ],
    ids=["3.1.1", "5", "3.1", "persistent"],
)
async def test_mqtt_js_hears_events_on_both_topics(
    server: EventServer, options: dict[str, Any]
) -> None:
    await server.register()
    await server.offer(b'{"early": true}')
    for topic in (ALIAS, OLDER):
        async with mqtt_js(server, topic, **options) as client:
            heard = [await said(client) for _ in range(2 if topic == ALIAS else 1)]
            assert ["subscribed", 1] in heard  # its callback may come after the first event
            if topic == ALIAS:
                assert ["event", topic, '{"early": true}', 1, False] in heard
            await server.offer('{"text": "grüße"}'.encode(), qos=0)
            assert await said(client) == ["event", topic, '{"text": "grüße"}', 0, False]
            await server.offer(b'{"n": 1}', qos=1)
            assert await said(client) == ["event", topic, '{"n": 1}', 1, False]
            await server.until(waiting=0)


async def test_mqtt_js_hears_an_event_once_under_both_names(server: EventServer) -> None:
    await server.register()
    async with mqtt_js(server, OLDER, ALIAS) as client:
        assert await said(client) == ["subscribed", 1, 1]
        await server.offer(b"1")
        await server.offer(b"2")
        assert [await said(client), await said(client)] == [
            ["event", OLDER, "1", 1, False],
            ["event", OLDER, "2", 1, False],
        ]


@pytest.mark.parametrize("version", [4, 5])
async def test_mqtt_js_gets_events_again_after_its_websocket_dropped(
    lane: EventServer, version: int
) -> None:
    await lane.register()
    async with mqtt_js(lane, ALIAS, slow=True, protocolVersion=version) as client:
        assert await said(client) == ["subscribed", 1]
        await lane.offer(b"1")
        assert await said(client) == ["event", ALIAS, "1", 1, False]
        assert await said(client) == ["held", ALIAS, "1", 1, False]
        drop_websockets(lane)
        assert await said(client) == ["closed"]
        await lane.offer(b"2")
        heard = [await said(client) for _ in range(3)]
        assert ["subscribed"] in heard  # again, by itself
        assert ["event", ALIAS, "1", 1, True] in heard
        assert ["held", ALIAS, "1", 1, True] in heard
        await client.say("acknowledge")
        assert await said(client) == ["event", ALIAS, "2", 1, False]
        assert await said(client) == ["held", ALIAS, "2", 1, False]
        await client.say("acknowledge")
        await lane.until(waiting=0)


@pytest.mark.parametrize(("version", "code"), [(4, 4), (5, 0x86)])
async def test_mqtt_js_is_told_that_its_token_is_bad(
    lane: EventServer, version: int, code: int
) -> None:
    async with mqtt_js(lane, ALIAS, token="bad", protocolVersion=version) as client:
        assert await said(client) == ["error", code]


async def test_mqtt_js_is_told_that_its_token_has_ended(lane: EventServer) -> None:
    await lane.register()
    token = lane.token(seconds=12)  # more than Node.js takes to begin on a busy machine
    async with mqtt_js(lane, ALIAS, token=token, protocolVersion=5) as client:
        assert await said(client) == ["subscribed", 1]
        # It may see the end of the websocket before it looks at the packet in front of it.
        while (line := await said(client)) in (["disconnect", 0x87], ["closed"]):
            pass
        assert line == ["error", 0x86]  # it has come back, with the same token


async def test_mqtt_js_is_refused_what_is_not_its_own(lane: EventServer) -> None:
    await lane.register("e", user="bob")
    async with mqtt_js(lane, "users/endpoints/e") as client:
        assert await said(client) == ["subscribed", "Subscribe error: Unspecified error"]


class Paho:
    """paho-mqtt in a thread of its own; `acknowledge` is by hand."""

    def __init__(self, server: EventServer, topic: str, version: MQTTProtocolVersion) -> None:
        self._heard: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        client = self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id="CocoaMQTT-1",
            transport="websockets",
            protocol=version,
            manual_ack=True,
        )
        client.ws_set_options(path="/auvious/ws")
        client.username_pw_set("alice", server.token())
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        client.on_subscribe = lambda _client, _data, _id, codes, _: self._heard.put(
            ("subscribed", *(code.value for code in codes))
        )
        client.on_message = self._hear
        self._address = server.serving.host, server.serving.port

    def _hear(self, _client: object, _data: object, message: MQTTMessage) -> None:
        self._heard.put((message.topic, message.payload, message.qos, message.dup, message.mid))

    def __enter__(self) -> Paho:
        self.client.connect_async(*self._address)
        self.client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    async def next(self) -> tuple[Any, ...]:
        return await trio.to_thread.run_sync(lambda: self._heard.get(timeout=60))


@pytest.mark.parametrize(
    "version",
    [MQTTProtocolVersion.MQTTv31, MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5],
)
@pytest.mark.parametrize("topic", [ALIAS, OLDER])
async def test_paho_hears_events_and_gets_them_again(
    lane: EventServer, topic: str, version: MQTTProtocolVersion
) -> None:
    await lane.register()
    with Paho(lane, topic, version) as paho:
        assert await paho.next() == ("subscribed", 1)
        await lane.offer(b'{"n": 1}')
        assert (await paho.next())[:4] == (topic, b'{"n": 1}', 1, False)
        drop_websockets(lane)
        assert await paho.next() == ("subscribed", 1)
        *event, number = await paho.next()
        assert event == [topic, b'{"n": 1}', 1, True]
        paho.client.ack(number, 1)
        await lane.until(waiting=0)
