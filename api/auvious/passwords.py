"""Passwords of users: plain, or argon2 hashes, checked in a thread and in the time of any other."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import structlog
import trio
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from api.http.credentials import constant_time_equal

LONGEST_PASSWORD = 1024  # characters
THREADS = 2

log = structlog.get_logger(__name__)


class Passwords:
    """Checks one password at a time per thread; the limiter is for all of them.

    Where anyone has a hash, everybody's check takes the time of one: how long a refusal takes then
    tells nothing of whether there is such a user.
    """

    def __init__(self, kept: Iterable[str]) -> None:
        self._hasher = PasswordHasher()
        self._limiter = trio.CapacityLimiter(THREADS)
        hashes = [each for each in kept if _is_hash(each)]
        self._dummy = hashes[0] if hashes else ""

    async def matches(self, kept: str, given: str) -> bool:
        """Tell whether this is the password; `kept` is "" for a user who cannot sign in.

        Waits for a thread: give it a deadline. Cancelled, it leaves the thread to end by itself.
        """
        if len(given) > LONGEST_PASSWORD:
            given = ""
        hashed = kept if _is_hash(kept) else self._dummy
        right = False
        if hashed:
            check = partial(self._verify, hashed, given)
            right = await trio.to_thread.run_sync(
                check, abandon_on_cancel=True, limiter=self._limiter
            )
        if hashed == kept and kept:
            return right and bool(given)
        return bool(kept and given) and constant_time_equal(kept, given)

    def _verify(self, hashed: str, given: str) -> bool:
        try:
            return self._hasher.verify(hashed, given.encode("utf-8", "surrogatepass"))
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError) as error:
            log.error("auvious.password_unusable", error=type(error).__name__)
            return False


def _is_hash(kept: str) -> bool:
    return kept.startswith("$argon2")
