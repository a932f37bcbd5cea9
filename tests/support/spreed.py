"""A Spreed server in the test's own process, and clients that speak its channelling protocol."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from actors.core import ActorSystem, open_system
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.keys import MemberKey
from actors.words.limits import ActorLimits
from api.http.credentials import CredentialGuard
from api.http.mounts import Mount, Place, Services
from api.process.secret_store import Secrets
from api.settings import Settings, settings_of
from api.spreed.dialect import SPREED
from api.spreed.rooms import REALM
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.serving import Serving, services_for, serving

PATIENCE = 30.0  # seconds for something that must come, also on a busy machine
QUIET = 0.1  # seconds in which something that must not come would have come
FAST = {"messages_per_second": 0}

Document = dict[str, Any]


@dataclass
class SpreedClient:
    """One channelling websocket; every frame it gets is kept in order until it is taken."""

    socket: WebSocketConnection
    me: Document = field(default_factory=dict)
    tags: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def id(self) -> str:
        return str(self.me["Id"])

    async def send(self, kind: str, body: object = None, **outer: object) -> None:
        """Send a document as existing clients do, nested twice."""
        nested = body if kind in ("Hello", "Room") else {"Type": kind, kind: body} | outer
        await self.raw(
            {"Type": kind, kind: nested} | {k: v for k, v in outer.items() if k == "Iid"}
        )

    async def raw(self, document: object) -> None:
        await self.socket.send_message(
            document if isinstance(document, str | bytes) else json.dumps(document)
        )

    async def next(self) -> Document:
        """Return the next frame, whatever it is."""
        with trio.fail_after(PATIENCE):
            frame: Document = json.loads(await self.socket.get_message())
        return frame

    async def data(self, kind: str) -> Document:
        """Return the document of the next frame, which must be of this type."""
        frame = await self.next()
        assert frame["Data"]["Type"] == kind, frame
        document: Document = frame["Data"]
        return document

    async def error(self) -> tuple[str, str]:
        document = await self.data("Error")
        return document["Code"], document["Message"]

    async def reason(self) -> str:
        """Return why the next frame, an Error, says no: in our own words, where it has any."""
        document = await self.data("Error")
        return str(document.get("Reason") or document["Code"])

    async def silent(self) -> bool:
        """Tell whether nothing comes; proven by an Alive that overtakes nothing."""
        tag = f"silence {next(self.tags)}"
        await trio.sleep(QUIET)
        await self.send("Alive", 1, Iid=tag)
        frame = await self.next()
        return bool(frame.get("Iid") == tag)

    async def join(self, room: str, pin: str = "", **hello: object) -> Document:
        """Enter a room; return its Welcome."""
        await self.hello(room, pin, **hello)
        return await self.data("Welcome")

    async def hello(self, room: str, pin: str = "", **hello: object) -> None:
        body: Document = {"Version": "1.0.0", "Ua": "test", "Name": room, "Type": ""} | hello
        if pin:
            body["Credentials"] = {"PIN": pin}
        await self.send("Hello", body)

    async def gone(self) -> int | None:
        """Wait until the server has closed the socket; return the code."""
        with trio.fail_after(PATIENCE):
            while True:
                try:
                    await self.socket.get_message()
                except Exception:  # noqa: BLE001  any end is the end
                    break
        return self.socket.closed.code if self.socket.closed else None


@asynccontextmanager
async def connect(
    url: str,
    headers: list[tuple[str, str]] | None = None,
    message_bytes: int = 2**20,
    unread: int = 1,
) -> AsyncIterator[WebSocketConnection]:
    """Open a websocket, and close its stream in the end: trio-websocket leaves some open.

    With more than `unread` messages that nobody has taken it answers no ping of the server either.
    """
    encoded = [(name.encode(), value.encode()) for name, value in headers or []]
    async with open_websocket_url(
        url,
        extra_headers=encoded,
        max_message_size=message_bytes,
        message_queue_size=unread,
    ) as socket:
        try:
            yield socket
        finally:
            if socket.closed is not None:
                await trio.aclose_forcefully(socket._stream)


@dataclass
class SpreedServer:
    serving: Serving
    system: ActorSystem
    services: Services
    nursery: trio.Nursery
    open: Callable[[Place], Mount]

    @property
    def url(self) -> str:
        return self.serving.url

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE)

    @asynccontextmanager
    async def client(
        self, query: str = "", path: str = "/ws", headers: list[tuple[str, str]] | None = None
    ) -> AsyncIterator[SpreedClient]:
        """Connect; the Self that greets a session is taken already."""
        async with connect(f"{self.serving.websocket(path)}{query}", headers) as socket:
            client = SpreedClient(socket)
            client.me = await client.data("Self")
            yield client

    def facts(self, session: str) -> Document:
        """Return what the peer of a session tells of itself."""
        cell = self.system.registry.cell_at(MemberKey(REALM, session).path)
        assert cell is not None
        return cell.life.facts()

    async def until(self, path: str, *, exists: bool) -> None:
        """Wait until an actor is there, or gone."""
        with trio.fail_after(PATIENCE):
            while (self.system.registry.find(path) is not None) is not exists:
                await trio.sleep(0.01)


def spreed_settings(**sections: Any) -> Settings:
    """Return settings without a rate limit, changed by section."""
    sections["limits"] = FAST | sections.get("limits", {})
    return settings_of(sections)


@asynccontextmanager
async def spreed_server(
    tmp_path: Path, carrier: str = "lane", settings: Settings | None = None, *, root: bool = True
) -> AsyncIterator[SpreedServer]:
    """Serve the dialect as root of one listener, over a real actor system."""
    settings = settings or spreed_settings()
    limits = ActorLimits(
        rooms=settings.limits.rooms,
        peers=settings.limits.peers,
        empty_rooms_per_address=settings.limits.empty_rooms_per_address,
    )
    async with open_system(
        children(
            lambda: limits,
            MediaServices(FakeEngine(), RecordingsFolder(tmp_path / "recordings")),
            MemoryStore,
        )
    ) as system:
        limits = settings.limits
        guard = CredentialGuard(
            limits.credential_failures, 1800.0, limits.credential_failures_per_address
        )
        services = services_for(settings, system=system, secrets=Secrets(tmp_path), guard=guard)
        opens = SPREED.open(services)
        mount = opens(Place(root=root, secure=False))
        async with (
            serving(
                mount, carrier=carrier, settings=settings, services=services,
                root="spreed" if root else "",
            ) as served,
            trio.open_nursery() as nursery,
        ):  # fmt: skip
            yield SpreedServer(served, system, services, nursery, opens)
