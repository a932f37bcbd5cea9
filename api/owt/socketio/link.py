"""An Engine.IO session joined to the tasks that carry it: requests, a websocket, a poll that waits.

The rules are in `engineio.py`; what a message means is in `connection.py`. A `SocketioLink`
never starts a task: it is fed by the transports (`polling.py`, `table.py`) and by one ticker.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import trio

from api.http.carriers.pacing import RateWindow
from api.http.sockets import SocketFull, SourceFull
from api.owt.socketio.engineio import TOO_SLOW, OutboxFull, Transport
from api.owt.socketio.payload import BadPacket

if TYPE_CHECKING:
    from api.http.byte_budget import Account
    from api.http.sockets import Socket
    from api.owt.socketio.engineio import Engine


class Above(Protocol):
    """What a link hands on to."""

    @property
    def behind(self) -> bool:
        """Whether more has arrived than was read."""

    async def hear(self, message: bytes) -> None:
        """Take a message; waits while there is no room. Raises BadPacket."""

    def ended(self) -> None:
        """Hear that the link is closed, maybe more than once; never blocks."""


class SocketioLink:
    """One session on its way between two transports."""

    __slots__ = ("_above", "_engine", "_moved", "_posting", "_socket", "_window", "account")

    def __init__(self, engine: Engine, above: Above) -> None:
        self._engine = engine
        self._above = above
        self._socket: Socket | None = None  # also one that is still being probed
        self._moved: trio.Event | None = None  # a poll waits
        self._posting: trio.Event | None = None  # a post is under way; set at its end
        self._window: RateWindow | None = None
        self.account: Account | None = None  # of what waits for a poll

    @property
    def closed(self) -> str:
        """The reason of the end, "" while it is open."""
        return self._engine.closed

    @property
    def version(self) -> int:
        """The version of Engine.IO: 3 or 4."""
        return self._engine.version

    @property
    def transport(self) -> Transport:
        """What carries it now."""
        return self._engine.transport

    def greeting(self, sid: str) -> bytes:
        """Return the packet that a session begins with."""
        return self._engine.greeting(sid)

    def push(self, packet: bytes, source: str = "") -> bool:
        """Send at once, or queue; nothing once closed, and where there is no room it closes.

        What comes from a `source` is left out where that, or all of them, have their part: False.
        """
        try:
            if source and self._socket is not None and self.transport is Transport.WEBSOCKET:
                self._carry_part(self._socket, packet, source)
                return True
            with suppress(OutboxFull):  # closed by that
                self._engine.send(packet, trio.current_time(), source)
        except SourceFull:
            return False
        self._move()
        return True

    def _carry_part(self, socket: Socket, packet: bytes, source: str) -> None:
        """Send what comes from a source. Raises SourceFull."""
        if self.closed:
            return
        try:
            socket.push(packet, source=source)
        except SocketFull:
            self.end(TOO_SLOW, told=True)

    def end(self, reason: str, *, told: bool = False) -> None:
        """Close; the client hears of it unless `told`, which is to say that it cannot or knows."""
        self._engine.close(reason, trio.current_time(), told=told)
        self._move()

    def abort(self) -> None:
        """Drop the link without a word."""
        self.end("aborted", told=True)
        if self._socket is not None:
            self._socket.abort()

    def forget(self) -> None:
        """Have nothing counted any more: nobody will fetch what is left."""
        account, self.account = self.account, None
        if account is not None:
            account.hold(0)

    def shed(self) -> None:
        """End it as too slow, and keep nothing: too much is unsent in all."""
        self.end(TOO_SLOW, told=True)
        self._engine.drop()
        self._move()

    # From the client.

    async def take(self, packet: bytes, *, posted: bool = False) -> None:
        """Take one packet; waits while there is no room for the message in it.

        What comes over a websocket also waits for the rest of a post that was there before.
        """
        try:
            message = self._engine.hear(packet, trio.current_time())
            if message is not None:
                if self._posting is not None and not posted:
                    await self._posting.wait()
                await self._above.hear(message)
        except BadPacket:
            self.end("bad_packet")
        except OutboxFull:
            pass  # closed by that
        self._move()

    async def post(self, packets: list[bytes], per_second: int) -> bool:
        """Take what one request brought, at the pace allowed; False if another is at it."""
        if self._posting is not None:
            self.end("two_posts")
            return False
        if self._window is None:
            self._window = RateWindow(per_second)
        posting = self._posting = trio.Event()
        whole = False
        try:
            for packet in packets:
                if delay := self._window.take(trio.current_time()):
                    await trio.sleep(delay)
                if self.closed:
                    break
                await self.take(packet, posted=True)
            whole = True
        finally:
            self._posting = None
            posting.set()
            if not whole:  # the client gave up on the request: the rest is lost
                self.end("client_left", told=True)
        return True

    async def poll(self) -> list[bytes] | None:
        """Wait for something to send; None if another poll waits already."""
        engine = self._engine
        if not engine.begin_poll(trio.current_time()):
            self._move()
            return None
        whole = False
        try:
            while not engine.poll_ready(trio.current_time()):
                self._moved = trio.Event()
                with trio.move_on_after(engine.poll_seconds):
                    await self._moved.wait()
            whole = True
        finally:
            self._moved = None
            if not whole:  # the client left
                engine.lose_poll(trio.current_time())
                self._move()
        packets = engine.end_poll(trio.current_time())
        self._move()
        return packets

    # The websocket.

    def probe(self, socket: Socket) -> bool:
        """Begin to move to a websocket; False where that cannot be."""
        if not self._engine.begin_probe():
            return False
        self._socket = socket
        self._move()
        return True

    def stay(self) -> None:
        """Stay on polling: the websocket came to nothing."""
        self._engine.end_probe()
        self._socket = None

    def carry(self, socket: Socket) -> bool:
        """Go on over this websocket: the one that was probed, or where it all begins."""
        if self.transport is Transport.POLLING and not self._engine.upgrade(trio.current_time()):
            return False
        self._socket = socket
        self._move()
        return True

    # Time.

    def tick(self, now: float) -> None:
        """Ping, and end what is silent or does not read."""
        with suppress(OutboxFull):  # closed by that
            self._engine.tick(now, busy=self._above.behind)
        self._move()

    def excuse(self, seconds: float) -> None:
        """Leave so many seconds out of all waiting for the client."""
        self._engine.excuse(seconds)

    def over(self, now: float) -> bool:
        """Tell whether it may be forgotten."""
        return self._engine.over(now)

    def _move(self) -> None:
        """Let everyone see what has changed: the websocket, the poll that waits, those above."""
        engine, socket = self._engine, self._socket
        if socket is not None and engine.transport is Transport.WEBSOCKET:
            try:
                for packet in engine.take():
                    socket.push(packet)
            except SocketFull:
                engine.close(TOO_SLOW, trio.current_time(), told=True)
        if self._moved is not None:
            self._moved.set()
        if self.account is not None:
            self.account.hold(engine.waiting)
        if engine.closed:
            if socket is not None:
                socket.close(1000, engine.closed)
            if self._posting is not None:
                self._posting.set()
            self._above.ended()
