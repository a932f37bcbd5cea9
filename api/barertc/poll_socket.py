"""A socket for who polls: messages come in with requests, and what is unsent waits for the next.

A `Socket` like those of the carriers (`api/http/sockets.py`), without a connection: it ends when
nothing was heard for IDLE_SECONDS. What was pushed before its end is still fetched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import trio

from api.http.carriers.pacing import RateWindow
from api.http.carriers.unsent import Unsent
from api.http.sockets import SocketClosed, SocketFull, SocketLimits, Upgrade

IDLE_SECONDS = 60.0  # without a poll, and nobody is there any more
LAST_SECONDS = 15.0  # that what was said before the end waits to be fetched
WAITING = 32  # messages that wait to be taken
WAITING_BYTES = 67_108_864
TIMED_OUT = "timed out"
SILENT = 1006


class PollBusy(Exception):
    """As many messages of this session wait as may."""


@dataclass(eq=False, slots=True)
class Heard:
    """A message that came with a poll; `done` once it has been dealt with, or never will be."""

    payload: bytes
    done: trio.Event = field(default_factory=trio.Event)


class PollSocket:
    """One session of a client that polls; `id` opens it, and is told to nobody else."""

    def __init__(
        self,
        id_: str,
        upgrade: Upgrade,
        limits: SocketLimits,
        forget: Callable[[PollSocket], None],
    ) -> None:
        self.id = id_
        self.upgrade = upgrade
        self.subprotocol: str | None = None
        self.message_bytes = limits.message_bytes
        self.name = ""  # as whoever polls was last told
        self._limits = limits
        self._forget = forget
        self._window = RateWindow(limits.messages_per_second, limits.burst)
        self._inbox: deque[Heard] = deque()
        self._unheard = 0
        self._taken: Heard | None = None
        self._more = trio.Event()
        self._outbox: Unsent[bytes] = Unsent(limits.outbox_messages, limits.outbox_bytes)
        self._ended: SocketClosed | None = None
        self._heard_at = trio.current_time()
        self._forgotten_at = inf

    # --- as a dialect sees it

    async def receive(self) -> tuple[bytes, bool]:
        """Return the next message, and be done with the one before; see `Socket`."""
        self._be_done()
        while not self._inbox and self._ended is None:
            self._more = trio.Event()
            await self._more.wait()
        if self._ended is not None:
            raise SocketClosed(*self._ended.args)
        heard = self._taken = self._inbox.popleft()
        self._unheard -= len(heard.payload)
        await trio.sleep(self._window.take(trio.current_time()))
        payload, heard.payload = heard.payload, b""
        return payload, True

    def push(self, payload: bytes, *, text: bool = True, replace: str = "", spare: int = 0) -> None:
        """Keep it for the next poll; see `Socket`."""
        if self._ended is not None:
            return
        if not self._outbox.has_room(len(payload) + spare, replace):
            raise SocketFull
        self._outbox.add(payload, len(payload), replace)

    def limit_messages(self, message_bytes: int) -> None:
        """Take larger messages, or no longer; see `Socket`."""
        self.message_bytes = self._limits.within(message_bytes)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End it; what is unsent can still be fetched for a while."""
        if self._ended is None:
            self._ended = SocketClosed(code, reason)
            self._forgotten_at = trio.current_time() + LAST_SECONDS
            self._more.set()

    def abort(self) -> None:
        """End it, and have nothing fetched any more."""
        self.close(SILENT)
        self._outbox.clear()

    # --- as requests see it

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._ended is not None

    def call(self, name: str) -> None:
        """Note who has logged in; whoever polls has to name himself so."""
        self.name = name

    def touch(self) -> None:
        """Note that somebody is there."""
        self._heard_at = trio.current_time()

    async def hear(self, payload: bytes) -> None:
        """Hand a message over, and wait until it has been dealt with. Raises PollBusy."""
        if self._ended is not None:
            return
        if len(self._inbox) >= WAITING or self._unheard + len(payload) > WAITING_BYTES:
            raise PollBusy
        heard = Heard(payload)
        self._inbox.append(heard)
        self._unheard += len(payload)
        self._more.set()
        await heard.done.wait()

    def take(self, most_bytes: float = inf) -> list[bytes]:
        """Return what is unsent, in order, which is sent by that; the rest comes with the next."""
        taken: list[bytes] = []
        size = 0
        while self._outbox and (not taken or size + len(self._outbox.first) <= most_bytes):
            taken.append(self._outbox.take())
            size += len(taken[-1])
        if self._ended is not None and not self._outbox:
            self._forget(self)
        return taken

    # --- as its host sees it

    def tick(self, now: float) -> None:
        """End it when nobody has polled for long; have it forgotten a while after its end."""
        if now >= self._forgotten_at:
            self._forget(self)
        elif now - self._heard_at > IDLE_SECONDS:
            self.close(SILENT, TIMED_OUT)

    def go_away(self) -> None:
        """Do nothing: the conversation on it says goodbye."""

    def crashed(self) -> None:
        """End it over a bug."""
        self.close(1011, "crashed")
        self._forget(self)

    def served(self) -> None:
        """Wake whoever still waits: nobody will deal with anything any more."""
        self._be_done()
        while self._inbox:
            self._inbox.popleft().done.set()

    def _be_done(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            taken.done.set()
