"""Who crashes over and over ends alone: what is not below it or behind it notices nothing."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from actors.core import ActorSystem
from actors.endpoint.endpoint import OfferEvent
from actors.endpoint.outbox import EndpointEvent
from actors.store.messages import STORE
from actors.words.facts import RoomClosed
from actors.words.keys import DIRECTORY, ENDPOINTS, MEMBERS, ROOMS, EndpointKey, MemberKey
from tests.actors.core.puppet import logged
from tests.support.actors import OWNER, REALM, House, key, open_house, settle

KEEPER = "/recordings/keeper"
LINE = EndpointKey(REALM, "line").path


def lives(system: ActorSystem) -> dict[str, tuple[float, int]]:
    """Return when each actor was spawned, and how often it was restarted, by path."""
    found: dict[str, tuple[float, int]] = {}

    def visit(path: str) -> None:
        for ref in system.registry.children(path):
            cell = system.registry.cell_at(ref.path)
            assert cell is not None
            found[ref.path] = cell.born, cell.number
            visit(ref.path)

    visit("/")
    return found


def lives_but(house: House, path: str) -> dict[str, tuple[float, int]]:
    """Return the lives of all actors but one."""
    return {each: life for each, life in lives(house.system).items() if each != path}


async def crash(house: House, path: str) -> None:
    """Crash an actor by one of its helper tasks, and wait until everybody has heard of it."""

    async def boom() -> None:
        raise RuntimeError("sabotage")

    cell = house.system.registry.cell_at(path)
    assert cell is not None, path
    cell.life.actor.ctx.start_task(boom)
    await settle()


async def test_a_room_that_crashes_eleven_times_within_a_minute_ends_alone(
    autojump_clock: MockClock,
) -> None:
    with logged() as lines:
        async with open_house() as house:
            bea, bob = await house.people("bea", "bob", room="quiet")
            listener = await house.open_endpoint()
            listener.room = 0  # what comes waits
            line = house.find(LINE)
            for number in range(3):
                event = EndpointEvent(b"%d" % number, b"", qos=1)
                assert await line.ask(OfferEvent(OWNER, event), within=5)
            ann, cid = await house.people("ann", "cid", pin="1234")
            others = {
                path: life for path, life in lives(house.system).items() if "blue" not in path
            }
            for crashes in range(1, 12):
                await trio.sleep(2)
                await house.crash_room()
                assert house.has_room() == (crashes % 4 != 0)
                if not house.has_room():
                    for person in (ann, cid):  # told once, and in no room
                        assert [type(fact) for fact in person.client.facts] == [RoomClosed]
                        assert not person.client.members
                        await person.enter()  # its name is free, and its lock forgotten
                        person.client.clear()
                    await settle()
                    ann.client.clear()
                assert house.members() == {"ann", "cid"}
                assert house.facts(key().path)["locked"] is (crashes < 4)
            assert lives_but(house, key().path) == others
            assert bea.client.facts == bob.client.facts == []
            bea.say(b'"still here"')
            await settle()
            assert bob.client.chats == [b'"still here"']
            assert house.facts(LINE)["waiting"] == 3
            assert not any(
                it.closed for it in (listener, *(p.client for p in (ann, cid, bea, bob)))
            )
            assert house.facts(DIRECTORY)["rooms"] == 2
    given_up = [line["actor"] for line in lines if line["event"] == "actor.given_up"]
    assert given_up == [key().path] * 2


@pytest.mark.parametrize("path", [MemberKey(REALM, "ann").path, LINE])
async def test_a_peer_or_endpoint_that_crashes_is_closed_with_a_reason_and_may_come_again(
    path: str,
) -> None:
    async with open_house() as house:
        ann, bob = await house.people("ann", "bob")
        listener = await house.open_endpoint()
        others = lives_but(house, path)
        await crash(house, path)
        assert lives(house.system) == others
        closed = ann.client.closed if path != LINE else listener.closed
        assert [reason.partition(":")[0] for reason in closed] == ["crashed"]
        assert bob.ref.alive
        await house.open("ann")
        await house.open_endpoint()
        assert house.find(path).alive


ALWAYS_THERE = (STORE, KEEPER, DIRECTORY, ROOMS, MEMBERS, ENDPOINTS)
SUBTREES = ("/storage", "/recordings", "/conferencing")


@pytest.mark.parametrize("path", [*ALWAYS_THERE, *SUBTREES])
async def test_a_crash_in_one_subtree_is_noticed_in_no_other(path: str) -> None:
    async with open_house() as house:
        await house.people("ann", "bob")
        await house.open_endpoint()
        before = lives(house.system)
        await crash(house, path)
        after = lives(house.system)
        subtree = "/" + path.split("/")[1]
        changed = {each for each in {**before, **after} if before.get(each) != after.get(each)}
        assert changed
        assert {"/" + each.split("/")[1] for each in changed} == {subtree}
        bob = await house.open("bob")
        await bob.enter("another")


async def test_a_subtree_that_always_crashes_is_restarted_before_the_server_gives_up() -> None:
    async with open_house() as house:
        await house.people("ann", "bob")
        rest = [each for each in lives(house.system) if not each.startswith("/storage")]
        before = lives(house.system)
        for _ in range(11):
            await crash(house, STORE)
        after = lives(house.system)
        assert after["/storage"][1] == 2
        assert [after[each] for each in rest] == [before[each] for each in rest]


@settings(max_examples=25, deadline=None)
@given(order=st.lists(st.integers(0, 5), max_size=14))
def test_random_crashes_of_rooms_peers_and_endpoints_never_restart_a_sibling(
    order: list[int],
) -> None:
    paths = [
        *(key(name).path for name in ("blue", "red")),
        *(MemberKey(REALM, name).path for name in ("ann", "bob")),
        *(EndpointKey(REALM, name).path for name in ("line", "other")),
    ]

    async def run() -> None:
        async with open_house() as house:
            await house.people("ann", room="blue")
            await house.people("bob", room="red")
            for name in ("line", "other"):
                await house.open_endpoint(name)
            for number in order:
                path = paths[number]
                if house.system.registry.find(path) is None:
                    continue
                others = lives_but(house, path)
                await crash(house, path)
                assert lives_but(house, path) == others

    with logged():
        trio.run(run, clock=MockClock(autojump_threshold=0))
