"""The accounts of rooms at SIP servers: one is registered again until it is taken back.

What runs here is one task for each account. The agent refreshes what stands; this finds the way to
the server, and tries again, later each time, what was refused or was lost.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
import trio

from actors.words.calls import CallRefused
from api.sip.destinations import Destination
from api.sip.rooms import RoomAccount
from api.sip.transports import NotReached

log = structlog.get_logger(__name__)

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 600.0  # RFC 5626, section 4.5, has 1800
MOST = 10_000  # accounts


@dataclass(eq=False, slots=True)
class KeptAccount:
    """One account, and how its registration stands. `failed` is set when it has to begin anew."""

    name: str
    account: RoomAccount
    server: Destination
    standing: bool = False
    failed: trio.Event = field(default_factory=trio.Event)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    tries: int = 0

    def answered(self, ok: bool, why: str) -> None:
        """Take what the server, or its silence, has said; logged when it has changed."""
        if ok:
            if not self.standing:
                log.info("sip.registered", room=self.name, host=self.server.host)
            self.standing, self.tries = True, 0
            return
        if self.standing or not self.tries:
            log.warning("sip.register_failed", room=self.name, host=self.server.host, why=why)
        self.standing = False
        self.failed.set()

    def pause(self) -> float:
        """Return the seconds until the next try, spread so that not all come at once."""
        self.tries += 1
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self.tries - 1, 16))
        return longest * random.uniform(0.5, 1.0)


Begin = Callable[[KeptAccount], Awaitable[None]]
"""Has an account registered once; `answered` is told. Raises CallRefused or NotReached."""


class KeptAccounts:
    """All accounts by their names; they outlive what registers them."""

    def __init__(self) -> None:
        self._accounts: dict[str, KeptAccount] = {}
        self._nursery: trio.Nursery | None = None
        self._begin: Begin | None = None

    def __len__(self) -> int:
        """Return how many stand."""
        return sum(each.standing for each in self._accounts.values())

    def find(self, name: str) -> KeptAccount | None:
        """Return the account of this name."""
        return self._accounts.get(name)

    def names(self) -> tuple[str, ...]:
        """Return the names of all accounts."""
        return tuple(self._accounts)

    def put(self, name: str, account: RoomAccount, server: Destination) -> bool:
        """Have an account of a new name registered from now on; False if there are too many."""
        if len(self._accounts) >= MOST:
            log.warning("sip.register_failed", room=name, host=server.host, why="too many accounts")
            return False
        self._accounts[name] = made = KeptAccount(name, account, server)
        if self._nursery is not None:
            self._nursery.start_soon(self._keep, made)
        return True

    def drop(self, name: str) -> KeptAccount | None:
        """Have it registered no more; return what was there."""
        gone = self._accounts.pop(name, None)
        if gone is not None:
            gone.scope.cancel()
        return gone

    def answered(self, name: str, ok: bool, why: str) -> None:
        """Take what became of a registration, or of its refresh."""
        found = self._accounts.get(name)
        if found is not None and (ok or why):  # else it is one of before that was taken back
            found.answered(ok, why)

    async def run(self, begin: Begin) -> None:
        """Keep all accounts registered, until cancelled."""
        try:
            async with trio.open_nursery() as self._nursery:
                self._begin = begin
                for each in self._accounts.values():
                    each.scope = trio.CancelScope()
                    self._nursery.start_soon(self._keep, each)
                await trio.sleep_forever()
        finally:
            self._nursery = self._begin = None
            for each in self._accounts.values():
                each.standing = False

    async def _keep(self, each: KeptAccount) -> None:
        assert self._begin is not None  # noqa: S101  it runs
        with each.scope:
            while True:
                each.failed = trio.Event()
                try:
                    await self._begin(each)
                except (CallRefused, NotReached) as error:
                    each.answered(False, str(error))
                await each.failed.wait()
                await trio.sleep(each.pause())
