"""The websocket lane: a websocket spoken by ourselves, straight on a non-blocking TCP socket.

How it works. A connection has one task, that of whoever serves it, and no timer of its own.
- In: `receive` hands out what is parsed; else it reads without waiting, and asks Trio to wait only
  when the kernel has nothing. What the bytes say is for `lane_input.py`.
- Out: `push` writes at once while nothing is queued. What the kernel does not take waits in an
  outbox of limited size, which has a writer task. When that is full, `push` raises SocketFull.
- End: noted once, in `_ended`: by us, by the client, or because the connection broke. From then on
  `receive` raises SocketClosed; after our close frame nothing is sent (`_muted`). The owner calls
  `finish` to see the handshake through and `abort` last of all. `tick`, called from outside, pings,
  and ends who is silent, stuck or slow to close.

How a connection gets here: `connections.py`. What all carriers offer: `api/http/sockets.py`.
"""

from __future__ import annotations

import contextlib
import socket as stdlib_socket
from collections.abc import Awaitable, Callable
from math import inf
from typing import TYPE_CHECKING

import trio
from trio.lowlevel import checkpoint, notify_closing, wait_readable, wait_writable
from websockets.protocol import SEND_EOF

from api.http.carriers.frames import frame_head, is_utf8, short_reason
from api.http.carriers.lane_input import OPEN, LaneInput
from api.http.carriers.large_frame import LARGE
from api.http.carriers.pacing import RateWindow
from api.http.carriers.unsent import Unsent, send_some
from api.http.sockets import SocketClosed, SocketFull

if TYPE_CHECKING:
    from websockets.protocol import Protocol

    from api.http.metrics import WebsocketTally
    from api.http.sockets import SocketLimits, Upgrade

CHUNK_BYTES = 16_384
EAGER_TURNS = 16  # receptions without a wait before everyone else gets a turn
CLOSE_SECONDS = 5.0  # for the closing handshake
PONG_SECONDS = 15.0  # of silence beyond the ping interval, and the peer is gone
PING_FRAME = b"\x89\x00"


