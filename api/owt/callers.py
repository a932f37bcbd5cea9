"""Who is at the other end of a telephone call, as a participant of the room."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from actors.words.facts import Presence
from api.owt.rooms import permission_of

if TYPE_CHECKING:
    from api.owt.room_document import RoomDocument

ROLE = "sip"
MOST_CHARACTERS = 256  # of a user's name


def caller(peer: str, room: RoomDocument, *, incoming: bool) -> Presence | None:
    """Return who is at the URI `peer`, with a new id; None in a room that has no role for it."""
    permission = permission_of(room, ROLE)
    if permission is None:
        return None
    begin = "SipIn" if incoming else "SipOut"
    id = f"{begin}{secrets.randbelow(10**18):018}"
    return Presence(id, user_of(peer), role=ROLE, permission=permission)


def user_of(uri: str) -> str:
    """Return the user part of a URI, without password and parameters; the host where it has none.

    "sip:ann:secret@example.org;transport=tcp" gives "ann", "tel:+49301234;ext=5" "+49301234". What
    is no URI is taken as one without a scheme.
    """
    scheme, colon, rest = uri.strip().partition(":")
    if not colon or scheme.lower() not in ("sip", "sips", "tel"):
        rest = uri.strip()
    before, at, host = rest.rpartition("@")
    named = before.partition(":")[0] if at else host.partition("?")[0]
    return named.partition(";")[0][:MOST_CHARACTERS]
