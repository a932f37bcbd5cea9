"""The rules of who a member is: its user, how it shows itself, the nonce that lets it log in."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

from actors.words.facts import Presence
from actors.words.permission import NO_MEDIA, Permission
from actors.words.refusals import AlreadyIdentified, NonceForAnotherUser, NonceInvalid
from actors.words.where_from import NOWHERE, WhereFrom

NONCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LoginGrant:
    """A login that waits for its nonce; a member holds at most one, a newer one replaces it."""

    nonce: str
    user: str
    ends_at: float


@dataclass(slots=True)
class Identity:
    """Who a member is and what it may do. `revision` counts what others have been shown of it.

    `name` is what others are shown as its name, which is never logged, and `where` whence its
    client comes: both are for operators.
    """

    id: str
    user: str = ""
    role: str = ""
    permission: Permission = NO_MEDIA
    callable: bool = False
    agent: str = ""
    status: bytes | None = None
    revision: int = 0
    grant: LoginGrant | None = None
    name: str = ""
    where: WhereFrom = NOWHERE

    @property
    def presence(self) -> Presence:
        return Presence(
            self.id,
            self.user,
            self.agent,
            self.status,
            self.revision,
            self.role,
            self.permission,
            self.callable,
        )

    def enter(self, agent: str, *, account_to_join: bool, account_to_create: bool) -> None:
        """Note what the client says of itself, and may do, when it joins a room."""
        self.agent = agent
        enter, create = not account_to_join, not account_to_create
        if self.user:
            enter = create = True
        if (enter, create) != (self.permission.enter, self.permission.create):
            self.permission = replace(self.permission, enter=enter, create=create)
        self.revision += 1

    def permit(self, permission: Permission) -> None:
        """Take what the room allows from now on; the room counts the revision up by itself."""
        self.permission = permission
        self.revision += 1

    def set_status(self, status: bytes | None, name: str = "") -> None:
        self.status = status
        self.name = name
        self.revision += 1

    def grant_login(self, user: str, nonce: str, now: float) -> None:
        """Prepare a login as `user`. Raises AlreadyIdentified."""
        if self.user:
            raise AlreadyIdentified
        self.grant = LoginGrant(nonce, user, now + NONCE_SECONDS)

    def log_in(self, user: str, nonce: str, now: float) -> None:
        """Become `user` with the nonce of the last grant, which is then used up.

        Raises AlreadyIdentified, NonceInvalid, or NonceForAnotherUser (which does not use it up).
        """
        if self.user:
            raise AlreadyIdentified
        grant = self.grant
        if grant is None or now > grant.ends_at or not _equal(grant.nonce, nonce):
            raise NonceInvalid
        if grant.user != user:
            raise NonceForAnotherUser
        self.grant = None
        self.user = user
        self.revision += 1

    def begin_again(self) -> None:
        """Forget what a client has shown of itself: another one took over."""
        self.agent = self.name = ""
        self.status = None
        self.revision = 0


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogatepass"))
