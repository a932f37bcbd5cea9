"""The configuration that clients may know: `/api/v1/config`, and the page's own copy of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.spreed.settings import SpreedSettings
from api.spreed.state import VERSION
from api.spreed.turn import stun_uris, turn_uris

if TYPE_CHECKING:
    from api.spreed.state import SpreedState

STATIC = f"static/ver={VERSION}"


def config_document(state: SpreedState) -> dict[str, object]:
    """Return the document in the original's order of keys.

    `TurnUsername` and `TurnPassword` stay empty: this is public, credentials come in Self.
    """
    settings = state.services.settings()
    spreed, ice = settings.section(SpreedSettings), settings.ice
    return {
        "Title": spreed.title,
        "S": STATIC,
        "B": spreed.base_path,
        "Token": "",
        "Renegotiation": False,
        "StunURIs": stun_uris(ice),
        "TurnURIs": turn_uris(ice),
        "TurnUsername": "",
        "TurnPassword": "",
        "Tokens": state.access_tokens.configured,
        "Version": VERSION,
        "UsersEnabled": spreed.users.enabled,
        "UsersAllowRegistration": spreed.users.allow_registration,
        "UsersMode": spreed.users.mode if spreed.users.enabled else "",
        "DefaultRoomEnabled": spreed.default_room_enabled,
        "Plugin": "",
        "AuthorizeRoomCreation": spreed.authorize_room_creation,
        "AuthorizeRoomJoin": spreed.authorize_room_join,
        "Modules": list(spreed.modules),
        "RoomNameCaseSensitive": spreed.case_sensitive_rooms,
        "LockedRoomJoinableWithPIN": spreed.locked_room_joinable_with_pin,
    }
