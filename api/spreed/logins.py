"""Logging in over REST: check who somebody is, then give the nonce that the websocket takes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from actors.core import ActorError, Refused
from actors.member.messages import GrantLogin
from api.http.asking import ask
from api.spreed.auth import user_of_combo, user_of_header

if TYPE_CHECKING:
    from api.http.proxies import RemoteClient
    from api.spreed.bodies import SessionPatch
    from api.spreed.state import SpreedState


class LoginFailed(Exception):
    """No nonce is given; `reason` is in the original's words."""

    def __init__(self, reason: str = "no such session") -> None:
        super().__init__(reason)
        self.reason = reason


async def verified_user(
    state: SpreedState, caller: RemoteClient, body: SessionPatch, headers: Mapping[str, str]
) -> str:
    """Return the user that the request proves. Raises LoginFailed, TooManyAttempts."""
    users = state.settings.users
    if users.mode == "httpheader":
        user = user_of_header(headers, users.http_header, trusted=caller.trusted)
        if not user:
            raise LoginFailed
        return user
    claimed = body.useridcombo.partition(":")[2].partition(":")[0]
    guard, key = state.services.guard, (caller.address, "spreed user", claimed)
    await guard.admit(*key)
    found = user_of_combo(body.useridcombo, body.secret, state.shared_secret, time.time())
    if found is None:
        guard.failed(*key)
        raise LoginFailed
    guard.succeeded(*key)
    return found


async def grant(state: SpreedState, session: str, user: str) -> str:
    """Return a nonce that lets this live session log in as `user`, once. Raises LoginFailed."""
    peer = await state.peer(session)
    if peer is None:
        raise LoginFailed
    nonce = secrets.token_urlsafe(32)
    try:
        await ask(peer, GrantLogin(user, nonce))
    except Refused:
        raise LoginFailed("session already authenticated") from None
    except ActorError:
        raise LoginFailed from None
    return nonce
