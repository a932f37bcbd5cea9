"""A house of real actors on the memory store, with clients that note what they are shown."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import trio
import trio.testing

from actors import tree as house
from actors.core import Actor, ActorError, ActorSystem, Message, Ref, open_system
from actors.directory.messages import OpenEndpoint, OpenMember
from actors.endpoint.endpoint import Attach, EndpointSpec, ResumeDelivery
from actors.endpoint.outbox import OutboxLimits
from actors.endpoint.rules import Delivery, EndpointTerms, Owner, Quota
from actors.member.absence import AbsenceTerms
from actors.member.client import TooSlow
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import Adopt, Enter, Exit, PlaceOrder, Post, RefuseSecond
from actors.member.profile import Profile
from actors.room.room import Present
from actors.room.site_services import USUAL_SERVICES, SiteServices
from actors.streams.services import MediaServices, RecordingsFolder
from actors.words.close_reasons import CloseReason
from actors.words.facts import (
    Extra,
    Fact,
    Joined,
    PeerJoined,
    PeerLeft,
    Presence,
    RoomChanged,
    RoomClosed,
    Said,
)
from actors.words.keys import DIRECTORY, EndpointKey, MemberKey, RoomKey
from actors.words.limits import ActorLimits
from actors.words.orders import Say, SetPin
from actors.words.rooms import RoomSpec
from media.contract.engine import MediaEngine
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.saboteur import Boom

REALM = "test"
OWNER = Owner("acme", "ann")
LIMITS = ActorLimits()
GRACE = 10.0
ENTER_SECONDS = 60.0
PEER = Profile(REALM, REALM, account=True, terms=AbsenceTerms(echo_seconds=GRACE))

settle = trio.testing.wait_all_tasks_blocked


@dataclass(eq=False)
class RecordingClient:
    """Notes facts and goodbyes; keeps the list of members as a real client would."""

    facts: list[Fact] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    members: set[str] = field(default_factory=set)
    full: bool = False  # its socket takes no more
    gone: bool = False  # its socket went while its peer was being opened

    def show(self, fact: Fact) -> None:
        if self.full:
            raise TooSlow
        self.facts.append(fact)
        match fact:
            case Joined(_, _, members):
                self.members = {presence.peer for presence in members}
            case PeerJoined(presence):
                self.members.add(presence.peer)
            case PeerLeft(peer, _):
                self.members.discard(peer)
            case RoomClosed():
                self.members.clear()

    def close(self, reason: CloseReason) -> None:
        self.closed.append(reason)

    def shown(self, *kinds: type[Fact]) -> list[Fact]:
        """Return the facts of these kinds, in order."""
        return [fact for fact in self.facts if isinstance(fact, kinds)]

    def clear(self) -> None:
        """Forget the facts so far."""
        self.facts.clear()

    @property
    def chats(self) -> list[bytes]:
        said = (fact.extra for fact in self.facts if isinstance(fact, Said))
        return [extra.body for extra in said if extra is not None]

    @property
    def pins(self) -> list[str | None]:
        return [fact.pin for fact in self.facts if isinstance(fact, RoomChanged)]


@dataclass(eq=False)
class Listener:
    """A subscriber of an endpoint that notes what it is shown; `room` is how much more it takes."""

    room: float = float("inf")
    shown: list[Delivery] = field(default_factory=list)
    closed: list[CloseReason] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # the same ends, as the log has them
    gone: bool = False

    def deliver(self, delivery: Delivery) -> bool:
        if not self.room:
            return False
        self.room -= 1
        self.shown.append(delivery)
        return True

    def close(self, reason: CloseReason, words: str) -> None:
        self.closed.append(reason)
        self.words.append(words)

    @property
    def payloads(self) -> list[bytes]:
        return [delivery.payload for delivery in self.shown]

    @property
    def numbers(self) -> list[int]:
        return [delivery.sequence for delivery in self.shown]


@dataclass
class Person:
    """A peer and its client."""

    id: str
    ref: Ref[Any]
    client: RecordingClient

    async def enter(self, room: str = "blue", pin: str = "", **other: Any) -> None:
        """Join a room. Raises its refusal."""
        await self.ref.ask(Enter(spec(room, **other), f"{self.id} enters", pin=pin), within=60)

    def leave(self) -> None:
        self.ref.tell(Exit())
        self.client.members.clear()

    async def lock(self, pin: str | None, room: str = "blue") -> None:
        """Set the PIN of the room, and wait until everyone has heard of it."""
        await self.ref.ask(PlaceOrder(SetPin(room, "lock", pin)), within=5)
        await settle()

    def say(self, document: bytes) -> None:
        self.ref.tell(Post(Say("", extra=Extra(REALM, document))))


@dataclass
class House:
    """A running system, and the short ways into it."""

    system: ActorSystem

    def find(self, path: str) -> Ref[Any]:
        """Return the live actor at this path, which must exist."""
        ref = self.system.registry.find(path)
        assert ref is not None, path
        return ref

    def room(self, name: str = "blue") -> Ref[Any]:
        return self.find(key(name).path)

    def has_room(self, name: str = "blue") -> bool:
        return self.system.registry.find(key(name).path) is not None

    def facts(self, path: str) -> dict[str, Any]:
        """Return what the actor at this path tells of itself."""
        cell = self.system.registry.cell_at(path)
        assert cell is not None, path
        return dict(cell.life.actor.snapshot())

    def members(self, name: str = "blue") -> set[str]:
        """Return who the room itself takes for its members."""
        cell = self.system.registry.cell_at(key(name).path)
        assert cell is not None
        return set(cast("Any", cell.life.actor)._state.members)

    async def open(
        self, id_: str, user: str = "", *, gone: bool = False, full: bool = False
    ) -> Person:
        """Open a peer, or take over the one that has this id."""
        client = RecordingClient(gone=gone, full=full)
        order = OpenMember(
            MemberKey(REALM, id_),
            lambda: Member(Identity(id_, user, callable=True), PEER, client),
            Adopt(client, user, GRACE),
        )
        person = Person(id_, await self.find(DIRECTORY).ask(order, within=5), client)
        await settle()
        return person

    async def open_participant(self, id_: str, *, resume_seconds: float = 0) -> Person:
        """Open a participant, which ends with its client, or so much later."""
        client = RecordingClient()
        profile = participant_profile(AbsenceTerms(resume_seconds))
        order = OpenMember(
            MemberKey(REALM, id_), lambda: Member(Identity(id_), profile, client), RefuseSecond()
        )
        person = Person(id_, await self.find(DIRECTORY).ask(order, within=5), client)
        await settle()
        return person

    async def open_endpoint(self, id_: str = "line", keep_alive: float = 600) -> Listener:
        """Register an endpoint of OWNER, or renew it, and have somebody listen there."""
        spec = EndpointSpec(
            EndpointKey(REALM, id_), OWNER, EndpointTerms(keep_alive), lambda: b"{}", OutboxLimits()
        )
        endpoint = await self.find(DIRECTORY).ask(OpenEndpoint(spec, Quota()), within=5)
        await settle()
        listener = Listener()
        with suppress(ActorError):  # one that is to crash has crashed
            await endpoint.ask(Attach(listener, OWNER), within=5)
            endpoint.tell(ResumeDelivery(listener))
        await settle()
        return listener

    async def people(self, *ids: str, room: str = "blue", pin: str = "") -> list[Person]:
        """Open peers that are in one room; what they were shown so far is forgotten."""
        found = []
        for id_ in ids:
            found.append(await self.open(id_))
            await found[-1].enter(room, pin)
        await settle()
        for person in found:
            person.client.clear()
        return found

    async def fill(self, path: str, message: Message) -> None:
        """Fill the mailbox of an actor whose handlers are held."""
        ref = self.find(path)
        ref.tell(message)
        await settle()  # that one is in the handler now
        cell = self.system.registry.cell_at(path)
        assert cell is not None
        for _ in range(cell.mailbox.capacity - cell.mailbox.depth):
            ref.tell(message)

    def lose_next(self, path: str, but: type[Message] | None = None) -> None:
        """Have the actor at this path, if there is one, crash over its next message.

        Messages of the type `but` are spared.
        """
        cell = self.system.registry.cell_at(path)
        if cell is None:
            return
        actor: Any = cell.life.actor
        handle = actor.handle

        async def stumble(message: Message) -> object:
            if but is not None and isinstance(message, but):
                return await handle(message)
            raise Boom("a secret")

        actor.handle = stumble

    async def crash_room(self, name: str = "blue") -> None:
        """Make the room crash over a bug, and wait until everyone has heard of it."""
        self.room(name).tell(poison())
        await settle()


def participant_profile(terms: AbsenceTerms, note: str = "") -> Profile:
    """Return what a member with streams is."""
    return Profile(
        REALM,
        REALM,
        "participant",
        streams=True,
        bound_to_room=True,
        enter_seconds=ENTER_SECONDS,
        terms=terms,
        note=note,
    )


def poison() -> Present:
    """Return a message that a room crashes over."""
    return Present(cast("Presence", None))


def key(room: str = "blue") -> RoomKey:
    return RoomKey(REALM, room)


def spec(room: str = "blue", **other: Any) -> RoomSpec:
    return RoomSpec(key(room), room.title(), **{"dialect": REALM, **other})


def memory_store(_folder: Path) -> MemoryStore:
    return MemoryStore()


@asynccontextmanager
async def open_house(
    limits: ActorLimits = LIMITS,
    engine: MediaEngine | None = None,
    store: Callable[[Path], Actor[Message]] = memory_store,
    site: SiteServices = USUAL_SERVICES,
    unix_time: Callable[[], float] = time.time,
    **media: Any,
) -> AsyncIterator[House]:
    """Run what there is at the start, as the server does; on a fake engine if none is given.

    The store may use the folder.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        services = MediaServices(engine or FakeEngine(), RecordingsFolder(folder), **media)
        specs = house.children(
            lambda: limits, services, lambda: store(folder), site, unix_time=unix_time
        )
        async with AsyncExitStack() as stack:
            with threads_keep_up():
                system = await stack.enter_async_context(open_system(specs, grace=5))
            yield House(system)


@contextmanager
def threads_keep_up() -> Iterator[None]:
    """Have a clock that tests run ahead stand still, while threads look through a folder."""
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, trio.testing.MockClock):
        yield
        return
    threshold, clock.autojump_threshold = clock.autojump_threshold, float("inf")
    try:
        yield
    finally:
        clock.autojump_threshold = threshold
