"""Check secrets without giving them away: constant time, and no endless guessing."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

import trio

_FREE_FAILURES = 3
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 4.0
_LONGEST_WAIT = 5.0  # for other attempts of the same key to be decided
_LONGEST_CHECK = 30.0  # an attempt still open after this was forgotten


class TooManyAttempts(Exception):
    """This key has failed too often; `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"too many failed attempts, retry after {retry_after:.0f} s")
        self.retry_after = retry_after


class _Record:
    """What is known of one key: when it failed, and when the undecided attempts began."""

    __slots__ = ("decided", "failures", "open")

    def __init__(self) -> None:
        self.failures: deque[float] = deque()
        self.open: deque[float] = deque()
        self.decided = trio.lowlevel.ParkingLot()


class CredentialGuard:
    """Counts failed credentials by key: (client address, what was tried, …).

    The first part of a key is an address and is grouped by `address_key`. Make the rest narrow (the
    account, the room, "operator"): a success forgives the failures of its own key only. After
    `admit` or `admit_nowait` call one of `failed`, `succeeded` or `undecided`; a forgotten attempt
    counts as open for half a minute.

    One address never delays another. With `failures=0` everything is admitted at once.
    """

    def __init__(
        self,
        failures: int,
        window: float,
        clock: Callable[[], float] = trio.current_time,
        capacity: int = 10_000,
    ) -> None:
        self._limit = failures
        self._window = window
        self._clock = clock
        self._capacity = capacity
        self._records: OrderedDict[tuple[str, ...], _Record] = OrderedDict()

    def set_limits(self, failures: int, window: float) -> None:
        """Take over new limits; what is already counted stays counted."""
        self._limit = failures
        self._window = window

    async def admit(self, *key: str) -> None:
        """Wait until this attempt may be checked: at once at first, longer with each failure.

        No more attempts of one key are let in together than may still fail; the others wait for
        those to be decided. Raises TooManyAttempts after `failures` within `window`.
        """
        if not self._limit:
            return
        record = await self._turn(_grouped(key))
        record.open.append(self._clock())
        try:
            await trio.sleep(self._delay(record))
        except trio.Cancelled:
            self.undecided(*key)
            raise

    def admit_nowait(self, *key: str) -> None:
        """Admit at once or raise TooManyAttempts, for those who cannot wait; there is no delay."""
        if not self._limit:
            return
        record = self._record(_grouped(key))
        if not self._has_room(record):
            raise TooManyAttempts(_LONGEST_WAIT)
        record.open.append(self._clock())

    def failed(self, *key: str) -> None:
        """Count a wrong credential."""
        if not self._limit:
            return
        failures = self._record(_grouped(key)).failures
        failures.append(self._clock())
        while len(failures) > self._limit:
            failures.popleft()
        self._close(_grouped(key))

    def succeeded(self, *key: str) -> None:
        """Forgive the earlier failures of this key: the credential was right."""
        if record := self._records.get(_grouped(key)):
            record.failures.clear()
            self._close(_grouped(key))

    def undecided(self, *key: str) -> None:
        """Take an attempt back that was never checked: the caller left, or no answer came."""
        self._close(_grouped(key))

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._records)

    async def _turn(self, key: tuple[str, ...]) -> _Record:
        """Wait until one more attempt of `key` could fail without passing the limit."""
        with trio.move_on_after(_LONGEST_WAIT):
            while True:
                record = self._record(key)  # anew each time: it may have been dropped meanwhile
                if self._has_room(record):
                    return record
                await record.decided.park()
        raise TooManyAttempts(_LONGEST_WAIT)

    def _has_room(self, record: _Record) -> bool:
        """Tell whether one more attempt may be open. Raises TooManyAttempts at the limit."""
        self._forget(record)
        if len(record.failures) >= self._limit:
            end = record.failures[-self._limit] + self._window
            raise TooManyAttempts(end - self._clock())
        return len(record.failures) + len(record.open) < self._limit

    def _record(self, key: tuple[str, ...]) -> _Record:
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record()
            if len(self._records) > self._capacity:
                _, oldest = self._records.popitem(last=False)
                oldest.decided.unpark_all()
        self._records.move_to_end(key)
        return record

    def _close(self, key: tuple[str, ...]) -> None:
        """One open attempt less; those who wait look again, and an empty record goes."""
        record = self._records.get(key)
        if record is None:
            return
        if record.open:
            record.open.popleft()
        self._forget(record)
        record.decided.unpark_all()
        if not record.open and not record.failures:
            del self._records[key]

    def _forget(self, record: _Record) -> None:
        """Drop what is too old to count."""
        for times, age in ((record.failures, self._window), (record.open, _LONGEST_CHECK)):
            while times and times[0] <= self._clock() - age:
                times.popleft()

    def _delay(self, record: _Record) -> float:
        doublings = len(record.failures) - _FREE_FAILURES
        if doublings < 0:
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


def _grouped(key: tuple[str, ...]) -> tuple[str, ...]:
    return (address_key(key[0]), *key[1:])


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
