"""Who signed the request at hand: every request of the management API goes through here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quart import request

from api.http.asking import client
from api.http.credentials import TooManyAttempts
from api.owt.ids import OBJECT_ID
from api.owt.management.errors import TOO_MANY_ATTEMPTS, UNAUTHENTICATED, UNEXPECTED, RestError
from api.owt.management.mauth import ServiceClaim, Unsigned, read_header
from api.owt.rooms import DIALECT

if TYPE_CHECKING:
    from api.owt.management.service import Management

LOGGED = {UNAUTHENTICATED: "wrong_signature", TOO_MANY_ATTEMPTS: "too_many_attempts"}
CAST_ERROR = 'CastError Cast to ObjectId failed for value at path "_id"'


class Authenticator:
    """Checks signatures, and sees that nobody guesses keys."""

    def __init__(self, management: Management) -> None:
        self._management = management

    async def admit(self) -> ServiceClaim:
        """Return the claim of the request, now known to be true; its service is in lower case.

        Raises RestError.
        """
        try:
            return await self._admitted()
        except RestError as error:
            reason = LOGGED.get(error.trouble)
            if reason is not None:
                services = self._management.state.services
                services.login_refused(DIALECT, reason, client().address)
            raise

    async def _admitted(self) -> ServiceClaim:
        try:
            claim = read_header(request.headers.get("Authorization", ""))
        except Unsigned:
            raise RestError(UNAUTHENTICATED) from None
        if not OBJECT_ID.fullmatch(claim.service):
            raise RestError(UNEXPECTED.saying(CAST_ERROR))
        guard = self._management.state.services.guard
        key = (client().address, "owt service", claim.service.lower())
        try:
            await guard.admit(*key)
        except TooManyAttempts:
            raise RestError(TOO_MANY_ATTEMPTS) from None
        try:
            secret = await self._management.services.key_of(claim.service.lower())
        except BaseException:
            guard.undecided(*key)
            raise
        if secret is None or not claim.signed_with(secret):
            guard.failed(*key)
            raise RestError(UNAUTHENTICATED)
        guard.succeeded(*key)
        if not self._fresh(claim):
            raise RestError(UNAUTHENTICATED)
        return claim

    def _fresh(self, claim: ServiceClaim) -> bool:
        state = self._management.state
        window = state.settings.replay_window_seconds
        return not window or state.replays.fresh(
            claim.service.lower(), claim.timestamp, claim.nonce, window, state.clock()
        )
