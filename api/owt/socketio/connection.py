"""A Socket.IO client as the portal sees it: events in, events out, whatever carries them.

`SocketioConnection` speaks Socket.IO (`socketio.py`) over a `SocketioLink` (`link.py`). It belongs
to the task that serves it; `table.py` says how it came to be.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trio

from actors.member.client import TooSlow
from api.http.sockets import SocketClosed
from api.owt.socketio import packets as socketio
from api.owt.socketio.link import SocketioLink
from api.owt.socketio.payload import BadPacket

if TYPE_CHECKING:
    from api.owt.socketio.engineio import Engine
    from api.owt.socketio.packets import Json

INBOX = 64  # events read ahead; beyond these, or their bytes, the client waits
INBOX_BYTES = 262_144
USER_AGENT = 512  # characters of it that are kept
CONNECT_SECONDS = 45.0  # for a client of version 4 to ask for its namespace
NAMESPACES = 16  # refused to one client; with the next it goes
PAGE_LEFT = "page_left"  # the end of a connection whose page has been closed or left


class ConnectionClosed(SocketClosed):
    """The end of a connection; `reason` is one word of the table in the README."""

    def __init__(self, reason: str) -> None:
        super().__init__(1000, reason)


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """An event; `ack` is the number to acknowledge it by, None where nobody waits for that."""

    name: str
    args: tuple[Json, ...]
    ack: int | None


@dataclass(eq=False, slots=True)
class HeldEvent:
    """An event that there is no room for yet; `done` once it is in, or never will be."""

    incoming: IncomingEvent
    size: int
    done: trio.Event = field(default_factory=trio.Event)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who opened a connection; trusted proxies are accounted for."""

    address: str
    secure: bool
    user_agent: str = ""


def caller_of(address: str, secure: bool, headers: Mapping[str, str]) -> Caller:
    """Describe who sent a request; its User-Agent is kept once, however many send it."""
    return Caller(address, secure, sys.intern(headers.get("user-agent", "")[:USER_AGENT]))


@dataclass(frozen=True, slots=True)
class Hooks:
    """What whoever keeps connections wants to hear: of its namespace entered, and of its end."""

    joined: Callable[[SocketioConnection], None]
    ended: Callable[[SocketioConnection], None]


