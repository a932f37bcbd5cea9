"""A socket for who polls: messages come in with requests, and what is unsent waits for the next.

A `Socket` like those of the carriers (`api/http/sockets.py`), without a connection: it ends when
nothing was heard for IDLE_SECONDS. What was pushed before its end is still fetched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import trio

from api.http.carriers.pacing import RateWindow
from api.http.carriers.unsent import Unsent
from api.http.credentials import address_key
from api.http.sockets import SocketClosed, SocketFull, SocketLimits, SourceFull, Upgrade

if TYPE_CHECKING:
    from api.http.byte_budget import Account, ByteBudget

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
        budget: ByteBudget | None = None,
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
        self._unheard = self._counted = self._kept = 0
        self._taken: Heard | None = None
        self._more = trio.Event()
        self._account: Account | None = None
        if budget is not None:
            self._account = budget.account(address_key(upgrade.address), self.shed)
        self._outbox: Unsent[bytes] = Unsent(
            limits.outbox_messages, limits.outbox_bytes, self._account
        )
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
        self._count(heard.payload, -1)
        await trio.sleep(self._window.take(trio.current_time()))
        payload, heard.payload = heard.payload, b""
        return payload, True

    def push(
        self,
        payload: bytes,
        *,
        text: bool = True,
        replace: str = "",
        spare: int = 0,
        source: str = "",
    ) -> None:
        """Keep it for the next poll; see `Socket`."""
        if self._ended is not None:
            return
        size = len(payload)
        if source and not self._outbox.has_room_for(source, size):
            raise SourceFull
        if not self._outbox.has_room(size + spare, replace):
            raise SocketFull
        self._outbox.add(payload, size, replace, payload, source)

    def limit_messages(self, message_bytes: int) -> None:
        """Take larger messages, or no longer; see `Socket`."""
        self.message_bytes = self._limits.within(message_bytes)

    def count_kept(self, size: int) -> None:
        """Count what the handler keeps; see `Socket`."""
        if self._ended is not None:
            raise SocketClosed(*self._ended.args)
        self._kept = size
        self._tell_account()

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

    def shed(self) -> None:
        """End it as too slow, and keep nothing: too much is unsent in all."""
        self.close(*self._limits.too_slow)
        self._outbox.clear()
        self.served()

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
        self._count(payload, 1)
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
            self._outbox.clear()
            self._forget(self)
        elif now - self._heard_at > IDLE_SECONDS:
            self.close(SILENT, TIMED_OUT)

    def excuse(self, seconds: float) -> None:
        """Leave so many seconds out of the time in which nobody has polled."""
        self._heard_at += seconds
        self._forgotten_at += seconds

    def go_away(self) -> None:
        """Do nothing: the conversation on it says goodbye."""

    def crashed(self) -> None:
        """End it over a bug."""
        self.close(1011, "crashed")
        self._outbox.clear()
        self._forget(self)

    def served(self) -> None:
        """Wake whoever still waits: nobody will deal with anything any more."""
        self._be_done()
        self._kept = 0
        self._tell_account()
        while self._inbox:
            heard = self._inbox.popleft()
            heard.done.set()
            self._count(heard.payload, -1)

    def _count(self, payload: bytes, sign: int) -> None:
        """Note what waits to be heard; large files have places of their own in all."""
        self._unheard += sign * len(payload)
        if len(payload) <= self._limits.message_bytes:
            self._counted += sign * len(payload)
            self._tell_account()

    def _tell_account(self) -> None:
        if self._account is not None:
            self._account.hold(self._counted + self._kept)

    def _be_done(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            taken.done.set()
