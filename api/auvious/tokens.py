"""Access tokens: JWTs that say who calls. Issued by `oauth.py`, verified by everyone else.

Claims as the documents show them: `sub` and `userId` (for a client on its own behalf, its id),
`organization_id`, `authorities`, `client_id`, `scope`, `jti`, `iat`, `exp`; RS256.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from actors.endpoint.rules import Owner
from api.auvious.keys import KeyRing

ALGORITHMS = ["RS256"]
LONGEST_TOKEN = 8192
SERVICE_ROLES = frozenset({"ROLE_SERVICE", "SERVICE"})


class TokenInvalid(Exception):
    """The token is not one of ours, was changed, or has ended; the text holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a user, or a client on its own behalf, whose id then is the user's.

    `expires_at` is in seconds since 1970: whatever a token opened is to be closed then.
    """

    user: str
    organization: str
    roles: frozenset[str]
    client: str
    expires_at: float

    @property
    def owner(self) -> Owner:
        """Return whose endpoints this one's are."""
        return Owner(self.organization, self.user)

    @property
    def source(self) -> str:
        """Return one name for who this is, also among those of other organisations."""
        return f"{len(self.organization)}:{self.organization}:{self.user}"

    @property
    def is_service(self) -> bool:
        """Whether it may act for any organisation."""
        return not SERVICE_ROLES.isdisjoint(self.roles)


class Tokens:
    """Issues tokens with the ring's current key and verifies those of its present and former."""

    def __init__(self, ring: KeyRing, clock: Callable[[], float] = time.time) -> None:
        self._ring = ring
        self._clock = clock

    def issue(self, user: str, organization: str, roles: tuple[str, ...], client: str,
              scope: str, seconds: int) -> tuple[str, Mapping[str, Any]]:  # fmt: skip
        """Return a token that is good for so many seconds, and its claims."""
        now = int(self._clock())
        claims: dict[str, Any] = {
            "sub": user,
            "userId": user,
            "organization_id": organization,
            "authorities": list(roles),
            "client_id": client,
            "scope": scope,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + seconds,
        }
        key = self._ring.current
        header = {"alg": "RS256", "typ": "JWT", "kid": key.id}
        return jwt.encode(header, claims, key.jwk, algorithms=ALGORITHMS), claims

    def verify(self, token: str) -> Principal:
        """Return who this token speaks for. Raises TokenInvalid, whatever is given; waits never."""
        if not 0 < len(token) <= LONGEST_TOKEN:
            raise TokenInvalid("no token, or too long")

        def key_of(signed: Any) -> Any:
            key = self._ring.find(signed.headers().get("kid"))
            if key is None:
                raise TokenInvalid("signed with a key that is not ours")
            return key.jwk

        try:
            claims = jwt.decode(token, key_of, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
            raise TokenInvalid("not a token of ours") from None
        principal = Principal(
            claims["sub"], claims["organization_id"], frozenset(claims["authorities"]),
            claims["client_id"], claims["exp"],
        )  # fmt: skip
        if self._clock() >= principal.expires_at:
            raise TokenInvalid("has ended")
        return principal