class SocketioConnection:
    """One client. `id` may be shown to others; `sid`, which opens the connection, never."""

    __slots__ = (
        "_arrived", "_caller", "_hooks", "_inbox", "_joined", "_opened_at", "_refused", "_unread",
        "_waiting", "id", "link", "sid",
    )  # fmt: skip

    def __init__(self, id_: str, sid: str, caller: Caller, engine: Engine, hooks: Hooks) -> None:
        self.id = id_
        self.sid = sid
        self.link = SocketioLink(engine, self)
        self._caller = caller
        self._hooks = hooks
        self._opened_at = trio.current_time()
        self._joined = False
        self._refused = 0
        self._inbox: deque[tuple[IncomingEvent, int]] | None = None  # made for the first event
        self._unread = 0  # bytes of what is in it
        self._arrived: trio.Event | None = None  # the server waits for an event
        self._waiting: deque[HeldEvent] | None = None  # for room in it, the eldest first

    def open(self) -> None:
        """Greet the client; one of version 3 is in the default namespace with that."""
        self.link.push(self.link.greeting(self.sid))
        if self.link.version == 3:
            self._join()

    @property
    def address(self) -> str:
        """The client's IP address."""
        return self._caller.address

    @property
    def secure(self) -> bool:
        """Whether the client came by TLS."""
        return self._caller.secure

    @property
    def user_agent(self) -> str:
        """The User-Agent it came with, "" without one."""
        return self._caller.user_agent

    @property
    def closed(self) -> str:
        """The reason of the end, "" while it is open."""
        return self.link.closed

    async def receive(self) -> IncomingEvent:
        """Return the next event, also one sent just before the client left.

        Raises ConnectionClosed at the end.
        """
        while not self._inbox:
            if self.closed:
                raise ConnectionClosed(self.closed)
            self._arrived = trio.Event()
            await self._arrived.wait()
        incoming, size = self._inbox.popleft()
        self._unread -= size
        while self._waiting and self._has_room(self._waiting[0].size):
            waiting = self._waiting.popleft()
            self._accept(waiting.incoming, waiting.size)
            waiting.done.set()
        return incoming

    def emit(self, name: str, *args: object) -> None:
        """Send an event; never blocks, and does nothing once closed.

        Arguments are JSON values, or `bytes` that are JSON already. Raises TooSlow, and the
        connection is closed, where more is unsent than may be; TypeError or ValueError for what is
        no JSON.
        """
        self.send(socketio.event(name, args))

    def send(self, packet: bytes, source: str = "") -> bool:
        """Send a packet of Socket.IO that is encoded already; otherwise as `emit`.

        What comes from a `source` that sends more than is read here is left out: False.
        """
        was_open = not self.closed
        taken = self.link.push(packet, source)
        if was_open and self.closed == "too_slow":
            raise TooSlow
        return taken

    def ack(self, number: int, *args: object) -> None:
        """Acknowledge an event by its number; otherwise as `emit`."""
        self.send(socketio.ack(number, args))

    def disconnect(self) -> None:
        """Tell the client to leave, and not to come back by itself; then close."""
        self.link.push(socketio.DISCONNECT)
        self.close("disconnected")

    def close(self, reason: str) -> None:
        """Close what carries it; the client may come back by itself."""
        self._forget_unread()
        self.link.end(reason)

    def abort(self) -> None:
        """Drop it without a word."""
        self._forget_unread()
        self.link.abort()

    def tick(self, now: float) -> None:
        """See what is due; for the ticker."""
        if not self._joined and now - self._opened_at > CONNECT_SECONDS:
            self.link.end("not_connected")
        self.link.tick(now)

    def excuse(self, seconds: float) -> None:
        """Leave so many seconds out of all waiting for the client; for the ticker."""
        self._opened_at += seconds
        self.link.excuse(seconds)

    # From the link.

    @property
    def behind(self) -> bool:
        """Whether events wait that there was no room for."""
        return bool(self._waiting)

    async def hear(self, message: bytes) -> None:
        """Take a Socket.IO packet. Raises BadPacket."""
        packet = socketio.decode(message)
        if isinstance(packet, socketio.Connect):
            self._connect(packet.namespace)
        elif packet.namespace != socketio.DEFAULT or not self._joined:
            raise BadPacket("a namespace that was not entered")
        elif isinstance(packet, socketio.Disconnect):
            self.link.end("client_left")
        elif isinstance(packet, socketio.Event):
            await self._deliver(
                IncomingEvent(packet.name, packet.args, packet.number), len(message)
            )
        # An Ack: nothing is sent that asks for one.

    def ended(self) -> None:
        """Wake everyone who waits."""
        if self._arrived is not None:
            self._arrived.set()
        while self._waiting:
            self._waiting.popleft().done.set()
        self._hooks.ended(self)

    def _forget_unread(self) -> None:
        if not self.closed and self._inbox is not None:
            self._inbox.clear()
            self._unread = 0

    def _connect(self, namespace: str) -> None:
        """Let the client into the default namespace, once, and into no other."""
        if namespace != socketio.DEFAULT:
            self._refused += 1
            if self._refused > NAMESPACES:
                raise BadPacket("too many namespaces")
            self.link.push(socketio.no_such_namespace(self.link.version, namespace))
        elif not self._joined:
            self._join()

    def _join(self) -> None:
        self._joined = True
        self.link.push(socketio.connected(self.link.version, self.id))
        self._hooks.joined(self)

    async def _deliver(self, incoming: IncomingEvent, size: int) -> None:
        """Put an event into the inbox, behind those that wait for room; nothing once closed."""
        if self.closed:
            return
        if not self._waiting and self._has_room(size):
            self._accept(incoming, size)
            return
        waiting = HeldEvent(incoming, size)
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(waiting)
        try:
            await waiting.done.wait()
        finally:
            if not waiting.done.is_set():  # cancelled
                self._waiting.remove(waiting)

    def _accept(self, incoming: IncomingEvent, size: int) -> None:
        if self._inbox is None:
            self._inbox = deque()
        self._inbox.append((incoming, size))
        self._unread += size
        if self._arrived is not None:
            self._arrived.set()

    def _has_room(self, size: int) -> bool:
        """Tell whether an event need not wait; one alone never does, whatever its size."""
        return not self._inbox or (len(self._inbox) < INBOX and self._unread + size <= INBOX_BYTES)
