"""Who gets a token: the grants of RFC 6749 that published clients use."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import structlog
import trio

from actors.core import ActorError
from api.auvious.bodies import TokenAnswer
from api.auvious.errors import TokenRefused
from api.auvious.refresh_tokens import RefreshGrant
from api.auvious.token_request import TokenRequest
from api.http.credentials import TooManyAttempts, constant_time_equal

if TYPE_CHECKING:
    from api.auvious.settings import AuviousClient, AuviousUser
    from api.auvious.state import AuviousState

SCOPE = "rtc-api"

log = structlog.get_logger(__name__)


async def grant(
    state: AuviousState, request: TokenRequest, address: str, within: float
) -> TokenAnswer:
    """Check who asks and return a token, within so many seconds of work. Raises TokenRefused.

    Time spent waiting because of earlier failures does not count.
    """
    grants: dict[str, Callable[[AuviousState, AuviousClient, TokenRequest, str, float],
                               Awaitable[TokenAnswer]]] = {
        "client_credentials": _for_the_client,
        "password": _for_a_user,
        "refresh_token": _again,
    }  # fmt: skip
    if not request.grant_type:
        raise TokenRefused("invalid_request", "grant_type is missing")
    chosen = grants.get(request.grant_type)
    if chosen is None:
        raise TokenRefused("unsupported_grant_type", "this grant_type is not offered")
    client = await _client(state, request, address)
    if request.grant_type not in client.grants:
        raise TokenRefused("unauthorized_client", "the client may not use this grant_type")
    try:
        return await chosen(state, client, request, address, within)
    except ActorError:  # of the store
        raise TokenRefused("temporarily_unavailable", "try again later") from None


async def _client(state: AuviousState, request: TokenRequest, address: str) -> AuviousClient:
    """Return the client that has proved to be the one it names."""
    if not request.client_id:
        raise TokenRefused("invalid_client", "the client is not named")
    known = state.clients
    client = known.get(request.client_id) or known.get(unquote_plus(request.client_id))
    if client is not None and client.public:
        # There is nothing to guess, and everybody behind an address uses the same one.
        right = not any(request.client_secrets)
    else:
        name = client.id if client else request.client_id
        attempt = Attempt(state, address, "auvious client", name)
        await attempt.begin()
        secret = state.client_secret(client) if client else ""
        right = bool(secret) and any(
            constant_time_equal(secret, given) for given in request.client_secrets
        )
        attempt.end(right)
    if client is None or not right:
        raise TokenRefused("invalid_client", "the client is unknown or its secret is wrong")
    return client


async def _for_the_client(
    state: AuviousState, client: AuviousClient, request: TokenRequest, address: str, within: float
) -> TokenAnswer:
    return _answer(state, client, client.id, client.organization, client.roles)


async def _for_a_user(
    state: AuviousState, client: AuviousClient, request: TokenRequest, address: str, within: float
) -> TokenAnswer:
    if not request.username or not request.password:
        raise TokenRefused("invalid_request", "username or password is missing")
    user = state.users.get(request.username)
    attempt = Attempt(state, address, "auvious user", request.username)
    await attempt.begin()
    right: bool | None = None
    try:
        with trio.move_on_after(within):
            kept = user.password if user else ""
            right = await state.passwords.matches(kept, request.password, address)
    finally:
        attempt.end(right)
    if right is None:
        raise TokenRefused("temporarily_unavailable", "the server is busy, try again")
    if user is None or not right:
        raise TokenRefused("invalid_grant", "the user is unknown or the password is wrong")
    return await _with_refresh(state, client, user, within)


async def _again(
    state: AuviousState, client: AuviousClient, request: TokenRequest, address: str, within: float
) -> TokenAnswer:
    """Trade a refresh token for new ones; the user is asked for anew, as configured now."""
    if not request.refresh_token:
        raise TokenRefused("invalid_request", "refresh_token is missing")
    # By token: the others of an address, whose tokens are good, are not held up by a stale one.
    attempt = Attempt(state, address, "auvious refresh", request.refresh_token)
    await attempt.begin()
    right: bool | None = None
    try:
        redeemed = await state.refresh_tokens.redeem(
            request.refresh_token, client.id, time.time(), within
        )
        right = redeemed is not None
    finally:
        attempt.end(right)
    user = state.users.get(redeemed.user) if redeemed else None
    if user is None:
        raise TokenRefused("invalid_grant", "the refresh token is unknown, used or over")
    return await _with_refresh(state, client, user, within)


async def _with_refresh(
    state: AuviousState, client: AuviousClient, user: AuviousUser, within: float
) -> TokenAnswer:
    answer = _answer(state, client, user.id, user.organization, user.roles)
    if "refresh_token" in client.grants:
        seconds = state.settings.refresh_token_seconds
        answer.refresh_token = await state.refresh_tokens.issue(
            RefreshGrant(client.id, user.id), time.time(), seconds, within
        )
    return answer


def _answer(
    state: AuviousState, client: AuviousClient, user: str, organization: str, roles: tuple[str, ...]
) -> TokenAnswer:
    seconds = state.settings.access_token_seconds
    token, claims = state.tokens.issue(user, organization, roles, client.id, SCOPE, seconds)
    log.info("token.issued", client=client.id, seconds=seconds)
    return TokenAnswer(
        access_token=token,
        expires_in=seconds,
        scope=SCOPE,
        jti=claims["jti"],
        sub=user,
        organization=organization,
    )


class Attempt:
    """One try at a credential, counted by the guard of the server."""

    def __init__(self, state: AuviousState, address: str, kind: str, name: str) -> None:
        self._guard = state.services.guard
        self._key = (address, kind, name)

    async def begin(self) -> None:
        """Wait until it may be checked. Raises TokenRefused after too many failures."""
        try:
            await self._guard.admit(*self._key)
        except TooManyAttempts as error:
            raise TokenRefused(
                "slow_down", "too many failed attempts, try later", error.retry_after
            ) from None

    def end(self, right: bool | None) -> None:
        """Say how it went; None: it was never decided."""
        if right is None:
            self._guard.undecided(*self._key)
        elif right:
            self._guard.succeeded(*self._key)
        else:
            self._guard.failed(*self._key)
