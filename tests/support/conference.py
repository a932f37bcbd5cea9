"""Members of a room with streams, who note what they are told and negotiate on a fake engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

import trio

from actors.core import Actor, ActorError, ChildSpec, Down, Message, Ref, Request, Spawn
from actors.directory.messages import Admit
from actors.room.room import FromRoom, Leave, Rejoin
from actors.words.facts import (
    Fact,
    Joined,
    JoinRefused,
    OrderDone,
    OrderRefused,
    Presence,
    Restarted,
    SessionAnswered,
    SessionReady,
)
from actors.words.keys import DIRECTORY, MEMBERS, ROOMS, MemberKey, RoomKey
from actors.words.orders import Offer, Order, Placed, Publish, Subscribe
from actors.words.permission import Abilities, Permission
from actors.words.rooms import Admission, ConferenceRules, RoomSpec
from actors.words.streams import AudioWanted, Stream, VideoWanted
from media.contract.errors import WrongState
from media.contract.session import Direction, SessionWanted, TrackWanted
from tests.fakes.media import FakeEngine
from tests.fakes.media_session import FakeSession
from tests.support.actors import House, open_house, settle

F = TypeVar("F", bound=Fact)

REALM = "owt"
ROOM = "507f1f77bcf86cd799439011"
EVERYTHING = Permission(Abilities(True, True), Abilities(True, True))
RULES = ConferenceRules(
    audio_in=frozenset({"opus", "pcmu", "pcma", "g722"}),
    video_in=frozenset({"vp8", "h264"}),
    views=("common",),
)
MANAGED = f"{ROOMS}/{REALM}:{ROOM}"
KINDS = ("audio", "video")
deal = count(1)


def conference_spec(rules: ConferenceRules = RULES, **other: Any) -> RoomSpec:
    return RoomSpec(
        RoomKey(REALM, ROOM), "Blue", "Room", expiry_seconds=30.0, conference=rules, **other
    )


@dataclass(frozen=True, slots=True)
class Hand(Message):
    """Hand this to the room."""

    message: Message


class MemberActor(Actor[Message]):
    """A participant without a client: keeps facts, and answers a room that restarted."""

    accepts = (FromRoom, JoinRefused, Hand)

    def __init__(self, member: Member) -> None:
        self._member = member

    async def handle(self, message: Message) -> None:
        member = self._member
        if member.gate is not None:
            await member.gate.wait()
        match message:
            case FromRoom(room, fact):
                if isinstance(fact, Joined):
                    member.room = room
                    self.ctx.watch(room)
                elif isinstance(fact, Restarted):
                    member.incarnation = fact.incarnation
                    if member.returns:
                        member.come_back()
                await member.hear(fact)
            case JoinRefused():
                await member.hear(message)
            case Hand(order) if member.room is not None:
                with suppress(ActorError):
                    member.room.tell(order)

    async def on_down(self, down: Down) -> None:
        self._member.downs.append(down)
        self._member.forget()


@dataclass(eq=False)
class Member:
    """One member: `facts` is all it was told; answers are taken to `media` where it negotiates."""

    house: House
    engine: FakeEngine
    presence: Presence
    ref: Ref[Any] = None  # type: ignore[assignment]
    room: Ref[Any] | None = None
    facts: list[Fact] = field(default_factory=list)
    downs: list[Down] = field(default_factory=list)
    media: dict[str, FakeSession] = field(default_factory=dict)
    answers: bool = True  # whether it takes answers to its offers
    returns: bool = True  # whether it answers a room that restarted
    incarnation: int = 1  # of the room
    gate: trio.Event | None = None  # while it is there, nothing is heard

    @property
    def id(self) -> str:
        return self.presence.peer

    async def hear(self, fact: Fact) -> None:
        self.facts.append(fact)
        if isinstance(fact, SessionAnswered) and self.answers and fact.session in self.media:
            with suppress(WrongState):  # it has hung up meanwhile
                await self.media[fact.session].accept_answer(fact.sdp)

    def told(self, *kinds: type[F]) -> list[F]:
        """Return the facts of these kinds, in order."""
        return [fact for fact in self.facts if isinstance(fact, kinds)]

    def clear(self) -> None:
        self.facts.clear()

    async def order(self, order: Order) -> str | None:
        """Give an order and return what it says. Raises its refusal."""
        tag = str(next(deal))
        self.ref.tell(Hand(Placed(self.id, tag, order)))
        await settle()
        for fact in self.told(OrderDone, OrderRefused):
            if fact.tag == tag:
                if isinstance(fact, OrderRefused):
                    raise fact.refusal
                return fact.value
        raise AssertionError(f"{type(order).__name__} is not answered")

    def forget(self) -> None:
        """Take it that all streams and sessions have ended with the room's incarnation."""

    def come_back(self) -> None:
        assert self.room is not None
        with suppress(ActorError):
            self.room.tell(Rejoin(self.ref, self.presence, self.incarnation))

    async def leave(self) -> None:
        assert self.room is not None
        self.room.tell(Leave(self.ref, self.id, gone=True))
        await settle()

    async def publish(self, *kinds: str, codecs: tuple[str, ...] = ("opus", "vp8")) -> str:
        """Publish and negotiate; return the stream's id once it is ready."""
        kinds = kinds or KINDS
        id_ = await self.order(publish(*kinds))
        assert id_ is not None
        await self.negotiate(id_, Direction.SEND, kinds, codecs)
        return id_

    async def subscribe(
        self,
        audio: str | None = None,
        video: str | None = None,
        codecs: tuple[str, ...] = ("opus", "vp8"),
    ) -> str:
        """Subscribe and negotiate; return the subscription's id once it is ready."""
        id_ = await self.order(subscribe(audio, video))
        assert id_ is not None
        kinds = tuple(kind for kind, it in (("audio", audio), ("video", video)) if it)
        await self.negotiate(id_, Direction.RECEIVE, kinds, codecs)
        return id_

    async def negotiate(
        self, session: str, direction: Direction, kinds: tuple[str, ...], codecs: tuple[str, ...]
    ) -> None:
        """Offer; what becomes of it is among the facts."""
        sdp = await self.offer(session, direction, kinds, codecs)
        await self.order(Offer(session, sdp))
        await settle()

    async def offer(
        self, session: str, direction: Direction, kinds: tuple[str, ...], codecs: tuple[str, ...]
    ) -> str:
        """Return the text of an offer for a session."""
        known = {"audio": ("opus", "g722", "pcmu", "pcma"), "video": ("vp8", "h264")}
        tracks = tuple(
            TrackWanted(kind, direction, tuple(name for name in codecs if name in known[kind]))
            for kind in kinds
        )
        name = f"client/{session}/{next(deal)}"
        client = await self.engine.open_session(name, SessionWanted(tracks), lambda event: None)
        self.media[session] = client
        return (await client.create_offer()).sdp

    def is_ready(self, session: str) -> bool:
        return SessionReady(session) in self.facts


