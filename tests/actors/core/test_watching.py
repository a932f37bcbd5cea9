"""Watches: who hears of an end, when, and for how long."""

from __future__ import annotations

from typing import Any

import trio.testing

from actors.core import ChildSpec, Down, Ref, Restart, open_system
from tests.actors.core.puppet import (
    Do,
    Note,
    Puppet,
    crash,
    do,
    found,
    incarnation,
    puppet,
    quiet,
    watching,
)


def unwatching(ref: Ref[Any]) -> Any:
    async def act(me: Puppet) -> None:
        me.ctx.unwatch(ref)

    return act


async def downs(me: Puppet) -> list[Down]:
    return me.downs


async def test_watchers_hear_of_a_stop_and_of_a_final_crash() -> None:
    async with open_system([puppet("a"), puppet("b"), puppet("c")]) as system:
        a, b, c = (found(system, f"/{name}") for name in "abc")
        await do(a, watching(b))
        await do(a, watching(c))
        system.stop_actor("/b", "enough")
        await trio.testing.wait_all_tasks_blocked()
        await crash(c)
        await trio.testing.wait_all_tasks_blocked()
        assert await do(a, downs) == [
            Down(b, "enough", restarting=False),
            Down(c, "crashed: Boom", restarting=False),
        ]


async def test_a_watch_outlives_restarts_and_says_which_it_was() -> None:
    specs = [puppet("a", restart=Restart.PERMANENT), puppet("b", restart=Restart.TRANSIENT)]
    async with open_system(specs) as system:
        a, b = found(system, "/a"), found(system, "/b")
        await do(a, watching(b))
        await crash(b)
        await crash(b)
        await trio.testing.wait_all_tasks_blocked()
        system.stop_actor("/b")
        await trio.testing.wait_all_tasks_blocked()
        assert [down.restarting for down in await do(a, downs)] == [True, True, False]


async def test_watching_a_dead_actor_is_a_down_at_once() -> None:
    async with open_system([puppet("a"), puppet("b")]) as system:
        a, b = found(system, "/a"), found(system, "/b")
        system.stop_actor("/b", "enough")
        await trio.testing.wait_all_tasks_blocked()
        await do(a, watching(b))
        assert await do(a, downs) == [Down(b, "enough", restarting=False)]


async def test_watching_twice_is_one_down_and_unwatching_none() -> None:
    async with open_system([puppet("a"), puppet("b"), puppet("c")]) as system:
        a, b, c = (found(system, f"/{name}") for name in "abc")
        for ref in (b, b, c):
            await do(a, watching(ref))
        await do(a, unwatching(c))
        await do(a, unwatching(c))
        system.stop_actor("/b")
        system.stop_actor("/c")
        await trio.testing.wait_all_tasks_blocked()
        assert [down.ref for down in await do(a, downs)] == [b]


async def test_watches_of_a_crashed_incarnation_are_dropped() -> None:
    specs = [puppet("b"), puppet("a", restart=Restart.TRANSIENT)]
    async with open_system(specs) as system:
        a = found(system, "/a")
        await do(a, watching(found(system, "/b")))
        await crash(a)
        assert await do(a, incarnation) == 2
        system.stop_actor("/b")
        await trio.testing.wait_all_tasks_blocked()
        assert await do(a, downs) == []


async def test_a_down_queued_for_a_crashed_incarnation_does_not_reach_the_next() -> None:
    released = trio.Event()

    async def crash_when_released(_me: Puppet) -> None:
        await released.wait()
        raise ValueError

    specs = [puppet("b"), puppet("a", restart=Restart.TRANSIENT)]
    async with open_system(specs) as system:
        a = found(system, "/a")
        await do(a, watching(found(system, "/b")))
        a.tell(Do(crash_when_released))
        await trio.testing.wait_all_tasks_blocked()
        system.stop_actor("/b")
        await trio.testing.wait_all_tasks_blocked()  # the Down waits behind the handler
        released.set()
        assert await do(a, incarnation) == 2
        assert await do(a, downs) == []


async def test_what_a_dying_actor_tells_arrives_before_its_down() -> None:
    async with open_system([puppet("a", diary := [])]) as system:  # type: ignore[var-annotated]
        a = found(system, "/a")

        async def farewell(me: Puppet) -> None:
            a.tell(Note("farewell"))

        async def spawn_and_watch(me: Puppet) -> None:
            me.ctx.watch(await me.ctx.spawn(ChildSpec("b", lambda: Puppet(on_teardown=farewell))))

        await do(a, spawn_and_watch)
        await trio.testing.wait_all_tasks_blocked()
        system.stop_actor("/a/b")
        await trio.testing.wait_all_tasks_blocked()
        await do(a, quiet)
    assert diary[1:3] == ["farewell", "a sees b down: stopped by hand"]


async def test_a_watcher_that_ended_is_not_kept_by_what_it_watched() -> None:
    async with open_system([puppet("a"), puppet("b")]) as system:
        await do(found(system, "/a"), watching(found(system, "/b")))
        system.stop_actor("/a")
        await trio.testing.wait_all_tasks_blocked()
        cell = system.registry.cell_at("/b")
        assert cell is not None
        assert not cell.watchers
