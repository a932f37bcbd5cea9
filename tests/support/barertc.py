"""A BareRTC server in the test's own process, and clients that speak its protocol.

One client speaks over a websocket, one polls; both offer the same, so that a test can be told which
of them to use.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from actors.core import Actor, ActorSystem, Message, open_system
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.limits import ActorLimits
from api.barertc.dialect import BARERTC, kept_secrets
from api.barertc.tokens import LoginClaims, LoginTokens
from api.http.credentials import CredentialGuard
from api.http.mounts import Mount, Place, Services
from api.process.secret_store import Secrets
from api.settings import Settings, settings_of
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.serving import CARRIERS, Serving, services_for, serving
from tests.support.spreed import connect

PATIENCE = 30.0  # seconds for something that must come, also on a busy machine
QUIET = 0.15  # seconds in which something that must not come would have come
WAYS = (*CARRIERS, "poll")
POLL_PAUSE = 0.02
LARGEST_MESSAGE = 16 * 2**20
FAST = {"messages_per_second": 0}
SAID_ANYTIME = {"who", "ping"}

Said = dict[str, Any]


class Link(Protocol):
    """What carries a client's messages."""

    async def send(self, text: str | bytes) -> None: ...

    async def next(self) -> Said:
        """Return the next message. Raises ConnectionClosed at the end."""


@dataclass
class SocketLink:
    socket: WebSocketConnection

    async def send(self, text: str | bytes) -> None:
        with suppress(ConnectionClosed):  # while it was on its way: `next` tells
            await self.socket.send_message(text)

    async def next(self) -> Said:
        said: Said = json.loads(await self.socket.get_message())
        return said


@dataclass
class PollLink:
    """Polls for what comes, as often as a test has patience for."""

    http: httpx.AsyncClient
    path: str = "/poll"
    name: str = ""
    session: str = ""
    waiting: list[Said] = field(default_factory=list)
    status: int = 0

    async def send(self, text: str | bytes) -> None:
        said = text.decode() if isinstance(text, bytes) else text
        body: Said = {"username": self.name, "session_id": self.session}
        given = {name: value for name, value in body.items() if value}
        rest = json.dumps(given)[:-1] + (", " if given else "")
        answer = await self.http.post(
            self.path,
            content=f'{rest}"msg":{said}}}'.encode(),
            headers={"Content-Type": "application/json"},
        )
        self.status = answer.status_code
        document = answer.json()
        if document["session_id"]:
            self.name, self.session = document["username"], document["session_id"]
        self.waiting += document["messages"]

    async def next(self) -> Said:
        while not self.waiting:
            await self.send('{"action":"ping"}')
            if not self.waiting:
                await trio.sleep(POLL_PAUSE)
        return self.waiting.pop(0)


@dataclass
class BareTester:
    """One person; every message he gets is kept in order until it is taken."""

    link: Link
    name: str = ""
    heard: list[Said] = field(default_factory=list)  # passed over on the way to another
    marks: itertools.count[int] = field(default_factory=itertools.count)
    passed: Said | None = None  # the latest list that was passed over: it may overtake what else is

    async def send(self, action: str, **fields: object) -> None:
        await self.raw(json.dumps({"action": action} | fields))

    async def raw(self, message: str | bytes) -> None:
        with trio.fail_after(PATIENCE):
            await self.link.send(message)

    async def next(self) -> Said:
        """Return the next message, whatever it is."""
        with trio.fail_after(PATIENCE):
            return await self.link.next()

    async def until(self, action: str, **fields: object) -> Said:
        """Return the next message like that; what comes before is kept in `heard`."""
        with trio.fail_after(PATIENCE):
            while True:
                said = await self.link.next()
                if said["action"] == action and fields.items() <= said.items():
                    return said
                self.heard.append(said)
                if said["action"] == "who":
                    self.passed = said

    async def log_in(self, name: str = "", **fields: object) -> list[Said]:
        """Log in, and return all that the server says to that, up to his own arrival."""
        before = len(self.heard)
        await self.send("login", username=name, **fields)
        me = await self.until("me")
        self.name = me["username"]
        arrived = await self.until("presence", username=self.name)
        said = [me, *self.heard[before:], arrived]
        del self.heard[before:]
        return said

    async def say(self, text: str, channel: str = "lobby") -> None:
        await self.send("message", channel=channel, message=text)

    async def listed(self, *names: str) -> dict[str, Said]:
        """Wait for a list of exactly these people."""
        with trio.fail_after(PATIENCE):
            while True:
                said, self.passed = self.passed or await self.until("who"), None
                people = {entry["username"]: entry for entry in said.get("whoList", [])}
                if set(people) == set(names):
                    return people

    async def told(self) -> str:
        """Return the next line of the server."""
        return str((await self.until("error"))["message"])

    async def rest(self) -> list[Said]:
        """Return what came up to now, in order, but for lists and signs of life.

        Proven by a message that the server answers at once.
        """
        mark = f"mark {next(self.marks)}"
        await trio.sleep(QUIET)
        await self.send(mark)
        found: list[Said] = []
        while True:
            said = await self.next()
            text = said.get("message", "")
            if said["action"] == "error" and (text.endswith(mark) or "log in first" in text):
                return found
            if said["action"] not in SAID_ANYTIME:
                found.append(said)

    async def gone(self) -> int | None:
        """Wait until the server has closed the websocket; return the code."""
        assert isinstance(self.link, SocketLink)
        with trio.fail_after(PATIENCE):
            while True:
                try:
                    self.heard.append(await self.link.next())
                except ConnectionClosed as closed:
                    return closed.reason.code if closed.reason is not None else None


