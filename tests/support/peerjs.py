"""A PeerJS broker in the test's own process, and clients that speak its protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from actors.core import ActorSystem, open_system
from actors.signalling.absent import AbsentPeers
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.keys import MemberKey, peers_realm
from api.http.mounts import Mount, Place, Services
from api.peerjs.dialect import PEERJS
from api.process.composition import actor_limits
from api.process.secret_store import Secrets
from api.settings import Settings, settings_of
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.serving import Serving, services_for, serving
from tests.support.spreed import connect

PATIENCE = 30.0  # seconds for something that must come, also on a busy machine
FAST = {"messages_per_second": 0}
PATIENT = {"expire_timeout": 60.0}  # whoever is called while away may come late
ECHO = "silence"

Frame = dict[str, Any]


@dataclass
class BrokerClient:
    """One websocket of the broker; every frame it gets is kept in order until it is taken."""

    socket: WebSocketConnection
    id: str

    async def send(self, kind: str, dst: str = "", **fields: object) -> None:
        """Send a frame as published clients do."""
        await self.raw(json.dumps({"type": kind} | ({"dst": dst} if dst else {}) | fields))

    async def raw(self, frame: str | bytes) -> None:
        with trio.fail_after(PATIENCE):
            await self.socket.send_message(frame)

    async def text(self) -> str:
        """Return the next frame as it came."""
        with trio.fail_after(PATIENCE):
            return str(await self.socket.get_message())

    async def next(self) -> Frame:
        frame: Frame = json.loads(await self.text())
        return frame

    async def silent(self) -> bool:
        """Tell whether nothing comes; proven by a frame to itself, which overtakes nothing."""
        await self.send("ANSWER", self.id, payload=ECHO)
        return bool((await self.next()).get("payload") == ECHO)

    async def gone(self) -> int | None:
        """Wait until the server has closed the websocket; return the code."""
        with trio.fail_after(PATIENCE):
            try:
                while True:
                    await self.socket.get_message()
            except ConnectionClosed as closed:
                return closed.reason.code if closed.reason is not None else None


@dataclass
class Broker:
    serving: Serving
    system: ActorSystem
    services: Services
    mount_at: Callable[[Place], Mount]

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.serving.url, timeout=PATIENCE)

    @asynccontextmanager
    async def connected(
        self, id_: str, token: str = "token", *, key: str = "peerjs", path: str = "/peerjs",
        at: Serving | None = None, query: str | None = None, origin: str | None = None,
    ) -> AsyncIterator[BrokerClient]:  # fmt: skip
        """Connect, as a page of `origin` does; nothing is taken of what the broker says."""
        if query is None:
            query = f"key={quote(key)}&id={quote(id_)}&token={quote(token)}&version=1.5.5"
        headers = [("Origin", origin)] if origin is not None else []
        async with connect(f"{(at or self.serving).websocket(path)}?{query}", headers) as socket:
            yield BrokerClient(socket, id_)

    @asynccontextmanager
    async def client(self, id_: str, *args: Any, **options: Any) -> AsyncIterator[BrokerClient]:
        """Connect, and take the OPEN."""
        async with self.connected(id_, *args, **options) as client:
            assert await client.text() == '{"type":"OPEN"}'
            yield client

    async def refused(self, id_: str, *args: Any, **options: Any) -> tuple[str, str]:
        """Connect, be refused and closed; return the type and the text."""
        async with self.connected(id_, *args, **options) as client:
            frame = await client.next()
            assert await client.gone() is not None
            assert set(frame) == {"type", "payload"}
            return frame["type"], frame["payload"]["msg"]

    async def until_gone(self, id_: str, key: str = "peerjs") -> None:
        """Wait until nobody holds an id."""
        with trio.fail_after(PATIENCE):
            while await self.services.directory.member(MemberKey(peers_realm(key), id_)):
                await trio.sleep(0.01)

    async def until_waiting(self, messages: int) -> None:
        """Wait until so much waits for absent peers."""
        with trio.fail_after(PATIENCE):
            while self.services.absent.messages != messages:
                await trio.sleep(0.01)


def broker_settings(**sections: Any) -> Settings:
    """Return settings without a rate limit, where calls wait long, changed by section."""
    sections["limits"] = FAST | sections.get("limits", {})
    sections["peerjs"] = PATIENT | sections.get("peerjs", {})
    return settings_of(sections)


@asynccontextmanager
async def broker_server(
    tmp_path: Path, carrier: str = "lane", settings: Settings | None = None, *, root: bool = False
) -> AsyncIterator[Broker]:
    """Serve the broker on one listener, over a real actor system."""
    settings = settings or broker_settings()
    media = MediaServices(FakeEngine(), RecordingsFolder(tmp_path / "recordings"))
    limits = actor_limits(settings.limits)
    absent = AbsentPeers()
    specs = children(lambda: limits, media, MemoryStore, absent=absent)
    async with open_system(specs) as system:
        services = services_for(settings, system=system, secrets=Secrets(tmp_path), absent=absent)
        mount_at = PEERJS.open(services)
        mount = mount_at(Place(root=root, secure=False))
        async with serving(
            mount, carrier=carrier, settings=settings, services=services,
            root="peerjs" if root else "",
        ) as served:  # fmt: skip
            yield Broker(served, system, services, mount_at)
