"""The proof that a peer may have its id, made from the secret of its API key. Pure.

It is base64 of HMAC-SHA256 of "{timestamp}:{ttl}:{peer id}" with the secret, as published servers
of devices make it (fact sheet section 3). Times are UNIX seconds.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest, new

from actors.words.device_refusals import CredentialWrong

SHORTEST = 600
LONGEST = 90_000
SKEW = 30.0  # seconds that the clock of who made it may be ahead


@dataclass(frozen=True, slots=True)
class Credential:
    """Proof of who a peer is, good for `ttl` seconds from the UNIX time `timestamp` on."""

    timestamp: int
    ttl: int
    token: str = field(repr=False)

    @property
    def ends(self) -> int:
        """The UNIX time from which on it is good no more."""
        return self.timestamp + self.ttl


def credential_token(secret: str, peer: str, timestamp: int, ttl: int) -> str:
    """Return what proves it."""
    message = f"{timestamp}:{ttl}:{peer}".encode(errors="surrogatepass")
    return b64encode(new(secret.encode(errors="surrogatepass"), message, sha256).digest()).decode()


def check_credential(secret: str, peer: str, credential: Credential | None, now: float) -> None:
    """Raise CredentialWrong, which says why, unless it proves that who has it is that peer."""
    if credential is None:
        raise CredentialWrong("a credential is needed")
    if not SHORTEST <= credential.ttl <= LONGEST:
        raise CredentialWrong(f"ttl is not between {SHORTEST} and {LONGEST}")
    right = credential_token(secret, peer, credential.timestamp, credential.ttl)
    given = credential.token.encode(errors="surrogatepass")
    if not compare_digest(right.encode(), given):
        raise CredentialWrong("authToken is wrong")
    if credential.timestamp > now + SKEW:
        raise CredentialWrong("timestamp is in the future")
    if credential.ends <= now:
        raise CredentialWrong("the credential has expired")
