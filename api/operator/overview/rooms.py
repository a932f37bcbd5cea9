"""`/-/rooms`: which rooms there are, and one of them with everybody and everything in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field
from quart import Response

from actors.core import ActorError, Slices
from actors.words.keys import MemberKey, RoomKey
from actors.words.orders import GetStreams
from actors.words.streams import AudioTrack, Stream, VideoTrack
from actors.words.views import AnyStream
from api.operator.errors import refuse
from api.operator.ids import person_id, room_key
from api.operator.overview.paging import (
    MOST_PER_PAGE,
    Order,
    PageQuery,
    asked,
    in_order,
    json_answer,
    json_list,
    page_answer,
)
from api.operator.overview.seen import WORST_FIRST, RoomSeen
from api.operator.overview.streams import StreamSeen

if TYPE_CHECKING:
    from actors.directory.directory import Directory
    from api.operator.overview.overview import Overview, Sight

ASK_SECONDS = 2.0
MOST_STREAMS = 500
LARGEST_FIRST = ("people", "streams")


class RoomsQuery(PageQuery):
    """Which rooms are wanted, and in which order."""

    dialect: str = Field("", max_length=100, description="Only rooms of this dialect.")
    search: str = Field("", max_length=200, description="Part of the name or title.")
    sort: Literal["people", "since", "name", "streams", "quality"] = Field(
        "people", description="By quality: the worst first, and of equals the largest."
    )
    order: Order | None = Field(
        None, description="Without it the most people or streams come first, else the smallest."
    )

    @property
    def descending(self) -> bool:
        """Whether the largest come first."""
        return (self.order or ("desc" if self.sort in LARGEST_FIRST else "asc")) == "desc"


SORT_KEYS: dict[str, Callable[[RoomSeen], Any]] = {
    "people": lambda room: room.people,
    "since": lambda room: room.since,
    "name": lambda room: (room.name.casefold(), room.key.realm),
    "streams": lambda room: room.streams,
    "quality": lambda room: (  # what is not known comes last; among equals, the most people first
        len(WORST_FIRST) if room.quality is None else WORST_FIRST[room.quality],
        -room.people,
    ),
}


class RoomLooks:
    """The operations on rooms that only look."""

    def __init__(self, directory: Directory, overview: Overview) -> None:
        self._directory = directory
        self._overview = overview

    async def rooms(self) -> Response:
        """List rooms."""
        query = asked(RoomsQuery)
        sight, slices = await self._overview.sight(), Slices()
        found = (room for room in sight.rooms.values() if matches(query, room))
        key, last = SORT_KEYS[query.sort], query.descending
        page = await in_order(found, query, key, slices, descending=last)
        return await page_answer("rooms", page, RoomSeen.shown, slices)

    async def room(self, id_: str) -> Response:
        """Show one room whole."""
        try:
            key = room_key(id_)
        except ValueError:
            return unknown_room()
        sight = await self._overview.sight()
        room = sight.rooms.get(key)
        if room is None or self._directory.look_at(key) is None:
            return unknown_room()
        slices = Slices()
        members: list[dict[str, object]] = []
        streams: list[StreamSeen] = []
        for person in sight.people_in(key):
            if len(members) < MOST_PER_PAGE:
                members.append(person.shown())
            streams += sight.streams.get(person.key, ())
            await slices.rest()
        known = await self.known_streams(key, sight)
        shown = with_known(streams, known)[:MOST_STREAMS]
        return json_answer(
            b'%s,"members":%s,"stream_list":%s}'
            % (
                json.dumps(room.shown()).encode()[:-1],
                await json_list(members, dict, slices),
                await json_list(shown, StreamSeen.shown, slices),
            )
        )

    async def known_streams(self, key: RoomKey, sight: Sight) -> list[StreamSeen]:
        """Return the streams that a room itself knows of; none of one that has no streams."""
        seen = self._directory.look_at(key)
        room = await self._directory.room(key)
        if room is None or seen is None or "publications" not in seen.facts:
            return []
        try:
            streams = await room.ask(GetStreams(), within=ASK_SECONDS)
        except ActorError:  # it is busy, or has ended meanwhile
            return []
        owners = {person.key.id: person.key for person in sight.people_in(key)}
        return [track for stream in streams for track in tracks_of(stream, owners)]


def matches(query: RoomsQuery, room: RoomSeen) -> bool:
    """Tell whether a room is wanted."""
    search = query.search.casefold()
    return (not query.dialect or room.dialect == query.dialect) and (
        not search or search in room.name.casefold() or search in room.title.casefold()
    )


def tracks_of(stream: AnyStream, owners: dict[str, MemberKey]) -> list[StreamSeen]:
    """Return what a room tells of a stream; what the server mixes is nobody's, and goes out."""
    owner = owners.get(stream.owner) if isinstance(stream, Stream) else None
    tracks: list[tuple[str, AudioTrack | VideoTrack | None]] = [
        ("audio", stream.audio),
        ("video", stream.video),
    ]
    return [
        StreamSeen(
            stream.id,
            kind,
            "in" if isinstance(stream, Stream) else "out",
            track.format.codec,
            muted=not track.active,
            person=None if owner is None else person_id(owner),
        )
        for kind, track in tracks
        if track is not None
    ]


def with_known(measured: list[StreamSeen], known: list[StreamSeen]) -> list[StreamSeen]:
    """Return what was measured, with what the room knows of it besides; what comes in, first."""
    told = {(it.id, it.kind, it.direction): it for it in known}
    merged = []
    for stream in measured:
        more = told.pop((stream.id, stream.kind, stream.direction), None)
        merged.append(stream if more is None else replace(stream, muted=more.muted))
    return sorted([*told.values(), *merged], key=lambda it: it.direction)


def unknown_room() -> Response:
    """Say that there is no such room."""
    return refuse(404, "There is no such room just now.", "unknown_room")
