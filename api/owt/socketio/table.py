"""The table of Socket.IO clients, and how one comes to be: over a request or a websocket.

The task that serves a client outlives the request that opened it. Its parent is the actor
`SocketIoHost`; a crash in it ends that client alone.
"""

from __future__ import annotations

import secrets
import string
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog
import trio

from actors.core import Actor, ActorStopped, ChildSpec, Message, Restart, Spawn
from api.http.carriers.pacing import Keeper
from api.http.carriers.upgrades import within_boundary
from api.http.credentials import address_key
from api.http.origins import origin_refusal
from api.http.sockets import Rejection, Socket, SocketClosed, SocketLimits, Upgrade, WebsocketRoute
from api.owt.settings import OwtSettings
from api.owt.socketio import refusals
from api.owt.socketio.connection import PAGE_LEFT, Caller, Hooks, SocketioConnection, caller_of
from api.owt.socketio.engineio import (
    PROBE_PING,
    PROBE_PONG,
    TOO_SLOW,
    UPGRADE,
    Engine,
    EngineLimits,
    Transport,
)
from api.owt.socketio.refusals import EngineRefusal

if TYPE_CHECKING:
    from api.http.mounts import Services

log = structlog.get_logger(__name__)

PATH = "/socket.io/"
ADDRESS_SHARE = 4  # of owt.sockets
PROBE_SECONDS = 10.0  # for the client to move to the websocket it opened
VERSIONS = {"3": 3, "4": 4}
ID_LETTERS = string.ascii_letters + string.digits + "-"  # what a participant's id may hold
ID_LENGTH = 20
GOING_AWAY = 1001  # RFC 6455, section 7.4.1: browsers say so of a page that is closed or left

Serve = Callable[[SocketioConnection], Awaitable[None]]
StartTask = Callable[..., None]


