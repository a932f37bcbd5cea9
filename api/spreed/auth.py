"""Who a Spreed user is: a signed combination from a portal, or a header set by a proxy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.http.credentials import constant_time_equal, hmac_sha256_b64

REGISTRATION_SECONDS = 12 * 31 * 86400  # how long a user made by POST /users lasts


@dataclass(frozen=True, slots=True)
class ComboLogin:
    """What a portal hands to a client: `combo` is "<unix time of expiry>:<userid>"."""

    user: str
    combo: str
    secret: str
    expires: int


def make_login(user: str, shared_secret: str, expires: int) -> ComboLogin:
    """Sign a user id. Raises ValueError for an empty id, an empty secret, or a colon in the id."""
    if not user or ":" in user:
        raise ValueError("a user id is not empty and contains no colon")
    if not shared_secret:
        raise ValueError("an empty shared secret never validates")
    combo = f"{expires}:{user}"
    return ComboLogin(user, combo, hmac_sha256_b64(shared_secret, combo), expires)


def user_of_combo(combo: str, secret: str, shared_secret: str, now: float) -> str | None:
    """Return the user of a signed combination, or None when it is wrong or has ended.

    The whole text is signed, also a third field, which is otherwise ignored.
    """
    if not shared_secret:
        return None
    if not constant_time_equal(hmac_sha256_b64(shared_secret, combo), secret):
        return None
    expiry, _, rest = combo.partition(":")
    user = rest.partition(":")[0]
    if not user or not (expiry.isascii() and expiry.isdigit()) or len(expiry) > 15:
        return None
    return user if int(expiry) >= now else None


def user_of_header(headers: Mapping[str, str], name: str, *, trusted: bool) -> str:
    """Return the user that a trusted proxy names, or ""."""
    return headers.get(name.lower(), "").strip() if trusted else ""
