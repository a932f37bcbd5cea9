"""Whatever a few peers and crashes do in whatever order, rooms and clients agree in the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.core import ActorError
from actors.member.member import Member
from actors.member.messages import End, Enter, PlaceOrder
from actors.words.close_reasons import CloseReason
from actors.words.facts import Joined
from actors.words.keys import MemberKey
from actors.words.orders import SetPin
from tests.actors.core.puppet import logged
from tests.support.actors import REALM, House, Person, key, open_house, poison, settle, spec
from tests.support.examples import examples

MEMBERS = ("ann", "bob", "cid", "dan")
ROOMS = ("blue", "red")
PINS = ("", "1", "2")
CRASHES = 8  # of all rooms together: enough for one to be given up and made anew
FEW_CRASHES = 3  # no room is given up for so many


@dataclass(frozen=True)
class Step:
    """What one peer, or a bug in a room, does; then `turns` of the scheduler pass."""

    what: str
    peer: str
    room: str
    pin: str
    turns: int


def steps(*what: str, peers: tuple[str, ...] = MEMBERS) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        st.sampled_from(what),
        st.sampled_from(peers),
        st.sampled_from(ROOMS),
        st.sampled_from(PINS),
        st.sampled_from([0, 0, 0, 1, 2, 3, 5, 20]),
    )
    return st.lists(step, max_size=40)


class Play:
    """Does steps without waiting for their outcome."""

    def __init__(self, house: House, nursery: trio.Nursery, most_crashes: int = CRASHES) -> None:
        self.house = house
        self.people: dict[str, Person] = {}
        self.everyone: list[Person] = []
        self.crashes = 0
        self.most_crashes = most_crashes
        self._nursery = nursery

    async def open(self, id_: str) -> None:
        """Open a peer, or take it over."""
        self.people[id_] = await self.house.open(id_)
        self.everyone.append(self.people[id_])

    async def do(self, step: Step) -> None:
        person = self.people[step.peer]
        match step.what:
            case "enter":
                self._ask(person, Enter(spec(step.room), step.pin, pin=step.pin))
            case "leave":
                if person.ref.alive:
                    person.leave()
            case "lock":
                self._ask(person, PlaceOrder(SetPin(step.room, "", step.pin)))
            case "say":
                if person.ref.alive:
                    person.say(b"1")
            case "drop":
                if person.ref.alive:
                    person.ref.tell(End(CloseReason.DROPPED))
                await self.open(step.peer)
            case "take over":
                await self.open(step.peer)
            case "crash":
                if self.house.has_room(step.room) and self.crashes < self.most_crashes:
                    self.crashes += 1
                    self.house.room(step.room).tell(poison())
            case "lose":
                if self.house.has_room(step.room) and self.crashes < self.most_crashes:
                    self.crashes += 1
                    self.house.lose_next(key(step.room).path)
        for _ in range(step.turns):
            await trio.lowlevel.checkpoint()

    def _ask(self, person: Person, order: Any) -> None:
        async def ask() -> None:
            with suppress(ActorError):  # refused, overtaken, lost in a crash: the end counts
                await person.ref.ask(order, within=5)

        self._nursery.start_soon(ask)


def play(
    script: list[Step], check: Callable[[Play], None], *first: Step, crashes: int = CRASHES
) -> None:
    """Do `first`, wait, do the script, wait until all has settled, and check."""

    async def main() -> None:
        async with open_house() as house, trio.open_nursery() as nursery:
            it = Play(house, nursery, crashes)
            for id_ in MEMBERS:
                await it.open(id_)
            for step in first:
                await it.do(step)
                await settle()
            for step in script:
                await it.do(step)
            await trio.sleep(30)  # asks, takeovers and recoveries are over then
            check(it)

    with logged():
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def check_agreement(it: Play) -> None:
    """Hold that rooms, peers and clients name the same members."""
    inside: dict[str, set[str]] = {room: set() for room in ROOMS}
    for person in it.people.values():
        room = room_of(it.house, person)
        if room is not None:
            inside[room].add(person.id)
    for room, members in inside.items():
        assert (it.house.members(room) if it.house.has_room(room) else set()) == members
        for id_ in members:
            assert it.people[id_].client.members == members, id_


def room_of(house: House, person: Person) -> str | None:
    """Return the room that the peer believes to be in."""
    cell = house.system.registry.cell_at(MemberKey(REALM, person.id).path)
    assert cell is not None
    peer = cell.life.actor
    assert isinstance(peer, Member)
    for room in ROOMS:
        if peer.snapshot()["room"] == key(room).slug:
            return room
    return None


@settings(max_examples=examples(150), deadline=None)
@given(steps("enter", "enter", "leave", "lock", "say", "drop", "take over", "crash", "lose"))
def test_members_in_every_view_are_those_of_the_room_in_the_end(script: list[Step]) -> None:
    play(script, check_agreement)


DIES_BEFORE_IT_HEARS_THAT_IT_IS_IN = [
    Step("enter", "cid", "red", "1", 2),
    Step("enter", "dan", "red", "1", 3),
    *(Step("enter", "bob", "blue", "", 0) for _ in range(3)),
    Step("crash", "ann", "red", "", 0),
    Step("drop", "cid", "red", "", 0),
]


@settings(max_examples=examples(150), deadline=None)
@example(DIES_BEFORE_IT_HEARS_THAT_IT_IS_IN)
@given(
    steps("enter", "enter", "leave", "say", "drop", "take over", "crash", "lose", peers=MEMBERS[1:])
)
def test_nobody_enters_a_locked_room_without_its_pin(script: list[Step]) -> None:
    def check(it: Play) -> None:
        for person in it.everyone:
            for joined in person.client.shown(Joined):
                assert isinstance(joined, Joined)
                assert joined.room.key == key("red") or joined.tag == "1"
        assert "ann" in it.house.members("blue")
        check_agreement(it)

    play(script, check, Step("enter", "ann", "blue", "1", 0), crashes=FEW_CRASHES)
