"""The directory, for whoever is outside an actor: the only place that asks the registry for rooms,
members and endpoints.

All of it is async, also what needs no wait in one process: with several, what is found may live
elsewhere, and only this file will know. A `Ref` is good on any node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from actors.core import Actor, ActorError, Glimpse, Message, Ref, Registry, Request, StopChild
from actors.directory.messages import (
    CloseByOperator,
    CountUsers,
    ExpelMember,
    FindEndpoints,
    FindMembers,
    LetBack,
    ListClosings,
    OpenAgain,
    OpenEndpoint,
    OpenMember,
    OpenRoom,
    RoomOf,
)
from actors.endpoint.endpoint import EndpointSpec
from actors.endpoint.rules import Owner, Quota
from actors.words.closings import Closing, Expel
from actors.words.keys import (
    DIRECTORY,
    ENDPOINTS,
    MEMBERS,
    ROOMS,
    EndpointKey,
    MemberKey,
    RoomKey,
    in_realm,
)
from actors.words.limits import ActorLimits
from actors.words.orders import CloseRoom
from actors.words.refusals import Busy
from actors.words.rooms import RoomSpec

R = TypeVar("R")


class Directory:
    """Finds, opens and ends.

    What it has to ask for takes at most `ask_seconds` of the limits and raises what `Ref.ask`
    raises, and Busy while there is nobody to ask.
    """

    __slots__ = ("_limits", "_registry")

    def __init__(self, registry: Registry, limits: Callable[[], ActorLimits]) -> None:
        self._registry = registry
        self._limits = limits

    # --- rooms

    async def room(self, key: RoomKey) -> Ref[Any] | None:
        """Find a live room; one that nobody is in may not live."""
        return self._registry.find(key.path)

    async def rooms(self, realm: str) -> list[Ref[Any]]:
        """Return the live rooms of a realm, the oldest first."""
        return self._in_realm(ROOMS, realm)

    async def open_room(self, spec: RoomSpec) -> Ref[Any]:
        """Return the room of the spec's key: the live one, or a new one that nobody is in.

        Raises TooManyRooms, Busy.
        """
        return await self._ask(OpenRoom(spec))

    async def close_room(self, key: RoomKey, reason: str) -> None:
        """End a room, also one that crashes over it or does not answer; raises nothing.

        Whoever is in it hears so. One that takes its time to finalise recordings ends behind.
        """
        room = await self.room(key)
        if room is None:
            return
        within = self._limits().ask_seconds
        with suppress(ActorError):
            await room.ask(CloseRoom(reason), within=within)
        rooms = self._registry.find(ROOMS)
        if rooms is not None and await self.room(key) is not None:
            with suppress(ActorError):  # a room that hangs is cut off by its supervisor
                await rooms.ask(StopChild(key.slug, reason), within=within)

    # --- what the operator orders

    async def close_room_by_operator(
        self, key: RoomKey, text: str, seconds: float, by: str = ""
    ) -> Closing:
        """Close a room by its name for so many seconds; one that lives ends behind.

        Its members hear `text`, and nobody comes in before the time is over or it is opened again.
        Raises TooManyClosings, Busy.
        """
        return await self._ask(CloseByOperator(key, seconds, text, by))

    async def closed_rooms(self) -> tuple[Closing, ...]:
        """Return the rooms that are closed, the first closed first."""
        return await self._ask(ListClosings())

    async def open_again(self, key: RoomKey) -> bool:
        """Let a closed room be opened; return whether it was closed."""
        return await self._ask(OpenAgain(key))

    async def put_out(self, key: MemberKey, order: Expel, seconds: float) -> None:
        """End a member, who hears why; for so many seconds nobody goes on as this one.

        Raises MemberUnknown, Busy.
        """
        await self._ask(ExpelMember(key, seconds, order))

    async def let_back(self, key: MemberKey) -> bool:
        """Let somebody go on who was put out; return whether he was."""
        return await self._ask(LetBack(key))

    async def room_of(self, key: RoomKey | MemberKey) -> RoomSpec | None:
        """Return what a live room was made from, or that which somebody is in, if there is one."""
        return await self._ask(RoomOf(key))

    # --- members

    async def member(self, key: MemberKey) -> Ref[Any] | None:
        """Find a live member, its client connected or away."""
        return self._registry.find(key.path)

    async def members(self, realm: str) -> list[Ref[Any]]:
        """Return the live members of a realm, the oldest first."""
        return self._in_realm(MEMBERS, realm)

    async def members_of(self, realm: str, user: str) -> tuple[Ref[Message], ...]:
        """Return the live members of a user."""
        return await self._ask(FindMembers(realm, user))

    async def count_users(self, realm: str) -> int:
        """Return how many users have a live member in a realm."""
        return await self._ask(CountUsers(realm))

    async def count(self) -> tuple[int, int]:
        """Return how many rooms and how many members there are, of all realms."""
        return self._registry.count_children(ROOMS), self._registry.count_children(MEMBERS)

    async def open_member(
        self, key: MemberKey, factory: Callable[[], Actor[Message]], takeover: Request[None]
    ) -> Ref[Message]:
        """Return the member of this key: the live one, once it has taken `takeover`, or a new one.

        Raises TooManyPeers, Busy, and what the takeover is refused with.
        """
        return await self._ask(OpenMember(key, factory, takeover))

    async def tell_members(self, message: Message) -> None:
        """Tell every live member of every realm; whoever cannot take it misses it."""
        for member in self._registry.children(MEMBERS):
            with suppress(ActorError):
                member.tell(message)

    # --- endpoints

    async def endpoint(self, key: EndpointKey) -> Ref[Any] | None:
        """Find a live endpoint, whoever's it is: what it is asked names an owner."""
        return self._registry.find(key.path)

    async def endpoints(self, realm: str) -> list[Ref[Any]]:
        """Return the live endpoints of a realm, the oldest first."""
        return self._in_realm(ENDPOINTS, realm)

    async def endpoints_of(self, realm: str, owner: Owner) -> tuple[Ref[Message], ...]:
        """Return the live endpoints of an owner, the oldest first."""
        return await self._ask(FindEndpoints(realm, owner))

    async def open_endpoint(self, spec: EndpointSpec, quota: Quota) -> Ref[Message]:
        """Return the endpoint of this id: a new one, or the same owner's live one, renewed.

        Raises EndpointTaken, TooManyEndpoints, Busy.
        """
        return await self._ask(OpenEndpoint(spec, quota))

    # --- looking on: what they tell of themselves, for the operator; without a wait

    def look_at_rooms(self) -> Iterator[Glimpse]:
        """Yield every live room of every realm, the oldest first; see `Registry.glimpses`."""
        return self._registry.glimpses(ROOMS)

    def look_at_members(self) -> Iterator[Glimpse]:
        """Yield every live member of every realm, the oldest first."""
        return self._registry.glimpses(MEMBERS)

    def look_at_endpoints(self) -> Iterator[Glimpse]:
        """Yield every live endpoint of every realm, the oldest first."""
        return self._registry.glimpses(ENDPOINTS)

    def look_at(self, key: RoomKey | MemberKey) -> Glimpse | None:
        """Return a live room or member as it is just now."""
        return self._registry.glimpse(key.path)

    def look_inside(self, seen: Glimpse) -> Iterator[Glimpse]:
        """Yield what lives in a room or below a member: connections, calls, recordings …"""
        return self._registry.glimpses(seen.path)

    # ---

    def _in_realm(self, parent: str, realm: str) -> list[Ref[Any]]:
        return [ref for ref in self._registry.children(parent) if in_realm(ref.name, realm)]

    async def _ask(self, question: Request[R]) -> R:
        directory = self._registry.find(DIRECTORY)
        if directory is None:
            raise Busy  # it restarts, or the server is going down
        answer: R = await directory.ask(question, within=self._limits().ask_seconds)
        return answer


def tell_directory(registry: Registry, message: Message) -> None:
    """Tell the directory, from within an actor. Raises Busy when it cannot take more."""
    directory = registry.find(DIRECTORY)
    try:
        if directory is None:
            raise Busy
        directory.tell(message)
    except ActorError:
        raise Busy from None


def key_at(path: str) -> RoomKey | MemberKey | None:
    """Return which room or member lives at a path, or above it; None where it is neither's."""
    kinds: dict[str, type[RoomKey | MemberKey]] = {ROOMS: RoomKey, MEMBERS: MemberKey}
    for parent, kind in kinds.items():
        slug = path.removeprefix(f"{parent}/").partition("/")[0]
        if path.startswith(f"{parent}/") and ":" in slug:
            with suppress(ValueError):  # no actor is called so
                return kind.from_slug(slug)
    return None