class LaneSocket(LaneInput):
    """One websocket in the lane.

    `spawn` starts a writer task while the kernel takes no more, and calls `abort` if that raises.
    The owner calls `finish` at the end of service and `abort` last of all; a `Keeper` calls `tick`.
    """

    __slots__ = (
        "_closes_at", "_drained", "_ended", "_eof", "_gone", "_moved", "_muted", "_outbox",
        "_pings_at", "_silent_since", "_sock", "_spawn", "_stuck_since", "_tally", "_turns",
        "_window", "subprotocol", "upgrade",
    )  # fmt: skip

    def __init__(
        self,
        sock: stdlib_socket.socket,
        upgrade: Upgrade,
        subprotocol: str | None,
        limits: SocketLimits,
        tally: WebsocketTally,
        spawn: Callable[[LaneSocket, Callable[[], Awaitable[None]]], None],
    ) -> None:
        now = trio.current_time()
        super().__init__(limits)
        self.upgrade = upgrade
        self.subprotocol = subprotocol
        self._sock = sock
        self._tally = tally
        self._spawn = spawn
        self._window = RateWindow(limits.messages_per_second, limits.burst)
        self._drained = False  # the last read took all there was
        self._outbox: Unsent[bytes | memoryview] | None = None  # exists while a writer runs
        self._ended: tuple[int, str, bool] | None = None  # how `receive` ends from now on
        self._muted = False  # our close frame is out: nothing may follow it
        self._eof = False
        self._gone = False
        self._turns = 0
        self._moved = False
        self._silent_since = self._stuck_since = now
        self._pings_at = now + limits.ping_seconds
        self._closes_at = inf

    # What a dialect sees.

    async def receive(self) -> tuple[bytes, bool]:
        """Return the next message; see `api.http.sockets.Socket`."""
        if self._gate is not None:
            self._gate.handled()
        while self._ended is None:
            if self._messages:
                message = self._messages.pop()
                await self._pace(len(message[0]))
                if self._ended is None and self._is_valid(*message):
                    self._tally.received += 1
                    if self._gate is not None:
                        self._gate.hand_out(len(message[0]))
                    return message
            elif not self._is_open():
                self._end_by_protocol(self._library())
            elif self._wanted:
                await self._enter()
            elif self._drained or not self._read():
                self._turns, self._drained = 0, False
                try:
                    await wait_readable(self._sock)
                except trio.ClosedResourceError:
                    continue  # closed from here while we waited
            elif not self._messages:
                await checkpoint()  # pieces and control frames, as many as the peer likes
        raise SocketClosed(*self._ended)

    def push(self, payload: bytes, *, text: bool = True, replace: str = "", spare: int = 0) -> None:
        """Send now, or queue; see `api.http.sockets.Socket`."""
        if self._muted:
            return
        if self._outbox is not None and not self._outbox.has_room(len(payload) + spare, replace):
            raise SocketFull
        self._send(frame_head(0x81 if text else 0x82, len(payload)) + payload, replace)
        self._tally.sent += 1

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start the closing handshake; see `api.http.sockets.Socket`."""
        if self._ended is not None:
            return
        self._end(code, reason)
        if self._is_open():
            protocol = self._library()
            protocol.send_close(code, short_reason(reason))
            self._send_replies(protocol)
        self._wake()

    def abort(self) -> None:
        """Drop the connection; wakes every task that waits on it. Idempotent."""
        if self._gone:
            return
        self._gone = self._muted = True
        self._end(1006, "")
        self._outbox = None
        self._let_go()
        self._wake()
        self._sock.close()

    def hurry(self) -> None:
        """Wait for the answer to our close frame no longer; what is unsent still goes out."""
        if self._ended is not None and self._outbox is None:
            self.abort()

    # What the owner of the connection does with it.

    @property
    def closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._ended is not None

    def feed(self, data: bytes) -> None:
        """Take the bytes that came right behind the upgrade request."""
        if data:
            self._parse(data)

    async def finish(self) -> None:
        """See the closing handshake through, at most CLOSE_SECONDS (kept by `tick`)."""
        self.close()
        self._let_go()
        while not (self._gone or self._eof or self._said_goodbye()):
            self._messages.clear()
            if self._read():
                await checkpoint()
                continue
            try:
                await wait_readable(self._sock)
            except trio.ClosedResourceError:
                continue  # aborted, or the writer is done

    def tick(self, now: float) -> None:
        """Ping when it is time; drop a peer that is silent, stuck or slow to close."""
        if self._heard or self._wanted:
            self._heard, self._silent_since = False, now
        if self._gate is not None:
            self._gate.watch(now, self._arrived())
        if self._moved or self._outbox is None:
            self._moved, self._stuck_since = False, now
        patience = self._limits.ping_seconds + PONG_SECONDS
        if (
            now >= self._closes_at
            or now - self._silent_since > patience
            or now - self._stuck_since > patience
        ):
            self.abort()
        elif now >= self._pings_at and not self._muted:
            self._pings_at = now + self._limits.ping_seconds
            if self._outbox is None:
                self._send(PING_FRAME)

    # In.

    def _read(self) -> bool:
        """Read what is there and parse it; False when there is nothing yet."""
        try:
            data = self._sock.recv(CHUNK_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if data:
            self._drained = len(data) < CHUNK_BYTES
            self._parse(data)
        else:
            self._eof = True
            self._end(1006, "")
        return True

    def _is_valid(self, payload: bytes, text: bool) -> bool:
        """Check that text is UTF-8; close the connection over what is not."""
        valid = not text or is_utf8(payload)
        if not valid:
            self.close(1007, "text is not UTF-8")
        return valid

    async def _enter(self) -> None:
        """Wait for a place for what has begun, and read on; ends the socket if there is none."""
        if self._gate is not None:
            await self._gate.enter(self._wanted)
        self._wanted = 0
        if self._ended is None:
            self._parse(b"")

    async def _pace(self, size: int) -> None:
        """Wait for this message's turn, and let others run after a row of them or a large one."""
        delay = self._window.take(trio.current_time())
        self._turns += 1
        if delay > 0.0 or self._turns >= EAGER_TURNS or size > LARGE:
            self._turns = 0
            await trio.sleep(delay)  # a checkpoint, for 0.0

    # Out.

    def _send(self, data: bytes, replace: str = "") -> None:
        if self._outbox is not None:
            self._outbox.add(data, len(data), replace)
            return
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.abort()
            return
        if sent < len(data):
            self._outbox = Unsent(self._limits.outbox_messages, self._limits.outbox_bytes)
            self._outbox.add(memoryview(data)[sent:], len(data) - sent)
            self._spawn(self, self._write_out)

    def _send_replies(self, protocol: Protocol) -> None:
        """Send what the library answers by itself: pongs, close frames, the end of the stream."""
        for data in protocol.data_to_send():
            if data != SEND_EOF:
                self._send(data)
        if protocol.state is not OPEN:
            self._muted = True
            if self._outbox is None:
                self._half_close()
        elif self._outbox is not None and not self._outbox.has_room():
            self.abort()  # it pings without reading the pongs

    async def _write_out(self) -> None:
        """Write the queue as the kernel takes it; runs only while there is one."""
        while self._outbox:
            try:
                await wait_writable(self._sock)
            except trio.ClosedResourceError:
                continue  # closing: the queue still goes out; or gone: the queue is too
            try:
                self._moved |= send_some(self._sock, self._outbox)
            except OSError:
                self.abort()
        self._outbox = None
        if self._muted:
            self._half_close()
            self._wake()

    # The end.

    def _end(self, code: int, reason: str, theirs: bool = False) -> None:
        if self._ended is None:
            self._ended = (code, reason, theirs)
            self._closes_at = trio.current_time() + CLOSE_SECONDS
            if self._gate is not None:
                self._gate.end()

    def _end_by_protocol(self, protocol: Protocol) -> None:
        close = protocol.close_rcvd or protocol.close_sent
        theirs = protocol.close_rcvd is not None
        self._end(close.code if close else 1006, close.reason if close else "", theirs)

    def _said_goodbye(self) -> bool:
        return self._library().close_rcvd is not None and self._outbox is None

    def _half_close(self) -> None:
        """Send FIN once the protocol has sent its last byte, so that the peer closes as well."""
        if self._library().eof_sent and not self._gone:
            with contextlib.suppress(OSError):
                self._sock.shutdown(stdlib_socket.SHUT_WR)

    def _wake(self) -> None:
        if self._sock.fileno() >= 0:
            notify_closing(self._sock)
