"""What goes out on a websocket of the lane: frames, sent at once or kept for the kernel.

What waits is counted in the budget of the process (`api/http/byte_budget.py`), and so is what has
come in of a message that is not whole. A large payload is never copied: its frame is sent as a head
and the payload itself, which may be in the outboxes of many.
"""

from __future__ import annotations

import contextlib
import socket as stdlib_socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import trio
from trio.lowlevel import notify_closing, wait_writable
from websockets.protocol import SEND_EOF

from api.http.byte_budget import SHARED
from api.http.carriers.frames import PONG, frame_head
from api.http.carriers.lane_input import OPEN, LaneInput
from api.http.carriers.unsent import Piece, Unsent, rest_of, send_piece, send_some
from api.http.credentials import address_key
from api.http.sockets import SocketFull, SourceFull

if TYPE_CHECKING:
    from websockets.protocol import Protocol

    from api.http.byte_budget import Account, ByteBudget
    from api.http.metrics import WebsocketTally
    from api.http.sockets import SocketLimits, Upgrade


class LaneOutput(LaneInput):
    """The sending half of a `LaneSocket`, which ends for it.

    `spawn` is as there.
    """

    __slots__ = (
        "_account", "_budget", "_gone", "_kept", "_moved", "_muted", "_outbox", "_sock", "_spawn",
        "_tally", "_unfinished", "upgrade",
    )  # fmt: skip

    def __init__(
        self,
        sock: stdlib_socket.socket,
        upgrade: Upgrade,
        limits: SocketLimits,
        tally: WebsocketTally,
        spawn: Callable[[Any, Callable[[], Awaitable[None]]], None],
        budget: ByteBudget | None,
    ) -> None:
        super().__init__(limits)
        self.upgrade = upgrade
        self._sock = sock
        self._tally = tally
        self._spawn = spawn
        self._budget = budget
        self._account: Account | None = None  # exists once something was unsent or unfinished
        self._kept = 0  # bytes of whole messages, by whoever handles them
        self._unfinished = 0  # bytes, as the account has it
        self._outbox: Unsent[Piece] | None = None  # exists while a writer runs
        self._muted = False  # our close frame is out: nothing may follow it
        self._gone = False
        self._moved = False

    def abort(self) -> None:
        """Drop the connection."""
        raise NotImplementedError

    def shed(self) -> None:
        """Free what is held here, and end."""
        raise NotImplementedError

    def push(
        self,
        payload: bytes,
        *,
        text: bool = True,
        replace: str = "",
        spare: int = 0,
        source: str = "",
    ) -> None:
        """Send now, or queue; see `api.http.sockets.Socket`."""
        if self._muted:
            return
        size, outbox = len(payload), self._outbox
        if outbox is None:
            if size > self._limits.outbox_bytes:
                raise SocketFull
        elif source and not outbox.has_room_for(source, size):
            raise SourceFull
        elif not outbox.has_room(size + spare, replace):
            raise SocketFull
        head = frame_head(0x81 if text else 0x82, size)
        self._tally.sent += 1
        if size < SHARED:
            self._send(head + payload, replace, source)
        else:
            self._send_piece((head, payload), len(head) + size, payload, replace, source)

    def _send(self, data: bytes, replace: str = "", source: str = "") -> None:
        self._send_piece(data, len(data), data, replace, source)

    def _send_piece(
        self, piece: Piece, size: int, payload: bytes, replace: str, source: str
    ) -> None:
        """Send what is of that size, or queue it; `payload` is what is kept of it meanwhile."""
        if self._outbox is not None:
            self._outbox.add(piece, size, replace, payload, source)
            return
        try:
            sent = send_piece(self._sock, piece)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.abort()
            return
        if sent < size:
            rest, left = rest_of(piece, sent)
            limits = self._limits
            outbox = Unsent[Piece](
                limits.outbox_messages, limits.outbox_bytes, self._open_account()
            )
            self._outbox = outbox
            if sent:
                outbox.begin()
            self._spawn(self, self._write_out)
            outbox.add(rest, left, "", payload, source)

    def _open_account(self) -> Account | None:
        """Return the account of what is unsent and unfinished here."""
        if self._account is None and self._budget is not None:
            self._account = self._budget.account(address_key(self.upgrade.address), self.shed)
        return self._account

    def _count_unfinished(self) -> None:
        """Have what is not whole counted, but for a message that has a place; and what is kept."""
        size = len(self._large or b"") + len(self._partial or b"")
        if self._fragments is not None:
            size += self._message_bytes - self._room
        if size < SHARED or (self._gate is not None and self._gate.coming):
            size = 0
        if self._kept >= SHARED:
            size += self._kept
        if size != self._unfinished:
            self._unfinished = size
            account = self._open_account()
            if account is not None:
                account.hold(size)

    def _send_replies(self, protocol: Protocol) -> None:
        """Send what the library answers by itself: pongs, close frames, the end of the stream."""
        for data in protocol.data_to_send():
            if data != SEND_EOF:
                self._send(data)
        if protocol.state is not OPEN:
            self._muted = True
            if self._outbox is None:
                self._half_close()
        else:
            self._check_outbox()

    def _send_pong(self, payload: bytes) -> None:
        if not self._muted:
            self._send(frame_head(PONG, len(payload)) + payload)
            self._check_outbox()

    def _check_outbox(self) -> None:
        if self._outbox is not None and not self._outbox.has_room():
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

    def _half_close(self) -> None:
        """Send FIN once the protocol has sent its last byte, so that the peer closes as well."""
        if self._library().eof_sent and not self._gone:
            with contextlib.suppress(OSError):
                self._sock.shutdown(stdlib_socket.SHUT_WR)

    def _wake(self) -> None:
        if self._sock.fileno() >= 0:
            notify_closing(self._sock)
