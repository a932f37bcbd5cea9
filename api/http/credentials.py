"""Check secrets without giving them away: constant time, and no endless guessing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
import trio

from api.http.attempts import Record, Records, digest

log = structlog.get_logger(__name__)

_FREE_FAILURES = 3
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 4.0
_LONGEST_WAIT = 5.0  # for other attempts of the same key or address to be decided


class TooManyAttempts(Exception):
    """This key, or its address, has failed too often; `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"too many failed attempts, retry after {retry_after:.0f} s")
        self.retry_after = retry_after


class CredentialGuard:
    """Counts failed credentials by key: (client address, what was tried, …).

    The first part of a key is an address and is grouped by `address_key`. Make the rest narrow (the
    account, the room, "operator"), each of its strings a part of its own: parts may have any length
    and content, and no key can be taken for another. A success forgives the failures of its own
    key only. After `admit` or `admit_nowait` call one of `failed`, `succeeded` or `undecided`; a
    forgotten attempt counts as open for half a minute.

    The failures of one address are also counted over all its keys, up to `per_address` (0: they are
    not), so that names made up by the thousand are no way around `failures`. One address never
    delays another. With `failures=0` everything is admitted at once.
    """

    def __init__(
        self,
        failures: int,
        window: float,
        per_address: int = 0,
        clock: Callable[[], float] = trio.current_time,
        capacity: int = 10_000,
    ) -> None:
        self.set_limits(failures, window, per_address)
        self._clock = clock
        self._records = Records(capacity)
        self._addresses = Records(capacity)

    def set_limits(self, failures: int, window: float, per_address: int = 0) -> None:
        """Take over new limits; what is already counted stays counted."""
        self._limit = failures
        self._window = window
        self._per_address = per_address

    async def admit(self, *key: str) -> None:
        """Wait until this attempt may be checked: at once at first, longer with each failure.

        No more attempts of one key, or of one address, are let in together than may still fail; the
        others wait for those to be decided. Raises TooManyAttempts after `failures` of the key, or
        `per_address` of the address, within `window`.
        """
        if not self._limit:
            return
        address, name = _named(key)
        with trio.move_on_after(_LONGEST_WAIT) as waiting:
            while (lot := self._enter(address, name)) is not None:
                await lot.park()
        if waiting.cancelled_caught:
            raise TooManyAttempts(_LONGEST_WAIT)
        try:
            await trio.sleep(self._delay(name))
        except trio.Cancelled:
            self.undecided(*key)
            raise

    def admit_nowait(self, *key: str) -> None:
        """Admit at once or raise TooManyAttempts, for those who cannot wait; there is no delay."""
        if self._limit and self._enter(*_named(key)) is not None:
            raise TooManyAttempts(_LONGEST_WAIT)

    def failed(self, *key: str) -> None:
        """Count a wrong credential."""
        if not self._limit:
            return
        address, name = _named(key)
        now = self._clock()
        self._records.take(name, now, self._window).fail(now, self._limit)
        if self._per_address:
            place = self._addresses.take(address, now, self._window)
            place.fail(now, self._per_address)
            if len(place.failures) == self._per_address:
                log.warning("credentials.address_refused", address=address_key(key[0]))
        self._close(address, name)

    def succeeded(self, *key: str) -> None:
        """Forgive the earlier failures of this key: the credential was right."""
        address, name = _named(key)
        if record := self._records.find(name):
            if place := self._addresses.find(address):
                place.forgive(record.failures)
            del record.failures[:]
        self._close(address, name)

    def undecided(self, *key: str) -> None:
        """Take an attempt back that was never checked: the caller left, or no answer came."""
        self._close(*_named(key))

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._records)

    def _enter(self, address: bytes, name: bytes) -> trio.lowlevel.ParkingLot | None:
        """Open an attempt, or return where to wait for another one to be decided.

        Raises TooManyAttempts. The address comes first: once it is refused, it adds no keys.
        """
        now, place = self._clock(), None
        if self._per_address:
            place = self._addresses.take(address, now, self._window)
            if not self._has_room(place, self._per_address):
                return place.decided
        try:
            record = self._records.take(name, now, self._window)
            if not self._has_room(record, self._limit):
                return record.decided
            record.open.append(now)
            if place is not None:
                place.open.append(now)
            return None
        finally:
            if place is not None and place.attempts < self._per_address:
                place.decided.unpark()  # this turn was not taken, or not the only one

    def _has_room(self, record: Record, limit: int) -> bool:
        """Tell whether one more attempt may be open. Raises TooManyAttempts at the limit."""
        record.forget(self._clock(), self._window)
        if len(record.failures) >= limit:
            end = record.failures[-limit] + self._window
            raise TooManyAttempts(end - self._clock())
        return record.attempts < limit

    def _close(self, address: bytes, name: bytes) -> None:
        """One open attempt less; those who wait look again."""
        now = self._clock()
        if place := self._addresses.find(address):
            place.close(now, self._window)
            refused = len(place.failures) >= self._per_address
            place.decided.unpark(count=math.inf if refused else 1)
            self._addresses.settle(address, self._per_address)
        if record := self._records.find(name):
            record.close(now, self._window)
            record.decided.unpark_all()
            self._records.settle(name, self._limit)

    def _delay(self, name: bytes) -> float:
        record = self._records.find(name)
        doublings = len(record.failures) - _FREE_FAILURES if record else -1
        if record is None or doublings < 0:
            return 0
        delay = min(_FIRST_DELAY * 2.0**doublings, _LONGEST_DELAY)
        return max(0.0, record.failures[-1] + delay - self._clock())


def address_key(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 of an IPv6 address.

    Anything else is returned as it is.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed.packed, 64), strict=False))
    return str(parsed)


def _named(key: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return the names under which the address and the whole key are remembered."""
    address = address_key(key[0])
    return digest(address), digest(address, *key[1:])


def constant_time_equal(a: str, b: str) -> bool:
    """Compare two texts without telling by the time taken where they differ."""
    return hmac.compare_digest(
        a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass")
    )


def hmac_sha256_b64(key: str, message: str) -> str:
    """Return the HMAC-SHA256 of `message` in standard base64, both texts taken as UTF-8."""
    digest = hmac.digest(
        key.encode("utf-8", "surrogatepass"),
        message.encode("utf-8", "surrogatepass"),
        hashlib.sha256,
    )
    return base64.b64encode(digest).decode("ascii")
