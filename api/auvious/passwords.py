"""Passwords of users: plain, or argon2 hashes, checked in a thread and in the time of any other.

To check one takes a tenth of a second and 64 MiB, whoever asks: so who asks waits in a line by
address, and somebody who tries a thousand names does not keep others out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from api.auvious.settings import LONGEST_PASSWORD
from api.http.credentials import address_key, constant_time_equal
from api.http.fair_work import FairWork

log = structlog.get_logger(__name__)


class Passwords:
    """Checks passwords in turns, fair between addresses.

    Where anyone has a hash, everybody's check takes the time of one: how long a refusal takes then
    tells nothing of whether there is such a user.
    """

    def __init__(self, kept: Iterable[str], turns: FairWork) -> None:
        self._hasher = PasswordHasher()
        self._turns = turns
        hashes = [each for each in kept if _is_hash(each)]
        self._dummy = hashes[0] if hashes else ""

    async def matches(self, kept: str, given: str, address: str) -> bool:
        """Tell whether this is the password; `kept` is "" for a user who cannot sign in.

        Waits for a turn of that address: give it a deadline. Cancelled, it leaves the thread to end
        by itself. Raises Busy where too many wait.
        """
        if len(given) > LONGEST_PASSWORD:
            given = ""
        hashed = kept if _is_hash(kept) else self._dummy
        right = False
        if hashed:
            check = partial(self._verify, hashed, given)
            right = await self._turns.run(address_key(address), check)
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
