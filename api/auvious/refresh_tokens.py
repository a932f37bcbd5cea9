"""Refresh tokens: good for one use, kept as hashes in the store.

They outlive the process, so that apps stay signed in over a restart. So many are kept in all, and
so many of one user; one more, and the one that would end first is forgotten.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.store.messages import Document, GetDocument, KindLimits, PutDocument, TakeDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.core import Message, Ref

KIND = "auvious.refresh"
LONGEST_TOKEN = 256
LONGEST_CLIENT = 65_536  # bytes of its id


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """Whom a refresh token was given to: through which client, for which user."""

    client: str
    user: str


class RefreshTokens:
    """Asks the store; each order within so many seconds, and raises what the store refuses.

    `find` returns the store, or raises ActorStopped.
    """

    def __init__(self, find: Callable[[], Ref[Message]], most: int, most_of_one_user: int) -> None:
        self._find = find
        self._limits = KindLimits(most, most_of_one_user, LONGEST_CLIENT, forgets=True)

    async def issue(self, grant: RefreshGrant, now: float, seconds: int, within: float) -> str:
        """Return a new token that is good for so many seconds."""
        token = secrets.token_urlsafe(32)
        hashed = refresh_document(_hash(token), grant, now + seconds)
        await self._find().ask(PutDocument(hashed, self._limits, now), within=within)
        return token

    async def redeem(
        self, token: str, client: str, now: float, within: float
    ) -> RefreshGrant | None:
        """Use a token up; None for one that is unknown, used, over, or another client's."""
        if not 0 < len(token) <= LONGEST_TOKEN:
            return None
        store, id = self._find(), _hash(token).hex()
        known = await store.ask(GetDocument(KIND, id), within=within)
        if known is None or known.body != client.encode():
            return None  # it stays good for the client whose it is
        taken = await store.ask(TakeDocument(KIND, id), within=within)
        if taken is None or (taken.expires_at or 0.0) <= now:
            return None
        return RefreshGrant(client, taken.owner)


def refresh_document(digest: bytes, grant: RefreshGrant, end: float) -> Document:
    """Return what is stored of a token; `digest` is its SHA-256."""
    return Document(KIND, digest.hex(), grant.user, grant.client.encode(), end)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
