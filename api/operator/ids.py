"""How rooms and people are named in the operator's API: base64url of what their actors are called.

So an id fits into a path as it is, whatever strangers have called their room.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

from actors.words.keys import MemberKey, RoomKey

K = TypeVar("K", RoomKey, MemberKey)

LONGEST_ID = 8192  # characters of an id; a name of a room is far shorter


def room_id(key: RoomKey) -> str:
    """Return the id of a room."""
    return _id(key.slug)


def room_key(id_: str) -> RoomKey:
    """Return which room this is the id of. Raises ValueError where it is none."""
    return _key(RoomKey, id_)


def person_id(key: MemberKey) -> str:
    """Return the id of somebody."""
    return _id(key.slug)


def member_key(id_: str) -> MemberKey:
    """Return whose id this is. Raises ValueError where it is none."""
    return _key(MemberKey, id_)


def _id(slug: str) -> str:
    return urlsafe_b64encode(slug.encode("ascii")).decode("ascii").rstrip("=")


def _key(kind: type[K], id_: str) -> K:
    """Read an id; each key has one id alone."""
    if not id_ or len(id_) > LONGEST_ID:
        raise ValueError("no id")
    slug = urlsafe_b64decode(id_ + "=" * (-len(id_) % 4)).decode("ascii")
    key = kind.from_slug(slug)
    if _id(key.slug) != id_:
        raise ValueError("not the id as it is given out")
    return key
