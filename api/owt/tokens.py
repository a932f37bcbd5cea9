"""The string that lets somebody into a room: made by REST, shown once to the portal.

It names a record of the store, which knows room, user and role; whoever takes the record has used
the token. Clients read `host` and `secure` only (facts: section 6).
"""

from __future__ import annotations

import re

from api.owt.signatures import sealed, sign, signed_by, unsealed

TOKEN_SECONDS = 180.0
_ID = re.compile(r"[0-9a-f]{24}")
_LONGEST = 4096


class BadToken(Exception):
    """The string is no token, or not one of ours."""


def make_token(token_id: str, host: str, key: str, *, secure: bool) -> str:
    """Return the token of a record; `host` is "name:port" of the portal, `key` the token key."""
    signature = sign(key, f"{token_id},{host}")
    return sealed({"tokenId": token_id, "host": host, "secure": secure, "signature": signature})


def token_id(token: str, key: str) -> str:
    """Return the id of the record that a token names. Raises BadToken."""
    document = unsealed(token) if len(token) <= _LONGEST else None
    match document:
        case {"tokenId": str(found), "host": str(host), "signature": str(signature)}:
            if _ID.fullmatch(found) and signed_by(key, f"{found},{host}", signature):
                return found
    raise BadToken
