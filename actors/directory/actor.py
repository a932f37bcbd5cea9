"""The actor of the directory: takes what it is asked to who knows, and hears of ends.

It finds or spawns, and never waits for a room, a member or an endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from actors.core import Actor, Down, Message
from actors.directory.endpoints import Endpoints, EndpointTable
from actors.directory.members import Members
from actors.directory.messages import (
    Admit,
    CountUsers,
    FindEndpoints,
    FindMembers,
    Identified,
    OpenEndpoint,
    OpenMember,
    OpenRoom,
)
from actors.directory.opening import Opening
from actors.directory.rooms import Rooms
from actors.room.site import SiteServices
from actors.streams.services import MediaServices
from actors.words.limits import ActorLimits


class DirectoryActor(Actor[Message]):
    """One for all realms. `endpoints` is the table that its incarnations hand on."""

    kind = "directory"
    accepts = (
        Admit, OpenRoom, OpenMember, Identified, FindMembers, CountUsers, OpenEndpoint,
        FindEndpoints,
    )  # fmt: skip

    def __init__(
        self,
        limits: Callable[[], ActorLimits],
        media: MediaServices,
        endpoints: EndpointTable,
        site: SiteServices,
    ) -> None:
        opening = Opening(self, limits)
        self._rooms = Rooms(self, opening, media, site)
        self._members = Members(self, opening)
        self._endpoints = Endpoints(self, opening, endpoints)

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
        }
