"""Contact requests: two logged-in users agree, by chat, to see each other's sessions later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.core import ActorError
from actors.member.messages import DescribeMember
from api.spreed.wire import ContactRequest

if TYPE_CHECKING:
    from api.spreed.state import SpreedState


async def user_of(state: SpreedState, session: str) -> str:
    """Return the user of a live session, "" when there is none."""
    peer = await state.peer(session)
    if peer is None:
        return ""
    try:
        described = await peer.ask(
            DescribeMember(), within=state.services.settings().limits.ask_seconds
        )
    except ActorError:
        return ""
    return described.presence.user


def settle(
    state: SpreedState, request: ContactRequest, me: str, other: str
) -> ContactRequest | None:
    """Return the request as the other side gets it, or None when the whole chat is to be dropped.

    A new request gets a signed token that names both users; an acceptance must bring it back; a
    rejection loses it.
    """
    if "contacts" not in state.settings.modules or not me or not other or me == other:
        return None
    if request.Success:
        if state.signer.contact(request.Token) != (me, other):
            return None
        return msgspec.structs.replace(request, Userid=me)
    token = "" if request.Token else state.signer.contact_token(asked=other, asking=me)
    return msgspec.structs.replace(request, Userid=me, Token=token)
