"""Chat while a member is lost, taken over, let in and out, in random orders, its room crashing.

Whatever comes first, nothing is heard twice, out of order, or by a connection that is not let in.
"""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from actors.core import ActorError
from actors.member.messages import Enter, Exit, Lost, Post
from actors.words.facts import Joined, Said
from actors.words.orders import Say
from tests.support.actors import (
    House,
    Person,
    RecordingClient,
    open_house,
    poison,
    settle,
    spec,
)

STEPS = ["say"] * 6 + ["settle"] * 4 + ["enter"] * 2 + ["lose", "take over", "leave", "crash"]
SEEDS = 60


class Story:
    """What ann says to all and to bob alone, and what becomes of him meanwhile."""

    def __init__(self, house: House, ann: Person, bob: Person, dice: random.Random) -> None:
        self.house, self.ann, self.bob, self.dice = house, ann, bob, dice
        self.clients = [bob.client]
        self.said = self.crashes = 0

    async def step(self, what: str, nursery: trio.Nursery) -> None:
        match what:
            case "say":
                self.said += 1
                to = self.dice.choice([None, None, "bob"])
                self.ann.ref.tell(Post(Say(str(self.said), to)))
            case "settle":
                await settle()
            case "enter":
                nursery.start_soon(self.enter, self.bob)
            case "lose":
                self.bob.ref.tell(Lost(self.bob.client))
            case "take over":
                self.bob = await self.house.open("bob")
                self.clients.append(self.bob.client)
            case "leave":
                self.bob.ref.tell(Exit())
            case "crash" if self.crashes < 3:  # the next one would end the room
                self.crashes += 1
                self.house.room().tell(poison())

    async def enter(self, person: Person) -> None:
        with suppress(ActorError):  # it may have ended, or be overtaken
            await person.ref.ask(Enter(spec(), ""), within=1)


def heard_by(client: RecordingClient) -> list[int]:
    return [int(fact.text) for fact in client.facts if isinstance(fact, Said)]


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_nothing_is_heard_twice_or_out_of_order_or_before_one_is_let_in(
    seed: int, autojump_clock: MockClock
) -> None:
    dice = random.Random(seed)
    async with open_house() as house:
        story = Story(house, *await house.people("ann", "bob"), dice)
        steps = dice.choices(STEPS, k=30)
        async with trio.open_nursery() as nursery:
            for what in steps:
                with suppress(ActorError):  # bob is no more
                    await story.step(what, nursery)
        await settle()
    heard = [number for client in story.clients for number in heard_by(client)]
    assert heard == sorted(set(heard)), steps
    for client in story.clients[1:]:
        told = client.shown(Joined, Said)
        assert not told or isinstance(told[0], Joined), steps
