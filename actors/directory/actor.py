"""The actor of the directory: takes what it is asked to who knows, and hears of ends.

It finds or spawns, and never waits for a room, a member or an endpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from actors.core import Actor, Down, Message
from actors.directory.closings import Closings
from actors.directory.endpoints import Endpoints, EndpointTable
from actors.directory.members import Members
from actors.directory.messages import (
    Admit,
    CloseByOperator,
    CountUsers,
    ExpelMember,
    FindEndpoints,
    FindMembers,
    Identified,
    LetBack,
    ListClosings,
    OpenAgain,
    OpenEndpoint,
    OpenMember,
    OpenRoom,
    RoomOf,
)
from actors.directory.opening import Opening
from actors.directory.operating import Operating
from actors.directory.rooms import Rooms
from actors.room.site_services import SiteServices
from actors.streams.services import MediaServices
from actors.words.keys import MemberKey, RoomKey
from actors.words.limits import ActorLimits


class DirectoryActor(Actor[Message]):
    """One for all realms. `endpoints` and `closings` are tables that its incarnations hand on."""

    kind = "directory"
    accepts = (
        Admit, OpenRoom, OpenMember, Identified, FindMembers, CountUsers, OpenEndpoint,
        FindEndpoints, CloseByOperator, ListClosings, OpenAgain, ExpelMember, LetBack, RoomOf,
    )  # fmt: skip

    def __init__(
        self,
        limits: Callable[[], ActorLimits],
        media: MediaServices,
        endpoints: EndpointTable,
        site: SiteServices,
        closings: Closings,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        opening = Opening(self, limits)
        self._unix_time = unix_time
        self._closings = closings
        self._rooms = Rooms(self, opening, media, site, self._check_room)
        self._members = Members(self, opening, self._check_member)
        self._endpoints = Endpoints(self, opening, endpoints)
        self._operating = Operating(self, opening, self._rooms, closings, unix_time)

    async def setup(self) -> None:
        self._endpoints.watch_again()

    async def handle(self, message: Message) -> object:
        match message:
            case Admit():
                await self._rooms.admit(message)
            case OpenRoom(spec):
                return await self._rooms.open(spec)
            case OpenMember():
                return await self._members.open(message)
            case Identified(member, realm, user):
                self._members.identify(member, realm, user)
            case FindMembers(realm, user):
                return self._members.users.of(realm, user)
            case CountUsers(realm):
                return self._members.users.owners_in(realm)
            case OpenEndpoint():
                return await self._endpoints.open(message)
            case FindEndpoints(realm, owner):
                return self._endpoints.table.of(realm, owner)
            case CloseByOperator():
                return self._operating.close(message)
            case ListClosings():
                return self._closings.closed(self._unix_time())
            case OpenAgain(key):
                return self._closings.open_again(key, self._unix_time())
            case ExpelMember():
                self._operating.expel(message)
            case LetBack(member_key):
                return self._closings.let_back(member_key, self._unix_time())
            case RoomOf(of):
                rooms = self._rooms
                made = rooms.made(of) if isinstance(of, RoomKey) else rooms.with_member(of)
                return None if made is None else made.spec
        return None

    async def on_down(self, down: Down) -> None:
        self._members.users.forget(down.ref)
        self._endpoints.table.forget(down.ref)
        if not down.restarting:
            self._rooms.forget(down.ref)

    def snapshot(self) -> Mapping[str, object]:
        return {
            "rooms": len(self._rooms),
            "users": self._members.users.owners,
            "endpoints": len(self._endpoints.table),
            "owners": self._endpoints.table.owners,
            "closed": len(self._closings.closed(self._unix_time())),
            "put_out": self._closings.people,
        }

    def _check_room(self, key: RoomKey) -> None:
        self._closings.check_room(key, self._unix_time())

    def _check_member(self, key: MemberKey) -> None:
        self._closings.check_member(key, self._unix_time())
