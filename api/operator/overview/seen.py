"""Rooms and people as the operator sees them: made of what their actors tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from actors.core import Glimpse
from actors.words.keys import MemberKey, RoomKey
from actors.words.quality import Rating
from api.logs.addresses import AddressPolicy, shown_address
from api.operator.ids import person_id, room_id

WORST_FIRST = {rating: place for place, rating in enumerate(reversed(Rating))}


@dataclass(frozen=True, slots=True)
class RoomSeen:
    """A live room. `name` is without the type that Spreed has in front, `since` in Unix seconds."""

    key: RoomKey
    dialect: str
    name: str
    title: str
    type: str
    people: int
    since: float
    streams: int
    locked: bool
    recordings: int
    path: str
    quality: Rating | None = None  # the worst of its people's

    @property
    def id(self) -> str:
        return room_id(self.key)

    def shown(self) -> dict[str, object]:
        """Return it as the API has it."""
        return {
            "id": self.id,
            "dialect": self.dialect,
            "realm": self.key.realm,
            "name": self.name,
            "title": self.title,
            "type": self.type,
            "people": self.people,
            "since": round(self.since, 3),
            "streams": self.streams,
            "locked": self.locked,
            "recordings": self.recordings,
            "quality": None if self.quality is None else self.quality.value,
            "path": self.path,
        }


@dataclass(frozen=True, slots=True)
class PersonSeen:
    """A member, a device, or a telephone call. `quality` is as the API has it, `room` its key."""

    key: MemberKey
    dialect: str
    room: RoomKey | None
    room_name: str
    name: str
    user: str
    address: str | None
    device: str
    since: float
    away: bool
    streams: int = 0
    quality: Mapping[str, Any] | None = None
    room_title: str = ""

    @property
    def id(self) -> str:
        return person_id(self.key)

    @property
    def rating(self) -> Rating | None:
        """How well its connections do, None where nothing is known."""
        return None if self.quality is None else Rating(self.quality["rating"])

    def shown(self) -> dict[str, object]:
        """Return it as the API has it."""
        return {
            "id": self.id,
            "peer": self.key.id,
            "dialect": self.dialect,
            "room": None if self.room is None else room_id(self.room),
            "room_name": self.room_name,
            "room_title": self.room_title,
            "name": self.name,
            "user": self.user,
            "address": self.address,
            "device": self.device,
            "since": round(self.since, 3),
            "away": self.away,
            "streams": self.streams,
            "quality": self.quality,
        }


def room_seen(seen: Glimpse, epoch: float) -> RoomSeen:
    """Make a room of what its actor tells; `epoch` is where Trio's clock began, in Unix seconds."""
    facts, key = seen.facts, RoomKey.from_slug(seen.name)
    type_ = _text(facts, "type")
    return RoomSeen(
        key,
        _text(facts, "dialect"),
        shown_name(key.name, type_),
        _text(facts, "title"),
        type_,
        _number(facts, "members"),
        epoch + seen.born,
        _number(facts, "streams"),
        facts.get("locked") is True,
        _number(facts, "recordings"),
        seen.path,
    )


def member_seen(
    seen: Glimpse,
    rooms: Mapping[RoomKey, RoomSeen],
    epoch: float,
    addresses: AddressPolicy = "full",
) -> PersonSeen:
    """Make a person of what a member, or the peer of a device, tells.

    Its address is shown as far as `addresses` says; it may have come while more was shown.
    """
    facts, key = seen.facts, MemberKey.from_slug(seen.name)
    slug, since, quality = facts.get("room"), facts.get("since"), facts.get("quality")
    room = RoomKey.from_slug(slug) if isinstance(slug, str) and slug else None
    known = rooms.get(room) if room is not None else None
    return PersonSeen(
        key,
        _text(facts, "dialect"),
        room,
        "" if room is None else room.name if known is None else known.name,
        _text(facts, "name"),
        _text(facts, "user"),
        shown_address(_text(facts, "address"), addresses) or None,
        _text(facts, "device"),
        float(since) if isinstance(since, int | float) else epoch + seen.born,
        facts.get("away") is True,
        quality=quality if isinstance(quality, Mapping) else None,
        room_title="" if known is None else known.title,
    )


def call_seen(seen: Glimpse, room: RoomSeen, epoch: float) -> PersonSeen | None:
    """Make a person of what a telephone call of a room tells; None before it is a member."""
    facts = seen.facts
    if not (facts.get("incoming") or facts.get("agreed")):
        return None
    key = MemberKey(room.key.realm, _text(facts, "member"))
    codecs = facts.get("codecs")
    return PersonSeen(
        key,
        _text(facts, "dialect"),
        room.key,
        room.name,
        _text(facts, "name"),
        "",
        None,
        _text(facts, "device"),
        epoch + seen.born,
        away=False,
        streams=len(codecs) if isinstance(codecs, Mapping) else 0,
        room_title=room.title,
    )


def shown_name(name: str, type_: str) -> str:
    """Return a room's name without its type in front, as Spreed's have it: "Room:tea" is "tea"."""
    plain = type_.replace("%", "%25").replace(":", "%3A")
    return name.removeprefix(f"{plain}:") if plain else name


def rate(room: RoomSeen, ratings: list[Rating]) -> RoomSeen:
    """Return a room with the worst of the ratings."""
    if not ratings:
        return room
    return replace(room, quality=min(ratings, key=WORST_FIRST.__getitem__))


def _text(facts: Mapping[str, object], key: str) -> str:
    found = facts.get(key)
    return found if isinstance(found, str) else ""


def _number(facts: Mapping[str, object], key: str) -> int:
    found = facts.get(key)
    return found if isinstance(found, int) else 0
