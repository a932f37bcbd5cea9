"""Timers that wait for nobody to come back are called off when somebody does: none pile up."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from actors.member.messages import Exit, Lost, Resume
from tests.support.actors import House, RecordingClient, open_house, settle

TIMES = 2000
KEPT = 200  # dead ones wait for the clock to sweep


def timers(house: House) -> int:
    """Return how many will fire; whatever was called off must not be kept for long either."""
    clock = house.system.clock
    assert clock.size < KEPT
    return clock.pending


async def test_a_room_that_is_left_again_and_again_has_one_timer(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        ann = await house.open("ann")
        none = timers(house)
        for _ in range(TIMES):
            await ann.enter()
            ann.ref.tell(Exit())
        await settle()
        assert timers(house) == none + 1
        await ann.enter()
        assert timers(house) == none
        assert house.members() == {"ann"}


async def test_a_peer_that_is_taken_over_again_and_again_has_one_timer(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        ann = await house.open("ann")
        none = timers(house)
        for _ in range(TIMES):
            await ann.enter()
            await house.open("ann")
        assert timers(house) == none + 1
        await ann.enter()
        assert timers(house) == none


async def test_a_participant_that_goes_and_comes_back_has_no_timer(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        ann = await house.open_participant("ann", resume_seconds=60)
        await ann.enter()
        await trio.sleep(61)  # in which it had to enter
        none = timers(house)
        for _ in range(TIMES):
            ann.ref.tell(Lost(ann.client))
            ann.client = RecordingClient()
            await ann.ref.ask(Resume(ann.client, ""), within=5)
        assert timers(house) == none
        ann.ref.tell(Lost(ann.client))
        await settle()
        assert timers(house) == none + 1
