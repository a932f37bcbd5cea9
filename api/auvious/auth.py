"""Who calls: the bearer token of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.auvious.tokens import Principal, TokenInvalid

if TYPE_CHECKING:
    from api.auvious.state import AuviousState


def bearer(authorization: str) -> str:
    """Return the token of an Authorization header, "" without one (RFC 6750, section 2.1)."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def principal_of(state: AuviousState, authorization: str) -> Principal:
    """Return who speaks by this Authorization header. Raises TokenInvalid."""
    token = bearer(authorization)
    if not token:
        raise TokenInvalid("no bearer token")
    return state.tokens.verify(token)