@dataclass
class BareServer:
    serving: Serving
    system: ActorSystem
    services: Services
    nursery: trio.Nursery
    mount_at: Callable[[Place], Mount]

    @property
    def tokens(self) -> LoginTokens:
        """What signs as the web site does, with the secret that the server has."""
        kept = kept_secrets(self.services.settings(), self.services.secrets)
        return LoginTokens(lambda: kept["barertc.jwt.secret_key"])

    def token(self, name: str, **claims: Any) -> str:
        """Return a login token for somebody."""
        return self.tokens.sign(LoginClaims(sub=name, **claims))

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.serving.url, timeout=PATIENCE)

    @asynccontextmanager
    async def connected(
        self,
        way: str = "socket",
        path: str = "",
        headers: list[tuple[str, str]] | None = None,
        at: Serving | None = None,
    ) -> AsyncIterator[BareTester]:
        """Connect, by a websocket or by polling; nobody is logged in yet."""
        served = at or self.serving
        if way == "poll":
            async with httpx.AsyncClient(base_url=served.url, timeout=PATIENCE) as http:
                yield BareTester(PollLink(http, path or "/poll"))
            return
        url = served.websocket(path or "/ws")
        async with connect(url, headers, LARGEST_MESSAGE) as socket:
            yield BareTester(SocketLink(socket))

    @asynccontextmanager
    async def person(
        self, name: str, way: str = "socket", *, claims: Said | None = None, **fields: object
    ) -> AsyncIterator[BareTester]:
        """Connect and log in; by a token where there are claims."""
        if claims is not None:
            fields["jwt"] = self.token(name, **claims)
        async with self.connected(way) as tester:
            await tester.log_in(name, **fields)
            yield tester


def barertc_settings(**sections: Any) -> Settings:
    """Return settings without a rate limit, changed by section."""
    sections["barertc"] = FAST | sections.get("barertc", {})
    return settings_of(sections)


@asynccontextmanager
async def barertc_server(
    tmp_path: Path, carrier: str = "lane", settings: Settings | None = None, *, root: bool = True,
    store: Callable[[], Actor[Message]] = MemoryStore,
) -> AsyncIterator[BareServer]:  # fmt: skip
    """Serve the dialect on one listener, over a real actor system; "poll" is over the lane."""
    settings = settings or barertc_settings()
    limits = ActorLimits(rooms=settings.limits.rooms, peers=settings.limits.peers)
    media = MediaServices(FakeEngine(), RecordingsFolder(tmp_path / "recordings"))
    async with open_system(children(lambda: limits, media, store)) as system:
        guard = CredentialGuard(
            settings.limits.credential_failures,
            1800.0,
            settings.limits.credential_failures_per_address,
        )
        services = services_for(settings, system=system, secrets=Secrets(tmp_path), guard=guard)
        mount_at = BARERTC.open(services)
        mount = mount_at(Place(root=root, secure=False))
        async with (
            serving(
                mount, carrier="quart" if carrier == "quart" else "lane", settings=settings,
                services=services, root="barertc" if root else "",
            ) as served,
            trio.open_nursery() as nursery,
        ):  # fmt: skip
            yield BareServer(served, system, services, nursery, mount_at)
            nursery.cancel_scope.cancel()
