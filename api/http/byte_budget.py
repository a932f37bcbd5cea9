"""What everybody has unsent or unfinished, in bytes: in total, and for each address. Pure.

Whoever holds such bytes has an `Account`: a socket of either carrier, a client that polls, a stream
of events, a request with a body. What is over a budget is the largest account's fault: it is asked
to `shed`. Outboxes that nobody reads have a `FirmAccount`: what would not fit there is refused, and
they may fill half of a budget, so that sockets keep the other half.

A payload that several hold is one object, and counts once in each budget. Each entry also counts
ENTRY bytes, for empty ones take room as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

ENTRY = 128  # bytes that an entry takes besides its payload, about
SHARED = 4096  # bytes from which a payload is looked for among what others hold
RELIEF = 16  # one part in so many is freed beyond the limit, so that looking for it is rare
FIRM = 2  # one part in so many may be firm


class Pool:
    """Bytes that are held: `used`. The same object may be given again and again.

    Whoever holds an object keeps it until it is given back: it is known by its identity.
    """

    __slots__ = ("_holders", "used")

    def __init__(self) -> None:
        self.used = 0
        self._holders: dict[int, int] = {}  # of large payloads, by identity

    def add(self, payload: bytes) -> None:
        """Hold it, once more."""
        size = len(payload)
        if size >= SHARED:
            key = id(payload)
            holders = self._holders.get(key, 0)
            self._holders[key] = holders + 1
            if holders:
                size = 0
        self.used += size + ENTRY

    def remove(self, payload: bytes) -> None:
        """Hold it once less."""
        size = len(payload)
        if size >= SHARED:
            key = id(payload)
            holders = self._holders.pop(key) - 1
            if holders:
                self._holders[key] = holders
                size = 0
        self.used -= size + ENTRY

    def cost(self, payload: bytes) -> int:
        """Return by how much `add` would raise what is used."""
        shared = len(payload) >= SHARED and id(payload) in self._holders
        return ENTRY if shared else len(payload) + ENTRY


@dataclass(slots=True)
class Share:
    """What one address holds; it is forgotten with its last bytes."""

    pool: Pool = field(default_factory=Pool)
    firm: Pool = field(default_factory=Pool)
    accounts: set[Account] = field(default_factory=set)  # that hold something

    @property
    def is_empty(self) -> bool:
        return not self.pool.used


class ByteBudget:
    """The budgets of one process. `limit` and `per_address` may change at any time.

    `relieved` is told how often accounts had to shed, with the address where it was over its own
    budget, else "".
    """

    __slots__ = (
        "_accounts", "_firm", "_pool", "_relieving", "_shares", "ended", "limit", "per_address",
        "relieved",
    )  # fmt: skip

    def __init__(
        self,
        limit: int = 134_217_728,
        per_address: int = 67_108_864,
        relieved: Callable[[str, int], None] = lambda address, count: None,
    ) -> None:
        self.limit = limit
        self.per_address = per_address
        self.relieved = relieved
        self._pool = Pool()
        self._firm = Pool()
        self._shares: dict[str, Share] = {}
        self._accounts: set[Account] = set()  # that hold something
        self._relieving = False
        self.ended = 0  # accounts that had to shed, so far

    @property
    def used(self) -> int:
        """Bytes that are held in all."""
        return self._pool.used

    def used_by(self, address: str) -> int:
        """Return the bytes that one address holds."""
        share = self._shares.get(address)
        return 0 if share is None else share.pool.used

    def __len__(self) -> int:
        """Return how many addresses hold something."""
        return len(self._shares)

    def account(self, address: str, shed: Callable[[], None]) -> Account:
        """Return an account of that address, which holds nothing yet.

        `shed` is called from within `take` or `hold` of any account, again while something is left:
        the first time it should end its client in order, from then on at once.
        """
        return Account(self, address, shed)

    def firm(self, tenant: str) -> FirmAccount:
        """Return an account of what is refused where it does not fit; a tenant is an address."""
        return FirmAccount(self, tenant)

    # For the accounts.

    def add(self, account: Account, payload: bytes) -> None:
        share = self._share(account.address)
        self._pool.add(payload)
        share.pool.add(payload)
        self._settle(account, share)

    def remove(self, account: Account, payload: bytes) -> None:
        share = self._share(account.address)
        self._pool.remove(payload)
        share.pool.remove(payload)
        self._settle(account, share)

    def change(self, account: Account, by: int) -> None:
        share = self._share(account.address)
        self._pool.used += by
        share.pool.used += by
        self._settle(account, share)

    def add_firm(self, tenant: str, payload: bytes) -> bool:
        share = self._share(tenant)
        if not self._fits(share, payload):
            self._forget(tenant, share)
            return False
        for pool in (self._pool, self._firm, share.pool, share.firm):
            pool.add(payload)
        self._relieve(tenant, share)
        return True

    def remove_firm(self, tenant: str, payload: bytes) -> None:
        share = self._share(tenant)
        for pool in (self._pool, self._firm, share.pool, share.firm):
            pool.remove(payload)
        self._forget(tenant, share)

    def _fits(self, share: Share, payload: bytes) -> bool:
        in_all = self._firm.used + self._firm.cost(payload) <= self.limit // FIRM
        return in_all and share.firm.used + share.firm.cost(payload) <= self.per_address // FIRM

    def _share(self, address: str) -> Share:
        share = self._shares.get(address)
        if share is None:
            share = self._shares[address] = Share()
        return share

    def _settle(self, account: Account, share: Share) -> None:
        """Note who holds something, and have the largest shed what is too much."""
        if account.bytes:
            self._accounts.add(account)
            share.accounts.add(account)
            self._relieve(account.address, share)
        else:
            self._accounts.discard(account)
            share.accounts.discard(account)
            self._forget(account.address, share)

    def _forget(self, address: str, share: Share) -> None:
        if share.is_empty:
            self._shares.pop(address, None)

    def _relieve(self, address: str, share: Share) -> None:
        if self._relieving:
            return  # what sheds says goodbye, which is small
        self._relieving = True
        try:
            if share.pool.used > self.per_address:
                count = _shed(share.pool, self.per_address, share.accounts)
                self._note(address, count)
            if self._pool.used > self.limit:
                self._note("", _shed(self._pool, self.limit, self._accounts))
        finally:
            self._relieving = False

    def _note(self, address: str, count: int) -> None:
        if count:
            self.ended += count
            self.relieved(address, count)


def _shed(pool: Pool, limit: int, accounts: Iterable[Account]) -> int:
    """Have the largest shed until a little less than the limit is held; return how many did.

    What one has left that ends in order goes with it: nobody else is ended for that. Where it is
    needed before it is gone, those go at once who are leaving already.
    """
    enough = limit - limit // RELIEF
    found = list(accounts)
    leaving = sum(account.bytes for account in found if account.leaving)
    count = 0
    for account in _in_turn(found):
        if pool.used <= limit and pool.used - leaving <= enough:
            break
        if not account.bytes:
            continue  # went with another of the same socket
        if account.leaving:
            if pool.used > limit:
                leaving -= account.bytes
                account.shed()
                leaving += account.bytes
            continue
        count += 1
        account.leaving = True
        account.shed()
        if pool.used > limit and account.bytes:
            account.shed()
        leaving += account.bytes
    return count


def _in_turn(accounts: Iterable[Account]) -> list[Account]:
    """Sort them: who is leaving, then the others, each the largest first."""
    return sorted(accounts, key=lambda account: (not account.leaving, -account.bytes))


class Account:
    """What one socket, or another that can be ended, has unsent or unfinished: `bytes`."""

    __slots__ = ("_budget", "_held", "address", "bytes", "leaving", "shed")

    def __init__(self, budget: ByteBudget, address: str, shed: Callable[[], None]) -> None:
        self.address = address
        self.shed = shed
        self.bytes = 0
        self.leaving = False  # it had to shed
        self._budget = budget
        self._held = 0

    def take(self, payload: bytes) -> None:
        """Hold a payload, which is kept until it is given back; may shed, oneself included."""
        self.bytes += len(payload) + ENTRY
        self._budget.add(self, payload)

    def give(self, payload: bytes) -> None:
        """Hold a payload no more that was taken."""
        self.bytes -= len(payload) + ENTRY
        self._budget.remove(self, payload)

    def hold(self, size: int) -> None:
        """Hold so many bytes besides, that nobody else has; may shed, oneself included."""
        by = size - self._held
        if by:
            self._held = size
            self.bytes += by
            self._budget.change(self, by)


class FirmAccount:
    """What one outbox keeps that nobody may be reading."""

    __slots__ = ("_budget", "_tenant")

    def __init__(self, budget: ByteBudget, tenant: str) -> None:
        self._budget = budget
        self._tenant = tenant

    def take(self, payload: bytes) -> bool:
        """Hold a payload until it is given back; False, and not held, where it does not fit."""
        return self._budget.add_firm(self._tenant, payload)

    def give(self, payload: bytes) -> None:
        """Hold a payload no more that was taken."""
        self._budget.remove_firm(self._tenant, payload)
