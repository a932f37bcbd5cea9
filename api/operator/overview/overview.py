"""One look at all rooms and people, which several consoles share for a moment."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import trio

from actors.core import Glimpse, Slices
from actors.words.keys import MemberKey, RoomKey
from actors.words.quality import Rating
from api.operator.ids import person_id
from api.operator.overview.seen import (
    PersonSeen,
    RoomSeen,
    call_seen,
    member_seen,
    rate,
    room_seen,
)
from api.operator.overview.streams import StreamSeen, owned, quality_of, streams_of

if TYPE_CHECKING:
    from actors.directory.directory import Directory
    from api.logs.addresses import AddressPolicy

SHARE = 20  # a look is good for so many times what it took: one part of a processor in 20, at most
OLDEST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sight:
    """Who and what there was. Streams are of people; those of a room are those of its people."""

    rooms: Mapping[RoomKey, RoomSeen] = field(default_factory=dict)
    people: Mapping[MemberKey, PersonSeen] = field(default_factory=dict)
    streams: Mapping[MemberKey, Sequence[StreamSeen]] = field(default_factory=dict)

    def people_in(self, room: RoomKey) -> Iterator[PersonSeen]:
        """Yield who is in a room."""
        return (person for person in self.people.values() if person.room == room)


class Overview:
    """Looks at everything, in slices, when somebody asks and the last look is too old."""

    def __init__(
        self,
        directory: Directory,
        addresses: Callable[[], AddressPolicy] = lambda: "full",
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._addresses = addresses
        self._unix_time = unix_time
        self._epoch: float | None = None  # where the clock of Trio began
        self._looking = trio.Lock()
        self._sight = Sight()
        self._good_until = 0.0

    async def sight(self) -> Sight:
        """Return how it is, or was at most OLDEST_SECONDS ago: the fewer there are, the newer."""
        async with self._looking:
            began = trio.current_time()
            if began >= self._good_until:
                self._sight = await self._look()
                now = trio.current_time()
                self._good_until = now + min((now - began) * SHARE, OLDEST_SECONDS)
            return self._sight

    async def _look(self) -> Sight:
        slices, now = Slices(), self._unix_time()
        if self._epoch is None:  # one for good: when somebody came does not change
            self._epoch = now - trio.current_time()
        addresses = self._addresses()
        sighting = _Sighting(now, self._epoch, self._sight, addresses)
        for seen in self._directory.look_at_rooms():
            sighting.add_room(seen)
            await slices.rest()
        for seen in self._directory.look_at_members():
            sighting.add_member(seen)
            if seen.facts.get("connections"):
                for inside in self._directory.look_inside(seen):
                    sighting.add_to(MemberKey.from_slug(seen.name), inside)
                    await slices.rest()
            await slices.rest()
        for key, seen in sighting.with_streams.items():
            for inside in self._directory.look_inside(seen):
                sighting.add_inside(key, inside)
                await slices.rest()
        return await sighting.finish(slices)


class _Sighting:
    """A look that is under way."""

    def __init__(self, now: float, epoch: float, before: Sight, addresses: AddressPolicy) -> None:
        self._now = now
        self._addresses = addresses
        self._epoch = epoch
        self._before = before
        self.with_streams: dict[RoomKey, Glimpse] = {}  # rooms that may have connections in them
        self._rooms: dict[RoomKey, RoomSeen] = {}
        self._people: dict[MemberKey, PersonSeen] = {}
        self._streams: dict[MemberKey, list[StreamSeen]] = defaultdict(list)
        self._connections: dict[MemberKey, int] = defaultdict(int)
        self._by_peer: dict[tuple[RoomKey | None, str], MemberKey] = {}

    def add_room(self, seen: Glimpse) -> None:
        room = room_seen(seen, self._epoch)
        before = self._before.rooms.get(room.key)
        if before is not None and before == room:
            room = before  # what stays is no work for the garbage collector
        self._rooms[room.key] = room
        if "publications" in seen.facts:
            self.with_streams[room.key] = seen

    def add_member(self, seen: Glimpse) -> None:
        self._add(member_seen(seen, self._rooms, self._epoch, self._addresses))

    def add_inside(self, room: RoomKey, seen: Glimpse) -> None:
        """Take what lives in a room: a connection of somebody's, or a telephone call."""
        if seen.kind == "sip_call":
            person = call_seen(seen, self._rooms[room], self._epoch)
            if person is not None:
                self._add(person)
        elif seen.kind == "connection":
            key = self._by_peer.get((room, str(seen.facts.get("member"))))
            if key is not None:
                self.add_to(key, seen)

    def add_to(self, key: MemberKey, seen: Glimpse) -> None:
        """Take what lives for somebody."""
        streams = list(streams_of(seen))
        if streams:
            self._streams[key] += owned(streams, person_id(key))
            self._connections[key] += 1

    async def finish(self, slices: Slices) -> Sight:
        for key, streams in self._streams.items():
            person = self._people.get(key)
            if person is not None:
                self._people[key] = self._measured(person, streams)
            await slices.rest()
        ratings: dict[RoomKey, list[Rating]] = defaultdict(list)
        for person in self._people.values():
            rating = person.rating
            if person.room is not None and rating is not None:
                ratings[person.room].append(rating)
            await slices.rest()
        for room, found in ratings.items():
            if room in self._rooms:
                self._rooms[room] = rate(self._rooms[room], found)
        return Sight(self._rooms, self._people, dict(self._streams))

    def _measured(self, person: PersonSeen, streams: list[StreamSeen]) -> PersonSeen:
        """Return somebody with what the server itself knows; what a page has sent comes first."""
        quality = person.quality
        if quality is None:
            found = quality_of(streams, self._connections[person.key], self._now)
            quality = None if found is None else found.shown()
        return replace(person, streams=len(streams), quality=quality)

    def _add(self, person: PersonSeen) -> None:
        before = self._before.people.get(person.key)
        if before is not None and before == person:
            person = before
        self._people[person.key] = person
        if person.room in self.with_streams:
            self._by_peer[person.room, person.key.id] = person.key
