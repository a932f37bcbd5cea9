"""A request for a token (RFC 6749), in the three shapes that published clients send. Pure.

Parameters in the query of a POST without a body, in a form, or a form with the client in HTTP
Basic, whose password is empty for an app.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from api.auvious.errors import TokenRefused


@dataclass(frozen=True, slots=True, repr=False)
class TokenRequest:
    """Who asks, by which grant; what was not given is ""."""

    grant_type: str
    client_id: str
    client_secrets: tuple[str, ...]  # spellings of one, as it was sent and decoded
    username: str
    password: str
    refresh_token: str
    scope: str


def read_request(
    query: Iterable[tuple[str, str]], form: Iterable[tuple[str, str]], authorization: str
) -> TokenRequest:
    """Put the parts together; a parameter without a value counts as left out (section 3.2).

    Raises TokenRefused for what contradicts itself or is unreadable.
    """
    given: dict[str, str] = {}
    for name, value in [*query, *form]:
        if value and given.setdefault(name, value) != value:
            raise TokenRefused("invalid_request", "a parameter is given twice")
    client_id = given.get("client_id", "")
    secrets: tuple[str, ...] = (given.get("client_secret", ""),)
    basic = _basic(authorization)
    if basic is not None:
        name, password = basic
        if client_id and client_id not in (name, unquote_plus(name)):
            raise TokenRefused("invalid_request", "two different clients are named")
        if secrets[0] and password:
            raise TokenRefused("invalid_request", "the client proves itself twice")
        client_id = client_id or name
        secrets = (password, unquote_plus(password)) if password else secrets
    return TokenRequest(
        given.get("grant_type", ""), client_id, secrets,
        given.get("username", ""), given.get("password", ""), given.get("refresh_token", ""),
        given.get("scope", ""),
    )  # fmt: skip


def _basic(authorization: str) -> tuple[str, str] | None:
    """Return the name and password of HTTP Basic (RFC 7617), None without it."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise TokenRefused("invalid_client", "the Authorization header is malformed") from None
    name, colon, password = text.partition(":")
    if not colon:
        raise TokenRefused("invalid_client", "the Authorization header is malformed")
    return name, password
