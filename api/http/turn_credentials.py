"""Passwords for a TURN server that shares a secret with us; each names its own end.

The scheme is that of draft-uberti-behave-turn-rest-00, as coturn's `use-auth-secret` has it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

TTL_SECONDS = 3600


@dataclass(frozen=True, slots=True, repr=False)
class TurnCredentials:
    username: str
    password: str


def issue(secret: str, user: str, now: float, seconds: int = TTL_SECONDS) -> TurnCredentials:
    """Return credentials that are good for so long; the username holds a hash of `user`."""
    name = base64.b64encode(hashlib.sha256(user.encode()).digest()).decode()
    username = f"{int(now) + seconds}:{name}"
    mac = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return TurnCredentials(username, base64.b64encode(mac).decode())
