"""Refresh tokens: good for one use, kept as hashes in a file of `data_dir`.

They outlive the process, so that apps stay signed in over a restart. So many are kept in all, and
so many of one user; one more, and the one that would end first is forgotten.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

FILE = "auvious_refresh.sqlite3"
BUSY_SECONDS = 2.0  # for another process that has the file open
LONGEST_TOKEN = 256

T = TypeVar("T")
_TABLES = (
    "CREATE TABLE IF NOT EXISTS refresh (hash BLOB PRIMARY KEY, client TEXT, user TEXT, end REAL)",
    "CREATE INDEX IF NOT EXISTS refresh_by_user ON refresh (user, end)",
    "CREATE INDEX IF NOT EXISTS refresh_by_end ON refresh (end)",
)
_MAKE_ROOM = (
    "DELETE FROM refresh WHERE end <= :now",
    "DELETE FROM refresh WHERE hash IN (SELECT hash FROM refresh WHERE user = :user"
    " ORDER BY end DESC LIMIT -1 OFFSET :others)",
    "DELETE FROM refresh WHERE hash IN (SELECT hash FROM refresh"
    " ORDER BY end DESC LIMIT -1 OFFSET :all_others)",
)


class RefreshStoreFailed(Exception):
    """The file cannot be used; the text says why, and holds no token."""


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """Whom a refresh token was given to: through which client, for which user."""

    client: str
    user: str


class RefreshTokens:
    """Reads and writes in a thread, one order at a time; give each a deadline.

    All raise RefreshStoreFailed.
    """

    def __init__(self, data_dir: Path, most: int, most_of_one_user: int) -> None:
        self._file = data_dir / FILE
        self._most = most
        self._most_of_one_user = most_of_one_user
        self._limiter = trio.CapacityLimiter(1)

    async def issue(self, grant: RefreshGrant, now: float, seconds: int) -> str:
        """Return a new token that is good for so many seconds."""
        token = secrets.token_urlsafe(32)
        await self._run(partial(self._insert, _hash(token), grant, now, now + seconds))
        return token

    async def redeem(self, token: str, client: str, now: float) -> RefreshGrant | None:
        """Use a token up; None for one that is unknown, used, over, or another client's."""
        if not 0 < len(token) <= LONGEST_TOKEN:
            return None
        return await self._run(partial(self._delete, _hash(token), client, now))

    async def _run(self, order: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(order, abandon_on_cancel=True, limiter=self._limiter)

    # --- in the thread

    def _insert(self, digest: bytes, grant: RefreshGrant, now: float, end: float) -> None:
        with self._connected() as database:
            values = {
                "now": now,
                "user": grant.user,
                "others": self._most_of_one_user - 1,
                "all_others": self._most - 1,
            }
            for statement in _MAKE_ROOM:
                database.execute(statement, values)
            database.execute(
                "INSERT INTO refresh VALUES (?, ?, ?, ?)", (digest, grant.client, grant.user, end)
            )

    def _delete(self, digest: bytes, client: str, now: float) -> RefreshGrant | None:
        with self._connected() as database:
            found = database.execute(
                "DELETE FROM refresh WHERE hash = ? AND client = ? RETURNING client, user, end",
                (digest, client),
            ).fetchall()
        return RefreshGrant(found[0][0], found[0][1]) if found and found[0][2] > now else None

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction, which is on disk when the block has ended."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.touch(mode=0o600)
            with closing(sqlite3.connect(self._file, timeout=BUSY_SECONDS)) as database, database:
                for statement in _TABLES:
                    database.execute(statement)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise RefreshStoreFailed(f"{self._file}: {type(error).__name__}") from None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