class SocketIo:
    """Every Socket.IO client of one dialect, over all listeners.

    `serve` runs once for each, from the moment it is in the default namespace; when it returns, its
    client is disconnected.
    """

    def __init__(self, services: Services, dialect: str, serve: Serve) -> None:
        self.services = services
        self.keeper: Keeper[SocketioConnection] = Keeper(self._tick_crashed)
        self._dialect = dialect
        self._serve = serve
        self._open: dict[str, SocketioConnection] = {}
        self._by_address: Counter[str] = Counter()
        self._start_task: StartTask | None = None

    def start(self) -> None:
        """Have the actor system host the tasks, and close in order when the server drains."""
        self.services.lifecycle.drain_hooks.append(self._drain)
        self.services.system.root.tell(Spawn(self.spec()))

    def spec(self) -> ChildSpec:
        """Return the actor that the tasks belong to."""
        return ChildSpec("socketio", lambda: SocketIoHost(self), Restart.PERMANENT)

    def __len__(self) -> int:
        return len(self._open)

    @property
    def settings(self) -> OwtSettings:
        """The dialect's settings."""
        return self.services.settings().section(OwtSettings)

    def find(self, sid: str) -> SocketioConnection | None:
        """Find the client that knows this session id."""
        return self._open.get(sid)

    def facts(self) -> dict[str, int]:
        """Count clients, for the tree page."""
        polling = sum(each.link.transport is Transport.POLLING for each in self._open.values())
        return {"sockets": len(self._open), "polling": polling}

    # One client.

    def handshake_refusal(self, version: str, address: str) -> EngineRefusal | None:
        """Tell why a newcomer who speaks this version is turned away, None if he is not.

        Who polls has no connection between two polls, so limits.connections_per_address counts
        clients here; where it is 0, an address may have a fourth of all, or handshakes that cost a
        stranger nothing would keep everybody else out.
        """
        if version not in VERSIONS:
            return refusals.UNSUPPORTED_VERSION
        if not self.services.lifecycle.accepting:
            return refusals.STOPPING
        if self._start_task is None:
            return refusals.STARTING
        if len(self._open) >= self.settings.sockets:
            return refusals.BUSY
        own = self.services.settings().limits.connections_per_address
        most = own or -(-self.settings.sockets // ADDRESS_SHARE)
        if self._by_address[address_key(address)] >= most:
            return refusals.CROWDED
        return None

    def origin_is_welcome(self, origin: str | None, host: str, secure: bool) -> bool:
        """Tell whether a page of this origin may talk to us."""
        public_url = self.services.settings().server.public_url
        allowed = self.settings.allowed_origins
        return origin_refusal(origin, host, secure, public_url, allowed) is None

    def open(self, version: str, transport: Transport, caller: Caller) -> SocketioConnection:
        """Make a connection, which has no websocket yet; `Connection.open` begins it."""
        now = trio.current_time()
        engine = Engine(VERSIONS[version], transport, self._limits(), now)
        hooks = Hooks(self._joined, self._ended)
        connection = SocketioConnection(_new_id(), _new_id(), caller, engine, hooks)
        connection.link.account = self.services.unsent.account(
            address_key(caller.address), connection.link.shed
        )
        self._open[connection.sid] = connection
        self._by_address[address_key(caller.address)] += 1
        self.keeper.add(connection)
        return connection

    def _limits(self) -> EngineLimits:
        settings = self.settings
        return EngineLimits(
            ping_seconds=settings.ping_seconds,
            ping_timeout_seconds=settings.ping_timeout_seconds,
            outbox_messages=settings.outbox_messages,
            outbox_bytes=settings.outbox_bytes,
            message_bytes=self.services.settings().limits.message_bytes,
        )

    def _joined(self, connection: SocketioConnection) -> None:
        """Have it served from now on."""
        if self._start_task is None:
            connection.close("shutting_down")
            return
        try:
            self._start_task(self._live, connection, name="connection")
        except ActorStopped:
            connection.close("shutting_down")

    def _ended(self, connection: SocketioConnection) -> None:
        """Forget it, unless its client is still to be told."""
        if connection.link.over(trio.current_time()):
            self._forget(connection)

    def _forget(self, connection: SocketioConnection) -> None:
        if connection.sid not in self._open:
            return
        del self._open[connection.sid]
        connection.link.forget()
        self.keeper.discard(connection)
        key = address_key(connection.address)
        self._by_address[key] -= 1
        if not self._by_address[key]:
            del self._by_address[key]

    async def _live(self, connection: SocketioConnection) -> None:
        try:
            await within_boundary(
                partial(self._served, connection), partial(self._crashed, connection, "serve")
            )
        finally:
            connection.close("shutting_down")

    async def _served(self, connection: SocketioConnection) -> None:
        with suppress(SocketClosed):
            await self._serve(connection)
        connection.disconnect()

    def _crashed(self, connection: SocketioConnection, at: str, error: Exception) -> None:
        self.services.traffic.websocket(self._dialect).crashed += 1
        log.error("connection.crashed", dialect=self._dialect, at=at, exc_info=error)
        connection.close("crashed")

    def _tick_crashed(self, connection: SocketioConnection, error: Exception) -> None:
        """Close it; one that was closed already has nobody to see it off, and goes at once."""
        was_closed = connection.closed
        self._crashed(connection, "tick", error)
        if was_closed:
            self._forget(connection)
            connection.abort()

    # For the actor, and the end.

    def hosted(self, start_task: StartTask | None) -> None:
        """Take what starts tasks; None at its end."""
        self._start_task = start_task
        if start_task is None:
            self._close_all()

    def _close_all(self) -> None:
        for connection in tuple(self._open.values()):
            connection.close("shutting_down")

    async def _drain(self) -> None:
        """Close everyone, the eldest first; clients come back by themselves, to who serves then."""
        self._close_all()
        await trio.lowlevel.checkpoint()

    # Websockets.

    def websocket_route(self, path: str = PATH) -> WebsocketRoute:
        """Return the websocket of this path, for a listener."""
        return WebsocketRoute(path, self._admit, self._speak, self._socket_limits, self._dialect)

    def _socket_limits(self) -> SocketLimits:
        limits, settings = self.services.settings().limits, self.settings
        return SocketLimits(
            message_bytes=limits.message_bytes,
            messages_per_second=settings.messages_per_second,
            frames_per_second=limits.frames_per_second,
            message_seconds=limits.message_seconds,
            outbox_messages=settings.outbox_messages,
            outbox_bytes=settings.outbox_bytes,
            too_slow=(1000, TOO_SLOW),
            ping_seconds=settings.ping_seconds + settings.ping_timeout_seconds,
        )

    def _admit(self, upgrade: Upgrade) -> Rejection | None:
        refusal = self._upgrade_refusal(upgrade)
        if refusal is None:
            return None
        return Rejection(refusal.status, refusal.reason, refusal.body, "application/json")

    def _upgrade_refusal(self, upgrade: Upgrade) -> EngineRefusal | None:
        query = upgrade.query
        if not self.origin_is_welcome(upgrade.headers.get("origin"), upgrade.host, upgrade.secure):
            return refusals.FORBIDDEN
        transport = query.get("transport")
        if transport != Transport.WEBSOCKET.value:
            known = transport == Transport.POLLING.value
            return refusals.BAD_REQUEST if known else refusals.UNKNOWN_TRANSPORT
        if "sid" not in query:
            return self.handshake_refusal(query.get("EIO", ""), upgrade.address)
        connection = self.find(query["sid"])
        if connection is None or connection.closed:
            return refusals.UNKNOWN_SID
        if connection.link.transport is not Transport.POLLING:
            return refusals.BAD_REQUEST
        return None

    async def _speak(self, socket: Socket) -> None:
        upgrade = socket.upgrade
        socket.upgrade = upgrade.without_secrets()
        sid = upgrade.query.get("sid")
        if sid is not None:
            connection = self.find(sid)
            if connection is not None and await _moved(connection, socket):
                await _feed(connection, socket)
            return
        version = upgrade.query.get("EIO", "")
        if self.handshake_refusal(version, upgrade.address) is not None:  # since it was admitted
            return
        caller = caller_of(upgrade.address, upgrade.secure, upgrade.headers)
        connection = self.open(version, Transport.WEBSOCKET, caller)
        connection.link.carry(socket)
        connection.open()
        await _feed(connection, socket)


class SocketIoHost(Actor[Message]):
    """The parent of the tasks that serve Socket.IO clients, and of their ticker."""

    __slots__ = ("_table",)

    def __init__(self, table: SocketIo) -> None:
        self._table = table

    async def setup(self) -> None:
        """Let clients in."""
        self.ctx.start_task(self._table.keeper.run, name="ticker")
        self._table.hosted(self.ctx.start_task)

    async def teardown(self, reason: str) -> None:
        """Let go of those who are left."""
        self._table.hosted(None)

    def snapshot(self) -> Mapping[str, object]:
        """Tell how many there are."""
        return self._table.facts()


async def _moved(connection: SocketioConnection, socket: Socket) -> bool:
    """See the client over from polling to this websocket; False if it stays where it is."""
    link = connection.link
    if not link.probe(socket):
        return False
    moved = False
    try:
        with trio.move_on_after(PROBE_SECONDS):
            if (await socket.receive())[0] == PROBE_PING:
                socket.push(PROBE_PONG)
                moved = (await socket.receive())[0] == UPGRADE and link.carry(socket)
    except SocketClosed:
        pass
    finally:
        if not moved:
            link.stay()
    return moved


async def _feed(connection: SocketioConnection, socket: Socket) -> None:
    """Read a websocket to its end."""
    reason = "client_left"
    try:
        while True:
            packet, is_text = await socket.receive()
            if is_text:
                await connection.link.take(packet)
            else:
                connection.link.end("bad_packet")
    except SocketClosed as closed:
        if closed.code == GOING_AWAY:
            reason = PAGE_LEFT
        raise
    finally:
        connection.link.end(reason, told=True)


def _new_id() -> str:
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))
