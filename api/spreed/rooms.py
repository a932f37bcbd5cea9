"""Room names and types as Spreed understands them, and what a site demands of those who join."""

from __future__ import annotations

import re
import secrets
import string
from typing import TYPE_CHECKING

from actors.member.messages import Enter
from actors.words.keys import RoomKey
from actors.words.rooms import RoomSpec
from api.http.credentials import address_key
from api.spreed.errors import DefaultRoomDisabled, PinTooLong, RoomNameTooLong
from api.spreed.wire import DIALECT, Credentials, Hello

if TYPE_CHECKING:
    from api.settings import LimitSettings
    from api.spreed.settings import SpreedSettings

REALM = "spreed"  # of its own sessions and rooms
DEFAULT_TYPE, CONFERENCE = "Room", "Conference"
RANDOM_NAME_LENGTH = 11
AGENT_LENGTH = 1000  # of the client's own description, which every member is shown


def random_name(settings: SpreedSettings) -> str:
    """Return a room name nobody guesses: 11 letters and digits."""
    letters = string.ascii_letters if settings.case_sensitive_rooms else string.ascii_lowercase
    return "".join(secrets.choice(letters + string.digits) for _ in range(RANDOM_NAME_LENGTH))


def room_type(settings: SpreedSettings, asked: str, name: str) -> str:
    """Return the type a client asks for, else the configured one."""
    if asked:
        return asked
    for pattern in settings.conference_rooms:
        if re.search(pattern, name):
            return CONFERENCE
    return DEFAULT_TYPE


def room_key(settings: SpreedSettings, kind: str, name: str) -> RoomKey:
    """Return the identity of a room: each type is a name space of its own.

    Both are the client's words, so what looks like the end of the type within one is quoted.
    """
    plain = kind.replace("%", "%25").replace(":", "%3A")
    return RoomKey(REALM, f"{plain}:{_plain(settings, name)}")


def full_name(settings: SpreedSettings, name: str) -> str:
    """Return the name in its key of the room that people call so; one with a type stays."""
    for kind in (DEFAULT_TYPE, CONFERENCE):
        if name.startswith(f"{kind}:"):
            return room_key(settings, kind, name.removeprefix(f"{kind}:")).name
    return room_key(settings, room_type(settings, "", name), name).name


def enter_order(
    settings: SpreedSettings, limits: LimitSettings, hello: Hello, tag: str, address: str = ""
) -> Enter:
    """Turn a Hello into the order to join; `address` is the client's.

    Raises DefaultRoomDisabled, RoomNameTooLong, PinTooLong.
    """
    name = hello.Name or hello.Id
    if not name and not settings.default_room_enabled:
        raise DefaultRoomDisabled
    for text in (name, hello.Type):
        if len(text.encode("utf-8", "surrogatepass")) > limits.room_name_bytes:
            raise RoomNameTooLong
    kind = room_type(settings, hello.Type, name)
    demanding = settings.users.enabled and not _is_public(settings, name)
    return Enter(
        RoomSpec(
            room_key(settings, kind, name),
            title=name,
            kind=kind,
            announces_roster=kind == CONFERENCE,
            capacity=limits.peers_per_room,
            expiry_seconds=settings.room_expiry_seconds,
            dialect=DIALECT,
        ),
        tag,
        agent=hello.Ua[:AGENT_LENGTH],
        pin=pin_of(hello.Credentials, limits) or "",
        account_to_join=demanding and settings.authorize_room_join,
        account_to_create=demanding and settings.authorize_room_creation,
        address=address_key(address),
    )


def pin_of(credentials: Credentials | None, limits: LimitSettings) -> str | None:
    """Return the PIN given, or None. Raises PinTooLong."""
    if credentials is None:
        return None
    if len(credentials.PIN.encode("utf-8", "surrogatepass")) > limits.pin_bytes:
        raise PinTooLong
    return credentials.PIN


def _is_public(settings: SpreedSettings, name: str) -> bool:
    """Tell whether a room is free of the demands, however the client writes its name."""
    if not settings.public_rooms:
        return False
    flags = re.NOFLAG if settings.case_sensitive_rooms else re.IGNORECASE
    return re.search(settings.public_rooms, _plain(settings, name), flags) is not None


def _plain(settings: SpreedSettings, name: str) -> str:
    """Return the name by which a room is known: names that are equal here are one room."""
    return name if settings.case_sensitive_rooms else name.lower()
