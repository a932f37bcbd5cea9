"""A participant: orders and their answers, what it is shown, how it is away and comes back."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import (
    Actor,
    ActorStopped,
    AskTimeout,
    ChildSpec,
    Message,
    Ref,
    Refused,
    Restart,
    Spawn,
    StopChild,
)
from actors.directory.messages import OpenMember
from actors.member.absence import AbsenceTerms
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import (
    End,
    Enter,
    Lost,
    PlaceOrder,
    RefuseSecond,
    Resume,
    Resumed,
    ResumeRefused,
)
from actors.member.orders_open import ORDERS_OPEN
from actors.room.room import FromRoom, Join, Leave, Rejoin
from actors.words.conference_refusals import StreamUnknown, TooManyStreams
from actors.words.facts import (
    Dropped,
    Fact,
    Joined,
    JoinRefused,
    MediaLost,
    OrderDone,
    OrderRefused,
    PermissionSet,
    Restarted,
    RoomClosed,
    RoomView,
    Said,
    SessionEnded,
    SessionReady,
    StreamAdded,
    StreamRemoved,
)
from actors.words.keys import DIRECTORY, ROOMS, MemberKey, RoomKey
from actors.words.orders import Offer, Order, Placed, Publish, Say, Subscribe, Unpublish
from actors.words.permission import NO_MEDIA, Abilities, Permission
from actors.words.refusals import Busy, NotInRoom, RoomFull
from actors.words.rooms import RoomSpec
from actors.words.streams import SessionEnd, Stream
from tests.support.actors import (
    ENTER_SECONDS,
    House,
    RecordingClient,
    open_house,
    participant_profile,
    settle,
)

KEY = RoomKey("test", "conference")
SPEC = RoomSpec(KEY, "Conference")
EVERYTHING = Permission(Abilities(True, True), Abilities(True, True))
PUBLISH = Publish("mic", "camera")
TEXT = Say("hello", echoed=True)


def stream(id_: str, owner: str = "bob") -> Stream:
    return Stream(id_, owner, None, None)


@dataclass(eq=False)
class Script:
    """What a room has heard, and what it does by itself."""

    heard: list[Message] = field(default_factory=list)
    streams: tuple[Stream, ...] = ()
    lets_in: bool = True
    joined: list[Ref[Any]] = field(default_factory=list)

    def orders(self) -> list[Placed]:
        return [message for message in self.heard if isinstance(message, Placed)]


@dataclass(frozen=True, slots=True)
class Crash(Message):
    pass


class ScriptedRoom(Actor[Message]):
    """Lets everybody in and answers nothing; the test speaks for it."""

    accepts = (Message,)

    def __init__(self, script: Script) -> None:
        self.script = script

    async def setup(self) -> None:
        for peer in self.script.joined:
            peer.tell(FromRoom(self.ctx.self_ref, Restarted(self.ctx.incarnation)))

    async def handle(self, message: Message) -> object:
        self.script.heard.append(message)
        match message:
            case Join(peer, admission, tag):
                fact: Fact
                if self.script.lets_in:
                    self.script.joined.append(peer)
                    view = RoomView(KEY, "Conference", "Room")
                    members = (admission.presence,)
                    fact = Joined(tag, view, members, admission.attempt, self.script.streams)
                else:
                    fact = JoinRefused(tag, KEY, RoomFull(), admission.attempt)
                peer.tell(FromRoom(self.ctx.self_ref, fact))
            case Crash():
                raise RuntimeError("a bug")
        return None


@dataclass
class Scene:
    house: House
    script: Script
    room: Ref[Any]
    client: RecordingClient
    ann: Ref[Any]

    def say(self, *facts: Fact) -> None:
        """Have the room tell the participant something."""
        for fact in facts:
            self.ann.tell(FromRoom(self.room, fact))

    async def enter(self) -> None:
        await self.ann.ask(Enter(SPEC, "enter"), within=5)
        await settle()

    async def do(self, order: Order, value: str | None = None) -> str | None:
        """Have an order carried out by the room."""
        answers: list[str | None] = []

        async def ask() -> None:
            answers.append(await self.ann.ask(PlaceOrder(order), within=5))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            self.say(OrderDone(self.script.orders()[-1].tag, value))
        return answers[0]

    async def leave_socket(self) -> None:
        self.ann.tell(Lost(self.client))
        await settle()

    async def resume(self) -> RecordingClient:
        client = RecordingClient()
        await self.ann.ask(Resume(client, "again"), within=5)
        await settle()
        return client


@asynccontextmanager
async def scene(**terms: Any) -> AsyncIterator[Scene]:
    async with open_house() as house:
        script, client = Script(), RecordingClient()
        spec = ChildSpec(KEY.slug, partial(ScriptedRoom, script), Restart.TRANSIENT)
        room = await house.find(ROOMS).ask(Spawn(spec), within=5)
        terms = AbsenceTerms(**({"resume_seconds": 60.0} | terms))
        make = partial(
            Member,
            Identity("ann", "Ann", "presenter", EVERYTHING),
            participant_profile(terms, note="1.1"),
            client,
        )
        order = OpenMember(MemberKey("test", "ann"), make, RefuseSecond())
        ann = await house.find(DIRECTORY).ask(order, within=5)
        await settle()
        yield Scene(house, script, room, client, ann)


@asynccontextmanager
async def entered(**terms: Any) -> AsyncIterator[Scene]:
    async with scene(**terms) as found:
        await found.enter()
        found.client.clear()
        yield found


# --- in


async def test_it_enters_with_its_role_and_what_it_may_do() -> None:
    async with scene() as it:
        await it.enter()
        (joined,) = it.client.facts
        assert isinstance(joined, Joined)
        (presence,) = joined.members
        assert (presence.peer, presence.user, presence.role) == ("ann", "Ann", "presenter")
        assert presence.permission == EVERYTHING


async def test_a_room_that_is_full_says_so_and_orders_need_a_room() -> None:
    async with scene() as it:
        it.script.lets_in = False
        with pytest.raises(RoomFull):
            await it.enter()
        with pytest.raises(NotInRoom):
            await it.ann.ask(PlaceOrder(TEXT), within=5)


async def test_nobody_takes_its_name() -> None:
    async with entered() as it:
        with pytest.raises(Busy):
            await it.ann.ask(RefuseSecond(), within=5)
        assert it.client.closed == []


# --- orders


async def test_an_order_goes_to_the_room_in_its_name_and_is_answered() -> None:
    async with entered() as it:
        assert await it.do(PUBLISH, "17") == "17"
        (order,) = it.script.orders()
        assert order == Placed("ann", order.tag, PUBLISH)
        assert it.client.facts == []
        assert it.house.facts(it.ann.path)["sessions"] == 1


async def test_a_refused_order_raises_what_the_room_said() -> None:
    async with entered() as it:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused, it, PUBLISH, TooManyStreams)
            await settle()
            it.say(OrderRefused(it.script.orders()[0].tag, TooManyStreams()))
        assert it.house.facts(it.ann.path)["sessions"] == 0


async def refused(it: Scene, order: Order, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        await it.ann.ask(PlaceOrder(order), within=60)


async def test_answers_find_their_orders_in_any_order() -> None:
    async with entered() as it:
        answers: dict[str, str | None] = {}

        async def ask(name: str) -> None:
            answers[name] = await it.ann.ask(PlaceOrder(Say(name, echoed=True)), within=5)

        async with trio.open_nursery() as nursery:
            for name in ("one", "two", "three"):
                nursery.start_soon(ask, name)
            await settle()
            for order in reversed(it.script.orders()):
                assert isinstance(order.order, Say)
                it.say(OrderDone(order.tag, f"{order.order.text} done"))
        assert answers == {name: f"{name} done" for name in ("one", "two", "three")}


async def test_a_room_that_does_not_answer_is_waited_for_until_the_deadline(
    autojump_clock: MockClock,
) -> None:
    async with entered() as it:
        for _ in range(3):
            async with trio.open_nursery() as nursery:
                for _ in range(ORDERS_OPEN):
                    nursery.start_soon(times_out, it)
                await settle()
                with pytest.raises(Busy):
                    await it.ann.ask(PlaceOrder(TEXT), within=2)
        late = it.script.orders()[0].tag
        it.say(OrderDone(late))
        assert await it.do(TEXT) is None


async def times_out(it: Scene) -> None:
    with pytest.raises(AskTimeout):
        await it.ann.ask(PlaceOrder(TEXT), within=2)


async def test_an_answer_to_nothing_is_let_be() -> None:
    async with entered() as it:
        it.say(OrderDone("nothing"), OrderRefused("nothing", StreamUnknown()))
        await settle()
        assert it.ann.alive
        assert it.client.facts == []


# --- what it is shown


async def test_what_the_room_says_is_shown() -> None:
    facts = [StreamAdded(stream("1")), Said("bob", None, "hi"), SessionReady("2")]
    async with entered() as it:
        it.say(*facts)
        await settle()
        assert it.client.facts == facts


async def test_a_new_permission_is_on_its_card_from_then_on() -> None:
    async with entered() as it:
        it.say(PermissionSet(NO_MEDIA))
        it.room.tell(Crash())
        await settle()
        again = [each for each in it.script.heard if isinstance(each, Rejoin)][-1]
        assert again.presence.permission == NO_MEDIA
        assert again.presence.role == "presenter"
        assert again.presence.revision == 2  # one for entering, one for this


@pytest.mark.parametrize(
    ("fact", "reason"),
    [(Dropped(), "dropped"), (RoomClosed(RoomView(KEY, "", "")), "room_closed")],
)
async def test_it_ends_with_its_membership(fact: Fact, reason: str) -> None:
    async with entered() as it:
        it.say(fact)
        await settle()
        assert it.client.facts == [fact]
        assert it.client.closed == [reason]
        assert not it.ann.alive


async def test_it_ends_with_the_room() -> None:
    async with entered() as it:
        await it.house.find(ROOMS).ask(StopChild(KEY.slug), within=5)
        await settle()
        assert isinstance(it.client.facts[0], RoomClosed)
        assert it.client.closed == ["room_closed"]


async def test_leaving_is_told_to_the_room() -> None:
    async with entered() as it:
        it.ann.tell(End("logout"))
        await settle()
        leave = it.script.heard[-1]
        assert isinstance(leave, Leave)
        assert leave.gone
        assert it.client.closed == ["logout"]


async def test_a_client_that_does_not_read_ends_it() -> None:
    async with entered() as it:
        it.client.full = True
        it.say(SessionReady("1"))
        await settle()
        assert it.client.closed == ["too_slow"]


# --- the room crashes


async def test_a_crash_of_the_room_takes_the_media_and_not_the_membership() -> None:
    async with scene() as it:
        it.script.streams = (stream("1"), stream("2"))
        await it.enter()
        it.say(StreamAdded(stream("3")), StreamRemoved("2"))
        await it.do(PUBLISH, "4")
        await it.do(PUBLISH, "5")
        await it.do(Subscribe(None, None), "6")
        await it.do(Subscribe(None, None), "7")
        it.say(StreamAdded(stream("4", "ann")), SessionEnded("7", SessionEnd.SOURCE_LOST))
        await it.do(Unpublish("5"))
        await settle()
        it.client.clear()
        it.room.tell(Crash())
        await settle()
        assert it.client.facts == [MediaLost(("1", "3", "4"), ("4", "6"))]
        assert isinstance(it.script.heard[-1], Rejoin)
        it.client.clear()
        it.room.tell(Crash())
        await settle()
        assert it.client.facts == []


async def test_a_crash_that_was_missed_is_learnt_from_the_room() -> None:
    async with scene() as it:
        it.script.streams = (stream("1"),)
        await it.enter()
        it.client.clear()
        it.say(Restarted(2), StreamAdded(stream("2")), Restarted(3), Restarted(4))
        await settle()
        added = StreamAdded(stream("2"))
        assert it.client.facts == [MediaLost(("1",), ()), added, MediaLost(("2",), ())]


async def test_an_order_that_the_crash_swallowed_is_refused_at_once() -> None:
    async with entered() as it:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused, it, Offer("1", "sdp"), Busy)
            await settle()
            it.room.tell(Crash())


# --- away


async def test_what_happens_while_it_is_away_is_shown_in_order_when_it_is_back(
    autojump_clock: MockClock,
) -> None:
    missed: list[Fact] = [Said("bob", None, f"{number}") for number in range(50)]
    async with entered() as it:
        await it.leave_socket()
        it.say(*missed)
        await trio.sleep(59)
        assert it.ann.alive
        client = await it.resume()
        assert client.facts == [Resumed("again", "1.1", len(missed)), *missed]
        assert it.client.closed == []
        await trio.sleep(1000)
        it.say(SessionReady("1"))
        await settle()
        assert client.facts[-1] == SessionReady("1")
        assert await it.do(TEXT) is None


async def test_who_does_not_come_back_in_time_is_gone(autojump_clock: MockClock) -> None:
    async with entered() as it:
        await it.leave_socket()
        await trio.sleep(61)
        assert not it.ann.alive
        assert isinstance(it.script.heard[-1], Leave)


async def test_each_absence_has_its_own_minute(autojump_clock: MockClock) -> None:
    async with entered() as it:
        await it.leave_socket()
        await trio.sleep(40)
        client = await it.resume()
        it.ann.tell(Lost(client))
        await trio.sleep(40)
        assert it.ann.alive
        await trio.sleep(21)
        assert not it.ann.alive


async def test_the_end_of_a_former_connection_is_nothing() -> None:
    async with entered() as it:
        client = await it.resume()
        assert it.client.closed == ["replaced"]
        await it.leave_socket()
        it.say(SessionReady("1"))
        await settle()
        assert client.shown(SessionReady)


async def test_losing_the_media_while_away_is_told_later() -> None:
    async with entered() as it:
        await it.do(PUBLISH, "4")
        await it.leave_socket()
        it.room.tell(Crash())
        await settle()
        client = await it.resume()
        assert client.facts[1:] == [MediaLost((), ("4",))]


@pytest.mark.parametrize(
    "limits", [{"queued_messages": 10}, {"queued_bytes": 10_000}], ids=["messages", "bytes"]
)
async def test_more_than_is_kept_ends_it(limits: dict[str, int]) -> None:
    async with entered(**limits) as it:
        await it.leave_socket()
        for _ in range(10):
            it.say(Said("bob", None, "x" * 100))
        await settle()
        assert it.ann.alive
        it.say(Said("bob", None, "x" * 5000))
        await settle()
        assert not it.ann.alive


async def test_who_left_on_purpose_is_kept_for_less(autojump_clock: MockClock) -> None:
    async with entered(left_seconds=2.0) as it:
        it.ann.tell(Lost(RecordingClient(), leaving=True))  # of a former client
        it.ann.tell(Lost(it.client, leaving=True))
        await trio.sleep(1.9)
        assert it.ann.alive
        client = await it.resume()
        await trio.sleep(10)
        assert it.ann.alive
        it.ann.tell(Lost(client, leaving=True))
        await trio.sleep(2.1)
        assert not it.ann.alive


async def test_it_is_never_kept_for_longer(autojump_clock: MockClock) -> None:
    async with entered(resume_seconds=1.0, left_seconds=5.0) as it:
        it.ann.tell(Lost(it.client, leaving=True))
        await trio.sleep(1.1)
        assert not it.ann.alive


async def test_without_resuming_it_ends_with_its_connection() -> None:
    async with entered(resume_seconds=0) as it:
        with pytest.raises(ResumeRefused):
            await it.resume()
        await it.leave_socket()
        assert not it.ann.alive
        with pytest.raises(ActorStopped):
            await it.resume()


async def test_whoever_goes_before_being_let_in_is_gone() -> None:
    async with scene() as it:
        await it.leave_socket()
        assert not it.ann.alive


async def test_who_is_never_let_in_is_gone(autojump_clock: MockClock) -> None:
    async with scene() as it:
        await trio.sleep(ENTER_SECONDS + 1)
        assert not it.ann.alive
        assert it.client.closed == ["disconnected"]
    async with entered() as it:
        await trio.sleep(ENTER_SECONDS + 1)
        assert it.ann.alive


async def test_a_client_that_goes_while_resuming_leaves_it_away(autojump_clock: MockClock) -> None:
    async with entered() as it:
        await it.leave_socket()
        await it.ann.ask(Resume(RecordingClient(gone=True), "again"), within=5)
        it.say(SessionReady("1"))
        await trio.sleep(59)
        assert it.ann.alive
        await trio.sleep(2)
        assert not it.ann.alive


# --- in any order


@pytest.mark.parametrize("seed", range(60))
async def test_in_any_order_nothing_is_lost_or_shown_twice(
    seed: int, autojump_clock: MockClock
) -> None:
    """Sockets come and go, the room crashes, orders are answered or not; texts count the facts."""
    deal = random.Random(seed)
    async with entered() as it:
        clients, here = [it.client], True
        streams: set[str] = set()
        numbers = count()
        said = crashes = 0
        for _ in range(60):
            match deal.choice(
                ["say", "say", "say", "add", "lose", "resume", "crash", "do", "wait"]
            ):
                case "say":
                    it.say(Said("bob", None, str(said)))
                    said += 1
                case "add":
                    streams.add(str(next(numbers)))
                    it.say(StreamAdded(stream(max(streams, key=int))))
                case "lose":
                    it.ann.tell(Lost(clients[-1]))
                    here = False
                case "resume":
                    clients.append(RecordingClient())
                    await it.ann.ask(Resume(clients[-1], "again"), within=5)
                    here = True
                case "crash" if crashes < 3:  # one more, and the house gives up on the room
                    crashes += 1
                    it.room.tell(Crash())
                    await settle()
                    it.say(Restarted(crashes + 1))
                    streams.clear()
                case "do" if here:
                    with trio.move_on_after(deal.choice([0, 1])):
                        with suppress(Busy, AskTimeout):
                            await it.ann.ask(PlaceOrder(PUBLISH), within=deal.choice([0.5, 2]))
                case "wait":
                    await trio.sleep(deal.choice([0, 1, 20]) if here else 0)
        await settle()
        if not here:
            clients.append(await it.resume())
        shown = [fact for client in clients for fact in client.facts]
        assert [fact.text for fact in shown if isinstance(fact, Said)] == [
            str(number) for number in range(said)
        ]
        known: set[str] = set()
        for fact in shown:
            if isinstance(fact, StreamAdded):
                assert fact.stream.id not in known
                known.add(fact.stream.id)
            elif isinstance(fact, MediaLost):
                assert known >= set(fact.streams)
                known -= set(fact.streams)
        assert known == streams
