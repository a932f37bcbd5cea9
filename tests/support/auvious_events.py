"""Endpoints that events are put into directly, and clients that hear of them over MQTT."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from actors.core import Message, Ref
from actors.directory.messages import OpenEndpoint
from actors.endpoint.endpoint import Describe, Described, EndpointSpec, OfferEvent, Unregister
from actors.endpoint.outbox import EndpointEvent, OutboxLimits
from actors.endpoint.rules import EndpointTerms, Owner, Quota
from actors.words.keys import DIRECTORY, EndpointKey
from api.auvious.keys import FILE, KeyRing
from api.auvious.mount import open_mount
from api.settings import Settings
from tests.support import mqtt
from tests.support.auvious import AuviousServer, auvious_server, auvious_settings
from tests.support.raw import talking
from tests.support.serving import second_listener

MQTT_JS = "mqtt@5.16.0"
MQTT_JS_SCRIPT = Path(__file__).with_name("mqtt_js.js")
PATIENCE = 30.0
QUIET = 0.1
ORGANIZATION = "acme"
FAST = {"messages_per_second": 0}


@cache
def signing_keys() -> bytes:
    """Return a key file: making a key takes long, so all tests share one."""
    with TemporaryDirectory() as folder:
        KeyRing(Path(folder), 3600)
        return Path(folder, FILE).read_bytes()


@dataclass
class MqttClient:
    """One MQTT websocket, spoken packet by packet."""

    socket: WebSocketConnection
    version: int = 4
    heard: list[mqtt.Said] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def send(self, data: bytes) -> None:
        await self.socket.send_message(data)

    async def next(self) -> mqtt.Said:
        """Return the next packet of the server."""
        with trio.fail_after(PATIENCE):
            while not self.heard:
                frame = await self.socket.get_message()
                assert isinstance(frame, bytes), "MQTT is sent in binary frames"
                self.heard += mqtt.read(frame, self.version)
        return self.heard.pop(0)

    async def connect(self, user: str, token: str, **options: Any) -> mqtt.Said:
        """Send CONNECT; return the answer."""
        self.version = options.get("version", self.version)
        await self.send(mqtt.connect(user, token.encode(), **options))
        return await self.next()

    async def subscribe(self, *topics: str, qos: int = 1) -> tuple[int, ...]:
        """Subscribe; return the codes of SUBACK."""
        number = next(self.numbers)
        data = mqtt.subscribe(*topics, qos=qos, packet_id=number, version=self.version)
        await self.send(data)
        answer = await self.next()
        assert (answer.kind, answer.packet_id) == (mqtt.SUBACK, number), answer
        return answer.codes

    async def event(self, *, ack: bool = True) -> mqtt.Said:
        """Return the next event, acknowledged where it asks for that."""
        said = await self.next()
        assert said.kind == mqtt.PUBLISH, said
        if said.qos and ack:
            await self.send(mqtt.puback(said.packet_id))
        return said

    async def silent(self) -> bool:
        """Tell whether nothing comes; proven by a ping that overtakes nothing."""
        await trio.sleep(QUIET)
        await self.send(mqtt.PINGREQ)
        return (await self.next()).kind == mqtt.PINGRESP

    async def end(self) -> tuple[int, list[mqtt.Said]]:
        """Wait for the server to close; return the close code and what else it said."""
        said, self.heard = self.heard, []
        with trio.fail_after(PATIENCE):
            while True:
                try:
                    frame = await self.socket.get_message()
                except ConnectionClosed as closed:
                    return closed.reason.code if closed.reason else 1006, said
                said += mqtt.read(frame, self.version)


class EventServer(AuviousServer):
    """A server whose endpoints are registered and given events directly, without REST."""

    def token(
        self, user: str = "alice", seconds: int = 600, organization: str = ORGANIZATION
    ) -> str:
        return self.house.tokens.issue(user, organization, ("ROLE_USER",), "app", "", seconds)[0]

    async def register(
        self,
        endpoint: str = "e",
        user: str = "alice",
        *,
        keep_alive: float = 600.0,
        outbox: OutboxLimits = OutboxLimits(),  # noqa: B008  frozen
    ) -> Ref[Message]:
        """Register an endpoint, as REST would."""
        key = EndpointKey("auvious", endpoint)
        spec = EndpointSpec(
            key,
            Owner(ORGANIZATION, user),
            EndpointTerms(keep_alive),
            lambda: b'{"type":"Reminder"}',
            outbox,
        )
        directory = self.system.registry.find(DIRECTORY)
        assert directory is not None
        return await directory.ask(OpenEndpoint(spec, Quota()), within=PATIENCE)

    async def offer(
        self, payload: bytes = b"{}", qos: int = 1, endpoint: str = "e", user: str = "alice"
    ) -> bool:
        """Put an event into an endpoint; False when it is full."""
        event = EndpointEvent(payload, payload, qos)
        order = OfferEvent(Owner(ORGANIZATION, user), event)
        return await self.endpoint(endpoint).ask(order, within=PATIENCE)

    async def unregister(self, endpoint: str = "e", user: str = "alice") -> None:
        order = Unregister(Owner(ORGANIZATION, user))
        await self.endpoint(endpoint).ask(order, within=PATIENCE)

    async def described(self, endpoint: str = "e", user: str = "alice") -> Described:
        order = Describe(Owner(ORGANIZATION, user))
        return await self.endpoint(endpoint).ask(order, within=PATIENCE)

    async def until(self, *, waiting: int, endpoint: str = "e") -> None:
        """Wait until so many events of an endpoint are undelivered."""
        with trio.fail_after(PATIENCE):
            while len((await self.described(endpoint)).waiting) != waiting:
                await trio.sleep(0.01)

    async def until_left(self, endpoint: str = "e") -> None:
        """Wait until nobody listens to an endpoint."""
        with trio.fail_after(PATIENCE):
            while (await self.described(endpoint)).subscribers:
                await trio.sleep(0.01)

    def endpoint(self, endpoint: str = "e") -> Ref[Any]:
        ref = self.system.registry.find(EndpointKey("auvious", endpoint).path)
        assert ref is not None
        return ref

    @asynccontextmanager
    async def other_listener(self) -> AsyncIterator[EventServer]:
        """Serve on one more listener of the same server."""
        async with second_listener(self.services, open_mount(self.house)) as served:
            yield EventServer(served, self.system, self.services, self.house)

    @asynccontextmanager
    async def client(self, path: str = "/ws") -> AsyncIterator[MqttClient]:
        """Open a websocket, nothing said yet."""
        async with talking(self.serving.websocket(path), ["mqtt"]) as socket:
            assert socket.subprotocol == "mqtt"
            yield MqttClient(socket)

    @asynccontextmanager
    async def listening(
        self, *topics: str, user: str = "alice", qos: int = 1, seconds: int = 600, **options: Any
    ) -> AsyncIterator[MqttClient]:
        """Connect and subscribe, to `users/endpoints/e` if to nothing else."""
        async with self.client() as client:
            answer = await client.connect(user, self.token(user, seconds), **options)
            assert answer == mqtt.Said(mqtt.CONNACK, (0,))
            topics = topics or ("users/endpoints/e",)
            assert await client.subscribe(*topics, qos=qos) == (qos,) * len(topics)
            yield client


def event_settings(data_dir: Path, **sections: Any) -> Settings:
    """Return settings without a rate limit, changed by section."""
    sections["limits"] = FAST | sections.get("limits", {})
    return auvious_settings(data_dir, **sections)


@asynccontextmanager
async def event_server(
    tmp_path: Path, carrier: str = "lane", settings: Settings | None = None, **tables: Any
) -> AsyncIterator[EventServer]:
    """Serve the dialect; `tables` are of `[auvious]`, such as mqtt={"inflight": 2}."""
    (tmp_path / FILE).write_bytes(signing_keys())
    (tmp_path / FILE).chmod(0o600)
    settings = settings or event_settings(tmp_path, auvious=tables)
    async with auvious_server(tmp_path, carrier, settings) as found:
        yield EventServer(found.serving, found.system, found.services, found.house)
