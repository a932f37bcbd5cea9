"""The Sessions message: who is behind an attestation, and where a contact is to be found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.core import ActorError, Message, Ref
from actors.member.messages import DescribeMember
from actors.words.facts import Presence
from api.spreed.errors import (
    BadAttestation,
    ContactsNotEnabled,
    NoSuchSession,
    UnknownSessionsType,
)
from api.spreed.events import user_document
from api.spreed.rooms import REALM
from api.spreed.wire import SessionsRequest, encode

if TYPE_CHECKING:
    from api.spreed.state import SpreedState

LISTED_SESSIONS = 100


@dataclass(frozen=True, slots=True)
class Found:
    """The answer, and the sessions whose end the asker is to be told of."""

    document: bytes
    followed: tuple[tuple[Ref[Message], str], ...] = ()


async def look_up(state: SpreedState, me: str, request: SessionsRequest) -> Found:
    """Answer a Sessions request of user `me`.

    Raises BadAttestation, NoSuchSession, ContactsNotEnabled, UnknownSessionsType.
    """
    match request.Type:
        case "session":
            return await _session(state, request)
        case "contact":
            return await _contact(state, me, request)
    raise UnknownSessionsType


async def _session(state: SpreedState, request: SessionsRequest) -> Found:
    session = state.signer.attested(request.Token)
    if session is None:
        raise BadAttestation
    peer = await state.peer(session)
    if peer is None:
        raise NoSuchSession
    presence = await _describe(state, peer)
    if presence is None:
        raise NoSuchSession
    return Found(_document(request, [presence]))


async def _contact(state: SpreedState, me: str, request: SessionsRequest) -> Found:
    if "contacts" not in state.settings.modules:
        raise ContactsNotEnabled
    pair = state.signer.contact(request.Token)
    if pair is None or not me or me not in pair:
        raise BadAttestation
    other = pair[1] if pair[0] == me else pair[0]
    refs = await state.services.directory.members_of(REALM, other)
    presences: list[Presence] = []
    followed: list[tuple[Ref[Message], str]] = []
    for ref in refs[:LISTED_SESSIONS]:
        presence = await _describe(state, ref)
        if presence is not None:
            presences.append(presence)
            followed.append((ref, presence.peer))
    if not presences:  # clients want a session to show, also for a contact who is away
        presences = [Presence(state.signer.session_of(f"absent {other}").id, other)]
    return Found(_document(request, presences), tuple(followed))


async def _describe(state: SpreedState, peer: Ref[Message]) -> Presence | None:
    try:
        described = await peer.ask(
            DescribeMember(), within=state.services.settings().limits.ask_seconds
        )
    except ActorError:
        return None  # it ends just now
    return described.presence


def _document(request: SessionsRequest, presences: list[Presence]) -> bytes:
    return encode(
        {
            "Type": "Sessions",
            "Sessions": {"Type": request.Type, "Token": request.Token},
            "Users": [user_document(presence, "") for presence in presences],
        }
    )
