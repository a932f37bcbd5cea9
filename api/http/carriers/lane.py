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
from trio.lowlevel import checkpoint, wait_readable

from api.http.carriers.frame_flow import AT_ONCE
from api.http.carriers.frames import is_utf8, short_reason
from api.http.carriers.lane_output import LaneOutput
from api.http.carriers.large_frame import LARGE
from api.http.carriers.message_gate import TOO_LATE
from api.http.carriers.pacing import FrameRate, RateWindow
from api.http.sockets import SocketClosed

if TYPE_CHECKING:
    from websockets.protocol import Protocol

    from api.http.byte_budget import ByteBudget
    from api.http.metrics import WebsocketTally
    from api.http.sockets import SocketLimits, Upgrade

CHUNK_BYTES = 16_384
EAGER_TURNS = 16  # receptions without a wait before everyone else gets a turn
CLOSE_SECONDS = 5.0  # for the closing handshake
PONG_SECONDS = 15.0  # of silence beyond the ping interval, and the peer is gone
PING_FRAME = b"\x89\x00"


class LaneSocket(LaneOutput):
    """One websocket in the lane.

    `spawn` starts a writer task while the kernel takes no more, and calls `abort` if that raises.
    The owner calls `finish` at the end of service and `abort` last of all; a `Keeper` calls `tick`.
    """

    __slots__ = (
        "_begun", "_begun_at", "_closes_at", "_drained", "_ended", "_eof", "_frame_rate",
        "_pings_at", "_silent_since", "_stuck_since", "_turns", "_window", "subprotocol",
    )  # fmt: skip

    def __init__(
        self,
        sock: stdlib_socket.socket,
        upgrade: Upgrade,
        subprotocol: str | None,
        limits: SocketLimits,
        tally: WebsocketTally,
        spawn: Callable[[LaneSocket, Callable[[], Awaitable[None]]], None],
        budget: ByteBudget | None = None,
    ) -> None:
        now = trio.current_time()
        super().__init__(sock, upgrade, limits, tally, spawn, budget)
        self.subprotocol = subprotocol
        self._window = RateWindow(limits.messages_per_second, limits.burst)
        self._frame_rate: FrameRate | None = None  # exists once something was no whole message
        self._begun, self._begun_at = 0, now  # the message that is not whole, by its number
        self._drained = False  # the last read took all there was
        self._ended: tuple[int, str, bool] | None = None  # how `receive` ends from now on
        self._eof = False
        self._turns = 0
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
            elif self._frames:
                await self._pace_frames()
            elif self._wanted:
                await self._enter()
            elif self._partial is not None and not self._needed:
                self._parse_on()
            elif self._drained or not self._read():
                self._turns, self._drained = 0, False
                try:
                    await wait_readable(self._sock)
                except trio.ClosedResourceError:
                    continue  # closed from here while we waited
            elif not self._messages:
                await checkpoint()  # pieces and control frames, as many as the peer likes
        raise SocketClosed(*self._ended)

    def count_kept(self, size: int) -> None:
        """Count what the handler keeps; see `api.http.sockets.Socket`."""
        if self._ended is not None:
            raise SocketClosed(*self._ended)
        if size != self._kept:
            self._kept = size
            self._count_unfinished()

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
        if self._outbox is not None:
            self._outbox.clear()
            self._outbox = None
        self._partial, self._kept = None, 0
        self._let_go()
        self._count_unfinished()
        self._protocol = None
        self._account = self._budget = None  # which know us: nothing is to wait for the collector
        self._wake()
        self._sock.close()

    def shed(self) -> None:
        """Keep next to nothing, and close as too slow; drop the connection if that is under way."""
        if self._ended is not None:
            self.abort()
            return
        if self._outbox is not None:
            self._outbox.drop()
        self._kept = 0
        self.close(*self._limits.too_slow)
        self._let_go()
        self._count_unfinished()

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
            if self._frames:
                await self._pace_frames()
            elif self._partial is not None and not self._needed:
                self._parse_on()
            elif self._read():
                await checkpoint()
            else:
                with contextlib.suppress(trio.ClosedResourceError):  # aborted, or all is written
                    await wait_readable(self._sock)

    def tick(self, now: float) -> None:
        """Ping when it is time; drop a peer that is silent, stuck or slow to close."""
        if self._heard or self._wanted:
            self._heard, self._silent_since = False, now
        if self._gate is not None:
            self._gate.watch(now, self._arrived())
        self._watch_message(now)
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

    def excuse(self, seconds: float) -> None:
        """Leave so many seconds out of all waiting for the peer; see `Kept`."""
        self._silent_since += seconds
        self._stuck_since += seconds
        self._begun_at += seconds
        self._closes_at += seconds
        if self._gate is not None:
            self._gate.excuse(seconds)

    def _watch_message(self, now: float) -> None:
        """Close over a message that takes too long; not over one that waits for us."""
        ours = self._messages or self._wanted or (self._gate is not None and self._gate.coming)
        if ours or self._begun != self._whole or not self._is_unfinished():
            self._begun, self._begun_at = self._whole, now
        elif now - self._begun_at > self._limits.message_seconds:
            self.close(*TOO_LATE)

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
            if self._unfinished or self._partial is not None or self._is_unfinished():
                self._count_unfinished()
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

    async def _pace_frames(self) -> None:
        """Wait for the turn of what was no whole message, let others run, and parse on."""
        if self._frame_rate is None:
            self._frame_rate = FrameRate(self._limits.frames_per_second)
        frames, self._frames = self._frames, 0
        delay = self._frame_rate.take(trio.current_time(), frames)
        if delay > 0.0 or frames >= AT_ONCE:
            await trio.sleep(delay)
        if self._partial is not None and not self._needed and not self._gone:
            self._parse_on()

    def _parse_on(self) -> None:
        """Go on with what was read before."""
        self._parse(b"")
        if self._unfinished:
            self._count_unfinished()

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
