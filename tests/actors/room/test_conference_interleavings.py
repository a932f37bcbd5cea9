"""Whatever members, media and crashes do in whatever order, room, engine and members agree."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.core import ActorError, Request, StopChild
from actors.room.room import Join
from actors.words.facts import (
    Fact,
    Joined,
    OrderDone,
    Restarted,
    RoomClosed,
    SessionEnded,
    StreamAdded,
    StreamChanged,
    StreamRemoved,
)
from actors.words.keys import MEMBERS
from actors.words.orders import (
    ControlStream,
    ControlSubscription,
    EndStream,
    Offer,
    Order,
    Placed,
    StartRecording,
    Unpublish,
    Unsubscribe,
)
from actors.words.streams import AudioWanted, SourceChange, StatusChange, Stream, VideoWanted
from media.contract.session import Direction
from tests.actors.core.puppet import logged
from tests.fakes.media import FakeEngine
from tests.support.actors import open_house, poison, settle
from tests.support.conference import (
    KINDS,
    MANAGED,
    Hand,
    Meeting,
    Member,
    publish,
    subscribe,
)
from tests.support.examples import examples

NAMES = ("ann", "bob", "cid")
CRASHES = 3  # after one more the room would be given up
OPENING = (("publish", "ann"), ("publish", "bob"), ("subscribe", "cid"), ("subscribe", "ann"))
WHAT = (
    "publish", "publish", "subscribe", "subscribe", "subscribe", "unpublish", "unsubscribe", "hold",
    "hold stream", "switch", "record", "hang up", "fail", "crash", "lose", "leave", "enter",
    "end stream",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    what: str
    who: str
    number: int  # picks one of whatever there is
    turns: int


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(WHAT),
        st.sampled_from(NAMES),
        st.integers(0, 10),
        st.sampled_from([0, 0, 1, 3, 10, 60]),
    ),
    max_size=40,
)


@dataclass(eq=False)
class Busybody(Member):
    """Negotiates whatever it is granted, and keeps a view of the room as a client does."""

    streams: dict[str, Stream] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)  # own ones, "publish" or "subscribe"
    orders: int = 0
    asked: dict[str, str] = field(default_factory=dict)  # what each tag was for

    def give(self, order: Order, what: str = "") -> None:
        """Give an order without waiting for what becomes of it."""
        self.orders += 1
        tag = f"{what} {self.orders}"
        with suppress(ActorError):
            self.ref.tell(Hand(Placed(self.id, tag, order)))

    async def hear(self, fact: Fact) -> None:
        await super().hear(fact)
        match fact:
            case Joined(streams=streams):
                self.streams = {stream.id: stream for stream in streams}
                self.sessions = {}
            case StreamAdded(stream) | StreamChanged(stream):
                self.streams[stream.id] = stream
            case StreamRemoved(id_):
                del self.streams[id_]
            case Restarted() | RoomClosed():
                self.forget()
            case SessionEnded(id_):
                self.sessions.pop(id_, None)
            case OrderDone(tag, value):
                await self.go_on(tag.split(" ")[0], value)

    async def go_on(self, what: str, value: str | None) -> None:
        if what not in ("publish", "subscribe") or value is None:
            return
        self.sessions[value] = what
        direction = Direction.SEND if what == "publish" else Direction.RECEIVE
        self.give(Offer(value, await self.offer(value, direction, KINDS, ("opus", "vp8"))))

    def forget(self) -> None:
        self.streams, self.sessions = {}, {}

    def own(self, what: str, number: int) -> str:
        found = [id_ for id_, kind in self.sessions.items() if kind == what]
        return found[number % len(found)] if found else "none"

    def seen(self, number: int) -> str:
        return list(self.streams)[number % len(self.streams)] if self.streams else "none"


class Play:
    """Does steps without waiting for their outcome."""

    def __init__(self, meeting: Meeting, nursery: trio.Nursery) -> None:
        self.meeting = meeting
        self.members: dict[str, Busybody] = {}
        self.crashes = 0
        self.left = 0
        self._nursery = nursery

    async def enter(self, name: str) -> None:
        self.left += 1
        member = await self.meeting.member(f"{name}{self.left}", kind=Busybody)
        assert isinstance(member, Busybody)
        self.members[name] = member

    async def do(self, step: Step) -> None:
        member, number = self.members[step.who], step.number
        mine, taken = member.own("publish", number), member.own("subscribe", number)
        active = number % 2 == 0
        match step.what:
            case "publish":
                member.give(publish("audio", "video"), "publish")
            case "subscribe":
                one, two = member.seen(number), member.seen(number + step.turns)
                member.give(subscribe(one, two), "subscribe")
            case "unpublish":
                member.sessions.pop(mine, None)
                member.give(Unpublish(mine))
            case "unsubscribe":
                member.sessions.pop(taken, None)
                member.give(Unsubscribe(taken))
            case "hold":
                change = StatusChange(KINDS[number % 2], active)
                member.give(ControlSubscription(taken, (change,)))
            case "hold stream":
                member.give(ControlStream(mine, (StatusChange("video", active),)))
            case "switch":
                switch = SourceChange("video", member.seen(number + 1))
                member.give(ControlSubscription(taken, (switch,)))
            case "record":
                source = member.seen(number)
                self.manage(StartRecording("auto", AudioWanted(source), VideoWanted(source)))
            case "end stream":
                self.manage(EndStream(member.seen(number)))
            case "hang up" if mine in member.media:
                await member.media[mine].close()
            case "fail":
                served = sorted(self.meeting.served)
                if served:
                    self.meeting.engine.sessions[served[number % len(served)]].fail("a bug")
            case "crash" if self.crashes < CRASHES:
                self.crashes += 1
                room = self.meeting.house.system.registry.find(MANAGED)
                if room is not None:
                    with suppress(ActorError):
                        room.tell(poison())
            case "lose" if self.crashes < CRASHES:
                self.crashes += 1
                self.meeting.house.lose_next(MANAGED, but=Join)
            case "leave" | "enter":
                await self.leave(member)
                await self.enter(step.who)
        for _ in range(step.turns):
            await trio.lowlevel.checkpoint()

    async def leave(self, member: Busybody) -> None:
        peers = self.meeting.house.find(MEMBERS)
        await peers.ask(StopChild(member.ref.name, "gone"), within=30)

    def manage(self, request: Request[Any]) -> None:
        async def ask() -> None:
            with suppress(ActorError, AssertionError):
                await self.meeting.room.ask(request, within=5)

        self._nursery.start_soon(ask)


def play(script: list[Step], seconds: float, check: Callable[[Play], None]) -> None:
    async def main() -> None:
        engine = FakeEngine()
        engine.wiring_seconds = seconds
        async with open_house(engine=engine) as house, trio.open_nursery() as nursery:
            it = Play(Meeting(house, engine), nursery)
            for name in NAMES:
                await it.enter(name)
            for what, who in OPENING:
                await it.do(Step(what, who, 0, 1))
                await settle()
            for step in script:
                await it.do(step)
            await trio.sleep(60)  # asks, offers and recoveries are over then
            await settle()
            check(it)
        assert engine.recordings == {}

    with logged():
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def check_agreement(it: Play) -> None:
    """Hold that room, engine and members tell the same of streams, sessions and what flows."""
    meeting = it.meeting
    cell = meeting.house.system.registry.cell_at(MANAGED)
    assert cell is not None
    room: Any = cell.life.actor
    conference = room._conference._conference
    assert set(room._state.members) == {member.id for member in it.members.values()}
    for member in it.members.values():
        assert member.streams == conference.streams, member.id
        own = {
            id_: what
            for what, table in (
                ("publish", conference.publications),
                ("subscribe", conference.subscriptions),
            )
            for id_, session in table.items()
            if session.owner == member.id
        }
        assert member.sessions == own
    sessions = conference.publications.keys() | conference.subscriptions.keys()
    assert meeting.served == sessions
    assert set(meeting.engine.recordings) == set(conference.recordings)
    expected = {}
    for id_, output in (conference.subscriptions | conference.recordings).items():
        for kind, source in output.sources.items():
            sink = f"{id_}/out/{KINDS.index(kind)}"
            if id_ in conference.recordings:
                sink = f"{id_}.{kind}"
            if conference.flows(id_, kind):
                expected[sink] = f"{source}/in/{KINDS.index(kind)}"
    assert meeting.sinks() == expected
    children = set() if cell.life.children is None else set(cell.life.children.by_name)
    assert children == sessions | {f"recording:{id_}" for id_ in conference.recordings}


@settings(max_examples=examples(150), deadline=None)
@given(STEPS, st.sampled_from([0.0, 0.001, 2.0]))
def test_room_engine_and_members_agree_in_the_end(script: list[Step], seconds: float) -> None:
    play(script, seconds, check_agreement)
