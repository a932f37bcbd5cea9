"""How a client gets in: its token, once; and how one that was in comes back: its ticket."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, cast

from actors.core import ActorError, Message, Ref
from actors.member.absence import AbsenceTerms
from actors.member.identity import Identity
from actors.member.profile import Profile
from actors.words.rooms import RoomSpec
from api.http.credentials import TooManyAttempts
from api.owt.portal.errors import (
    BUSY,
    CLIENT_UNKNOWN,
    DEPRECATED_CLIENT,
    INVALID_ROLE,
    INVALID_SIGNATURE,
    JOINING_FAILED,
    TOKEN_EXPIRED,
    TOKEN_UNKNOWN,
    TOO_MANY_ATTEMPTS,
    UNKNOWN_PROTOCOL,
    words_for,
)
from api.owt.portal.tickets import BadTicket, TicketExpired, participant_of
from api.owt.rooms import (
    DIALECT,
    REALM,
    InvalidRoom,
    ViewConflict,
    permission_of,
    read_stored,
)
from api.owt.stored import StoredToken
from api.owt.stream_info import Version
from api.owt.tokens import BadToken, token_id

if TYPE_CHECKING:
    from api.owt.portal.requests import Login
    from api.owt.state import OwtState

ENTER_SECONDS = 60.0  # until a participant that was let in must be in its room
VERSIONS = frozenset({"1.0", "1.1"})
DEPRECATED = "3.5"
RESUMING_SDKS = frozenset({"Objective-C", "C++", "Android", "JavaScript"})
PAGES = frozenset({"JavaScript"})  # a page that was left has lost its media with its tickets
SHUTTING_DOWN = "The server is shutting down"


class PortalLoginFailed(Exception):
    """`str()` is why, for the client; it may be logged."""


class BadLogin(PortalLoginFailed):
    """`str()` may hold what the client said."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a good token is worth: who comes, and into which room."""

    identity: Identity
    profile: Profile
    spec: RoomSpec
    version: Version
    changes: int  # of rooms, before this one was read


async def redeem(state: OwtState, login: Login, participant: str, address: str) -> Admitted:
    """Check a login and use its token up. Raises LoginFailed.

    Forged tokens are counted by address, used ones by address and token: neither delays anybody
    who has a good one.
    """
    if not state.services.lifecycle.accepting:
        raise PortalLoginFailed(SHUTTING_DOWN)
    if login.user_agent.sdk.version == DEPRECATED:
        raise PortalLoginFailed(DEPRECATED_CLIENT)
    if login.protocol not in VERSIONS:
        raise PortalLoginFailed(UNKNOWN_PROTOCOL)
    version = cast("Version", login.protocol)
    try:
        record = await taken(state, login.token, address)
        return await _entry(state, record, participant, login.user_agent.sdk.type or "", version)
    except TooManyAttempts:
        raise PortalLoginFailed(TOO_MANY_ATTEMPTS) from None
    except ActorError as error:
        raise PortalLoginFailed(login_words(error)) from None


async def returning(state: OwtState, ticket: str, address: str) -> tuple[str, Ref[Message]]:
    """Return the participant that a ticket names, and its id. Raises LoginFailed."""
    try:
        participant = participant_of(ticket, state.ticket_key, state.clock())
    except TicketExpired as expired:
        raise PortalLoginFailed(words_for(expired)) from None
    except BadTicket as bad:
        try:
            await _count(state, address, "owt forged ticket")
        except TooManyAttempts:
            raise PortalLoginFailed(TOO_MANY_ATTEMPTS) from None
        raise PortalLoginFailed(words_for(bad)) from None
    found = await state.participant(participant)
    if found is None:
        raise PortalLoginFailed(CLIENT_UNKNOWN)
    return participant, found


def login_words(error: ActorError) -> str:
    """Return why a room could not be joined; all that is nobody's fault is one thing."""
    words = words_for(error)
    return JOINING_FAILED if words == BUSY else words


async def taken(state: OwtState, token: str, address: str) -> StoredToken:
    """Use a token up. Raises PortalLoginFailed, TooManyAttempts, and what the store refuses."""
    try:
        id_ = token_id(token, state.token_key)
    except BadToken:
        await _count(state, address, "owt forged token")
        raise PortalLoginFailed(INVALID_SIGNATURE) from None
    guard, key = state.services.guard, (address, "owt token", id_)
    await guard.admit(*key)
    try:
        now = state.clock()
        record = await state.store.take_token(id_)
    except BaseException:
        guard.undecided(*key)
        raise
    if record is None:
        guard.failed(*key)
        raise PortalLoginFailed(TOKEN_UNKNOWN)
    guard.succeeded(*key)
    if record.expires_at < now:
        raise PortalLoginFailed(TOKEN_EXPIRED)
    return record


async def _count(state: OwtState, *key: str) -> None:
    """Let what was forged wait as long as its kind has to. Raises TooManyAttempts."""
    guard = state.services.guard
    await guard.admit(*key)
    guard.failed(*key)


async def _entry(
    state: OwtState, token: StoredToken, participant: str, sdk: str, version: Version
) -> Admitted:
    changes = state.changes
    stored = await state.store.room(token.room)
    if stored is None:
        raise PortalLoginFailed(JOINING_FAILED)
    try:
        room = await state.compute(
            stored.service, partial(read_stored, stored), len(stored.document), state.ask_seconds
        )
    except (InvalidRoom, ViewConflict):
        raise PortalLoginFailed(JOINING_FAILED) from None
    permission = permission_of(room, token.role)
    if permission is None:
        raise PortalLoginFailed(INVALID_ROLE)
    owt = state.settings
    terms = AbsenceTerms(
        owt.resume_seconds if sdk in RESUMING_SDKS else 0.0,
        owt.left_seconds if sdk in PAGES else inf,
        owt.queued_messages,
        owt.queued_bytes,
    )
    return Admitted(
        Identity(participant, token.user, token.role, permission, name=token.user),
        Profile(
            REALM,
            DIALECT,
            "participant",
            streams=True,
            bound_to_room=True,
            enter_seconds=ENTER_SECONDS,
            terms=terms,
            note=version,
        ),
        state.spec(stored.id, room),
        version,
        changes,
    )
