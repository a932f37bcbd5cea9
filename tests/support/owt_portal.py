"""Clients of OWT's portal: they log in with tokens, ask, and are told."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import trio

from actors.core import Ref
from actors.words.keys import MEMBERS, MemberKey, RoomKey
from tests.support.owt import KEYS, SAMPLE, Manager, OwtServer
from tests.support.socketio import PATIENCE, SocketIoClient, Websocket, connect

WAYS = [(3, "upgrade"), (3, "polling"), (3, "websocket"), (4, "websocket"), (4, "upgrade")]
AGENT = {
    "sdk": {"type": "JavaScript", "version": "4.3.1"},
    "runtime": {"name": "Chrome", "version": "120"},
    "os": {"name": "Linux", "version": ""},
}


class Place(Protocol):
    """A server: in this process (OwtServer), or in another (Elsewhere)."""

    @property
    def url(self) -> str: ...

    @property
    def tls(self) -> ssl.SSLContext | None: ...

    def manager(self) -> Manager: ...


@dataclass(frozen=True)
class Elsewhere:
    """A server in a process of its own, configured by CONFIG."""

    url: str
    tls: ssl.SSLContext | None = None

    def manager(self) -> Manager:
        return Manager(self.url, tls=self.tls)


CONFIG = (
    f'owt = {{ sample_service_id = "{SAMPLE}", sample_service_key = "{KEYS[SAMPLE]}" }}\n'
    'listeners = [{ bind = "127.0.0.1:0", dialects = ["owt", "operator"] }]\n'
)


@dataclass
class Guest:
    """One connection. `welcome` is what the login was answered with."""

    client: SocketIoClient
    welcome: dict[str, Any] = field(default_factory=dict)
    protocol: str = "1.1"

    @property
    def id(self) -> str:
        return str(self.welcome["id"])

    @property
    def ticket(self) -> str:
        return str(self.welcome["reconnectionTicket"])

    async def ok(self, name: str, *data: Any) -> Any:
        """Ask for something and return what it is answered with."""
        status, *answer = await self.client.call(name, *data)
        assert status == "ok", answer
        return answer[0] if answer else None

    async def refused(self, name: str, *data: Any) -> str:
        """Ask for something and return why it is refused."""
        status, words = await self.client.call(name, *data)
        assert status == "error"
        return str(words)

    async def told(self, name: str, **known: Any) -> Any:
        """Return the data of the next notification of this name, which must say what is known."""
        (found,) = await self.client.event(name)
        for key, value in known.items():
            assert found[key] == value, found
        return found

    async def login(self, token: str, protocol: str = "1.1", **other: Any) -> None:
        request = {"token": token, "userAgent": AGENT, "protocol": protocol} | other
        self.protocol = protocol
        self.welcome = await self.ok("login", request)

    async def drop(self) -> None:
        """Lose the connection without a word."""
        carrier = self.client.carrier
        assert isinstance(carrier, Websocket)
        await trio.aclose_forcefully(carrier.socket._stream)

    async def quiet(self) -> bool:
        """Tell whether nothing waits to be read; whatever was sent before has arrived."""
        await self.ok("refreshReconnectionTicket")
        return not self.client._events


@asynccontextmanager
async def connection(
    server: Place, version: int = 3, way: str = "websocket"
) -> AsyncIterator[Guest]:
    async with connect(server.url, version=version, way=way, tls=server.tls) as client:
        yield Guest(client)


@asynccontextmanager
async def guest(
    server: Place,
    room: str,
    user: str = "ann",
    role: str = "presenter",
    *,
    version: int = 3,
    way: str = "websocket",
    protocol: str = "1.1",
) -> AsyncIterator[Guest]:
    """Log somebody in to a room."""
    async with connection(server, version, way) as found:
        await found.login(await token(server, room, user, role), protocol)
        yield found


async def token(server: Place, room: str, user: str = "ann", role: str = "presenter") -> str:
    """Make a token as an application does."""
    body = {"user": user, "role": role}
    answer = await server.manager().ask("POST", f"/v1/rooms/{room}/tokens", body)
    assert answer.status_code == 200, answer.text
    return answer.text


async def until_peers(server: OwtServer, count: int) -> None:
    """Wait until there are so many participants, connected or away."""
    with trio.fail_after(PATIENCE):
        while len(server.system.registry.children(MEMBERS)) != count:
            await trio.sleep(0.01)


async def until_away(server: OwtServer, participant: str) -> None:
    """Wait until the server has noticed that a connection is gone."""
    cell = server.system.registry.cell_at(MemberKey("owt", participant).path)
    assert cell is not None
    with trio.fail_after(PATIENCE):
        while not cell.life.actor.snapshot()["away"]:
            await trio.sleep(0.01)


def live_room(server: OwtServer, room: str) -> Ref[Any]:
    found = server.system.registry.find(RoomKey("owt", room).path)
    assert found is not None, "nobody is in that room"
    return found