def publish(*kinds: str, **other: Any) -> Publish:
    audio, video = ("mic" if "audio" in kinds else None, "camera" if "video" in kinds else None)
    return Publish(audio, video, **other)


def subscribe(audio: str | None = None, video: str | None = None) -> Subscribe:
    return Subscribe(
        AudioWanted(audio) if audio else None,
        VideoWanted(video) if video else None,
    )


@dataclass
class Meeting:
    """A house on a fake engine, and who is in its one room."""

    house: House
    engine: FakeEngine

    async def member(
        self,
        name: str,
        permission: Permission = EVERYTHING,
        spec: RoomSpec | None = None,
        kind: type[Member] = Member,
    ) -> Member:
        """Bring in a member. What it was told so far is kept."""
        presence = Presence(name, name.title(), role="presenter", permission=permission)
        member = kind(self.house, self.engine, presence)
        child = ChildSpec(MemberKey(REALM, name).slug, lambda: MemberActor(member))
        member.ref = await self.house.find(MEMBERS).ask(Spawn(child), within=5)
        order = Admit(member.ref, spec or conference_spec(), Admission(presence), "login")
        self.house.find(DIRECTORY).tell(order)
        await settle()
        return member

    async def members(self, *names: str) -> list[Member]:
        """Bring in several; what they were told so far is forgotten."""
        found = [await self.member(name) for name in names]
        for member in found:
            member.clear()
        return found

    @property
    def room(self) -> Ref[Any]:
        return self.house.find(MANAGED)

    async def manage(self, request: Request[Any], within: float = 5) -> Any:
        """Ask the room as a management API does, and wait until everybody has heard."""
        answer = await self.room.ask(request, within=within)
        await settle()
        return answer

    @property
    def served(self) -> set[str]:
        """The room's own sessions that are open."""
        return {id_ for id_ in self.engine.sessions if not id_.startswith("client/")}

    def sinks(self) -> dict[str, str]:
        """Return what is attached to what, and flows."""
        return {
            sink: source
            for sink, source in self.engine.attached.items()
            if sink not in self.engine.paused
        }


@asynccontextmanager
async def open_meeting(**media: Any) -> AsyncIterator[Meeting]:
    """Run a house on a fake engine, for one room; nothing of it may be left open."""
    engine = FakeEngine()
    async with open_house(engine=engine, **media) as house:
        meeting = Meeting(house, engine)
        yield meeting
    assert meeting.served == set(), "a session was left open"


def streams_of(member: Member) -> tuple[Stream, ...]:
    """Return the streams of the room as the member saw them on arrival."""
    return member.told(Joined)[-1].streams


async def pause(seconds: float) -> None:
    """Let time pass, on a clock that jumps."""
    await trio.sleep(seconds)
    await settle()
