"""The websocket lane: a websocket spoken by ourselves, straight on a non-blocking TCP socket.

How it works. A connection has one task, that of whoever serves it, and no timer of its own.
- In: `receive` hands out what is parsed; else it reads without waiting, and asks Trio to wait only
  when the kernel has nothing. Whole messages are taken apart here, with `frames.py`. All else goes
  to the sans-IO `Protocol` of the `websockets` library, made when first needed.
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
from typing import TYPE_CHECKING, cast

import trio
from trio.lowlevel import checkpoint, notify_closing, wait_readable, wait_writable
from websockets.frames import Frame, Opcode
from websockets.protocol import SEND_EOF, Protocol, Side, State

from api.http.carriers.frames import (
    LONGEST_CONTROL,
    LONGEST_HEAD,
    PONG,
    WHOLE,
    WHOLE_TEXT,
    frame_end,
    frame_head,
    payload_of,
    short_reason,
)
from api.http.carriers.large_frame import LARGE, LargeFrame
from api.http.carriers.pacing import RateWindow
from api.http.carriers.unsent import Unsent, send_some
from api.http.sockets import SocketClosed, SocketFull

if TYPE_CHECKING:
    from api.http.metrics import WebsocketTally
    from api.http.sockets import SocketLimits, Upgrade

CHUNK_BYTES = 16_384
EAGER_TURNS = 16  # receptions without a wait before everyone else gets a turn
FRAGMENTS = 4096  # of one message
CLOSE_SECONDS = 5.0  # for the closing handshake
PONG_SECONDS = 15.0  # of silence beyond the ping interval, and the peer is gone
PING_FRAME = b"\x89\x00"
TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
OPEN = State.OPEN


class LaneSocket:
    """One websocket in the lane.

    `spawn` starts a writer task while the kernel takes no more, and calls `abort` if that raises.
    The owner calls `finish` at the end of service and `abort` last of all; a `Keeper` calls `tick`.
    """

    __slots__ = (
        "_closes_at", "_drained", "_ended", "_eof", "_fragments", "_fragments_text", "_gone",
        "_heard", "_large", "_limits", "_message_bytes", "_messages", "_moved", "_muted", "_needed",
        "_outbox", "_partial", "_pings_at", "_protocol", "_room", "_silent_since", "_sock",
        "_spawn", "_stuck_since", "_tally", "_turns", "_window", "subprotocol", "upgrade",
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
        self.upgrade = upgrade
        self.subprotocol = subprotocol
        self._sock = sock
        self._limits = limits
        self._tally = tally
        self._spawn = spawn
        self._protocol: Protocol | None = None  # exists once a frame is no whole message
        self._window = RateWindow(limits.messages_per_second, limits.burst)
        self._messages: list[tuple[bytes, bool]] = []  # parsed, not yet received, the next one last
        self._message_bytes = limits.message_bytes
        self._room = limits.message_bytes  # for the payload of the next frame
        self._partial: bytearray | None = None  # the beginning of a frame
        self._large: LargeFrame | None = None  # the beginning of a large one
        self._needed = 0  # bytes in `_partial` before it is worth a look
        self._drained = False  # the last read took all there was
        self._fragments: list[bytes] | None = None  # of a message that is not whole yet
        self._fragments_text = False
        self._outbox: Unsent[bytes | memoryview] | None = None  # exists while a writer runs
        self._ended: tuple[int, str, bool] | None = None  # how `receive` ends from now on
        self._muted = False  # our close frame is out: nothing may follow it
        self._eof = False
        self._gone = False
        self._turns = 0
        self._heard = self._moved = False
        self._silent_since = self._stuck_since = now
        self._pings_at = now + limits.ping_seconds
        self._closes_at = inf

    # What a dialect sees.

    async def receive(self) -> tuple[bytes, bool]:
        """Return the next message; see `api.http.sockets.Socket`."""
        while self._ended is None:
            if self._messages:
                message = self._messages.pop()
                await self._pace(len(message[0]))
                if self._ended is None and self._is_valid(*message):
                    self._tally.received += 1
                    return message
            elif not self._is_open():
                self._end_by_protocol(self._library())
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

    def limit_messages(self, message_bytes: int) -> None:
        """Take larger messages, or no longer; see `api.http.sockets.Socket`."""
        raised = self._limits.within(message_bytes) - self._message_bytes
        self._message_bytes += raised
        self._room += raised
        if self._protocol is not None:
            self._protocol.max_message_size = self._message_bytes

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
        if self._heard:
            self._heard, self._silent_since = False, now
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

    def _parse(self, data: bytes) -> None:
        """Take whole messages as they are, and leave every other frame to the library."""
        self._heard = True
        if self._large is not None:
            data = self._large.add(data)
            if not self._large.complete:
                return
            self._messages.append(self._large.message())
            self._large = None
        elif self._partial is not None:
            self._partial += data
            if len(self._partial) < self._needed:
                return
            data, self._partial = bytes(self._partial), None
        start, size = 0, len(data)
        while start < size:
            end = frame_end(data, start, self._room) if self._is_open() else -1
            if end < 0:
                self._consult(data[start:])
                break
            kind = data[start]
            if end > size:
                if end - start < LARGE or kind not in WHOLE or self._fragments is not None:
                    self._partial, self._needed = bytearray(data[start:]), end - start
                elif size - start < LONGEST_HEAD:
                    self._partial, self._needed = bytearray(data[start:]), LONGEST_HEAD
                else:
                    self._large = LargeFrame(data, start, end)
                break
            if kind in WHOLE and self._fragments is None:
                self._messages.append((payload_of(data, start, end), kind == WHOLE_TEXT))
            elif kind != PONG or end - start > LONGEST_CONTROL:
                self._consult(data[start:end])
            start = end
        self._messages.reverse()

    def _consult(self, data: bytes) -> None:
        """Let the library take it: it answers pings, and says what is wrong with the rest."""
        protocol = self._library()
        protocol.receive_data(data)
        if protocol.writes:
            self._send_replies(protocol)
        for frame in cast("list[Frame]", protocol.events_received()):
            self._add(frame)

    def _add(self, frame: Frame) -> None:
        """Add a fragment to the message it belongs to."""
        opcode = frame.opcode
        if opcode is TEXT or opcode is BINARY:
            self._fragments, self._fragments_text = [], opcode is TEXT
        elif opcode is not CONT or self._fragments is None:
            return
        self._fragments.append(bytes(frame.data))
        self._room -= len(frame.data)
        if frame.fin:
            self._messages.append((b"".join(self._fragments), self._fragments_text))
            self._fragments, self._room = None, self._message_bytes
        elif len(self._fragments) > FRAGMENTS:  # empty ones pass every limit of size
            self.close(1009, "too many fragments")
            self._fragments = None

    def _is_valid(self, payload: bytes, text: bool) -> bool:
        """Check that text is UTF-8; close the connection over what is not."""
        if text and not payload.isascii():
            try:
                payload.decode()
            except UnicodeDecodeError:
                self.close(1007, "text is not UTF-8")
                return False
        return True

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

    def _end_by_protocol(self, protocol: Protocol) -> None:
        close = protocol.close_rcvd or protocol.close_sent
        theirs = protocol.close_rcvd is not None
        self._end(close.code if close else 1006, close.reason if close else "", theirs)

    def _is_open(self) -> bool:
        return self._protocol is None or self._protocol.state is OPEN

    def _library(self) -> Protocol:
        """Return what speaks for us in all but whole messages."""
        if self._protocol is None:
            most = self._message_bytes
            self._protocol = Protocol(Side.SERVER, state=OPEN, max_size=most)
        return self._protocol

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
