"""The gate of one websocket: a message beyond its ordinary limit comes in only with a place.

Places are of the whole process (`api.http.sockets.Intake`). One is asked for as soon as a message
is known to be large, and held until whoever handles it asks for the next, or the socket has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from api.http.byte_budget import SHARED

if TYPE_CHECKING:
    from api.http.byte_budget import Account
    from api.http.sockets import SocketLimits

WINDOW_SECONDS = 15.0  # in which a large message must come as far as the slowest rate has it
TOO_MANY = (1013, "too many large messages at a time")
TOO_LARGE = (1009, "message too large")
TOO_SLOW = (1008, "large message came too slowly")
TOO_LATE = (1008, "message took too long")


class MessageGate:
    """Holds at most one place. `close` ends its socket, with a code and a reason.

    In order: `enter`, `complete` once the message is whole, `hand_out` when it is received, and
    `handled`, which does nothing before that. `leave` gives the place back whatever there is.
    Where there is an `account` it is told what has come in and was not received yet, or is kept,
    but for messages that have a place.
    """

    __slots__ = (
        "_account", "_arrived", "_handed_out", "_kept", "_left", "_scope", "_since", "_size",
        "_unfinished", "_unread", "_whole", "close", "coming", "drop_unfinished", "ended", "limits",
        "message_bytes",
    )  # fmt: skip

    def __init__(
        self,
        limits: SocketLimits,
        close: Callable[[int, str], None],
        account: Account | None = None,
    ) -> None:
        self.limits = limits
        self._account = account
        self._unfinished = self._unread = self._kept = 0  # bytes
        self.message_bytes = limits.message_bytes  # that may come now, with a place
        self.close = close
        self.drop_unfinished: Callable[[], None] | None = None  # where something else holds it
        self.coming = False  # a large message, for which there is a place
        self.ended = False
        self._size = 0  # bytes of the place; 0: none
        self._arrived, self._since = 0, 0.0  # how far it was, and when
        self._whole: list[bool] = []  # large ones not received yet: whether they have the place
        self._handed_out = False
        self._left = trio.Event()
        self._scope: trio.CancelScope | None = None  # around a wait

    def stops(self, size: int) -> bool:
        """Tell whether a message of that size must wait for a place before more of it is read."""
        return (
            size > self.limits.message_bytes and not self.coming and self.limits.intake is not None
        )

    async def enter(self, size: int) -> None:
        """Wait for a place for a message of that size, or end the socket if none comes."""
        intake = self.limits.intake
        if intake is None or self.ended:
            return
        with trio.CancelScope() as self._scope:
            while self._size:  # of a message that is not handled yet
                await self._left.wait()
            if await intake.enter(size):
                self._size, self.coming, self._left = size, True, trio.Event()
                self._arrived, self._since = 0, trio.current_time()
            else:
                self.close(*TOO_MANY)
        self._scope = None

    def watch(self, now: float, arrived: int) -> None:
        """End the socket if a large message comes too slowly; `arrived` bytes of it are there."""
        intake, seconds = self.limits.intake, now - self._since
        if not self.coming or intake is None or seconds < WINDOW_SECONDS:
            return
        if arrived - self._arrived < seconds * intake.slowest:
            self.close(*TOO_SLOW)
        self._arrived, self._since = arrived, now

    def excuse(self, seconds: float) -> None:
        """Leave so many seconds out of those in which a large message came."""
        self._since += seconds

    def complete(self, size: int) -> None:
        """Note that a message is whole; the next large one waits until it is handled."""
        if size > self.limits.message_bytes:
            self._whole.append(self.coming)
            self.coming = False
        elif size >= SHARED:
            self._unread += size

    def hand_out(self, size: int) -> None:
        """Note that a message of that size was received: they are in order of `complete`."""
        if size > self.limits.message_bytes:
            self._handed_out = bool(self._whole) and self._whole.pop(0)
        elif size >= SHARED:
            self._unread -= size
            self._tell_account()

    def handled(self) -> None:
        """Give the place back if the message it was for has been received."""
        if self._handed_out:
            self.leave()

    def count(self, unfinished: int) -> None:
        """Note how many bytes are here of a message that is not whole."""
        self._unfinished = 0 if self.coming or unfinished < SHARED else unfinished
        self._tell_account()

    def keep(self, size: int) -> None:
        """Note how many bytes whoever handles messages keeps of those that were received."""
        self._kept = 0 if size < SHARED else size
        self._tell_account()

    def forget(self) -> None:
        """Nothing of this socket is here any more, nor counted from now on."""
        self.leave()
        self._unread = self._kept = 0
        self.count(0)
        self._account = None  # what Hypercorn still reads is dropped

    def _tell_account(self) -> None:
        if self._account is not None:
            self._account.hold(self._unfinished + self._unread + self._kept)

    def end(self) -> None:
        """Wait no longer, and keep nothing of what is not whole: the socket has ended."""
        self.ended = True
        if self.drop_unfinished is not None:
            self.drop_unfinished()
            self.count(0)
        if self._scope is not None:
            self._scope.cancel()

    def leave(self) -> None:
        """Give the place back. Idempotent."""
        size, self._size = self._size, 0
        self.coming = self._handed_out = False
        if size and self.limits.intake is not None:
            self.limits.intake.leave(size)
            self._left.set()
