"""Whatever participants, their clients and crashes do in whatever order, all agree in the end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.core import ActorError, Message, Request
from actors.directory.messages import OpenMember
from actors.member.absence import AbsenceTerms
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import End, Enter, Lost, PlaceOrder, RefuseSecond, Resume, Resumed
from actors.words.facts import Fact
from actors.words.keys import DIRECTORY, MemberKey
from tests.actors.core.puppet import logged
from tests.support.actors import (
    REALM,
    House,
    Person,
    RecordingClient,
    key,
    open_house,
    participant_profile,
    poison,
    settle,
    spec,
)
from tests.support.conference import EVERYTHING, RULES, publish
from tests.support.examples import examples

NAMES = ("ann", "bob", "cid")
CRASHES = 3  # after one more the room would be given up
WHAT = (
    "enter", "enter", "away", "resume", "end", "publish", "publish", "crash", "lose",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    what: str
    who: str
    turns: int


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(WHAT),
        st.sampled_from(NAMES),
        st.sampled_from([0, 0, 0, 1, 2, 3, 5, 20]),
    ),
    max_size=40,
)


@dataclass(eq=False)
class Successor(RecordingClient):
    """Goes on with what the client knew that it takes over from."""

    former: RecordingClient = field(default_factory=RecordingClient)

    def show(self, fact: Fact) -> None:
        super().show(fact)
        if isinstance(fact, Resumed):
            self.members = self.former.members


class Play:
    """Does steps without waiting for their outcome."""

    def __init__(self, house: House, nursery: trio.Nursery) -> None:
        self.house = house
        self.people: dict[str, Person] = {}
        self.crashes = 0
        self._nursery = nursery

    async def open(self, id_: str) -> None:
        client = RecordingClient()
        identity = Identity(id_, permission=EVERYTHING)
        profile = participant_profile(AbsenceTerms(60.0))
        order = OpenMember(
            MemberKey(REALM, id_), lambda: Member(identity, profile, client), RefuseSecond()
        )
        ref = await self.house.find(DIRECTORY).ask(order, within=5)
        self.people[id_] = Person(id_, ref, client)

    async def do(self, step: Step) -> None:
        person = self.people[step.who]
        match step.what:
            case "enter":
                self._ask(person, Enter(spec(conference=RULES), "enter"))
            case "away":
                self._tell(person, Lost(person.client))
            case "resume":
                await self.resume(person)
            case "end":
                self._tell(person, End("logout"))
                await self.open(step.who)
            case "publish":
                self._ask(person, PlaceOrder(publish("audio")))
            case "crash" if self.crashes < CRASHES and self.house.has_room():
                self.crashes += 1
                self.house.room().tell(poison())
            case "lose" if self.crashes < CRASHES:
                self.crashes += 1
                self.house.lose_next(key().path)
        for _ in range(step.turns):
            await trio.lowlevel.checkpoint()

    async def resume(self, person: Person) -> None:
        """Go on with another client."""
        person.client = Successor(former=person.client)
        with suppress(ActorError):
            await person.ref.ask(Resume(person.client, "resume"), within=3)

    def _tell(self, person: Person, message: Message) -> None:
        if person.ref.alive:
            person.ref.tell(message)

    def _ask(self, person: Person, order: Request[Any]) -> None:
        async def ask() -> None:
            with suppress(ActorError):  # refused, overtaken, lost in a crash: the end counts
                await person.ref.ask(order, within=3)

        self._nursery.start_soon(ask)


def check_agreement(it: Play) -> None:
    """Hold that the room, participants and clients name the same members and sessions."""
    inside: dict[str, Any] = {}
    for person in it.people.values():
        cell = it.house.system.registry.cell_at(MemberKey(REALM, person.id).path)
        if cell is not None and cell.life.actor.snapshot()["room"] == key().slug:
            inside[person.id] = cell.life.actor
    cell = it.house.system.registry.cell_at(key().path)
    room: Any = None if cell is None else cell.life.actor
    assert set(room._state.members if room is not None else ()) == inside.keys()
    for id_, participant in inside.items():
        assert it.people[id_].client.members == inside.keys(), id_
        publications = room._conference._conference.publications.values()
        own = {publication.id for publication in publications if publication.owner == id_}
        assert participant._media.sessions.keys() == own, id_


ENTERS_AGAIN_AS_THE_ROOM_CRASHES = [
    Step("enter", "ann", 20),
    Step("publish", "ann", 2),
    Step("enter", "ann", 1),
    Step("crash", "ann", 1),
    Step("enter", "ann", 0),
]


@settings(max_examples=examples(150), deadline=None)
@example(
    [
        Step("enter", "ann", 20), Step("publish", "ann", 2), Step("enter", "ann", 0),
        Step("crash", "ann", 1), Step("enter", "ann", 0),
    ]
)  # fmt: skip
@example(ENTERS_AGAIN_AS_THE_ROOM_CRASHES)
@given(STEPS)
def test_participants_and_room_agree_in_the_end(script: list[Step]) -> None:
    async def main() -> None:
        async with open_house() as house, trio.open_nursery() as nursery:
            it = Play(house, nursery)
            for name in NAMES:
                await it.open(name)
            for step in script:
                await it.do(step)
            await trio.sleep(4)  # asks are over then, and no session is overdue yet
            for person in it.people.values():
                await it.resume(person)
            await settle()
            check_agreement(it)

    with logged():
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
