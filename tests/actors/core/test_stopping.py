"""Stops: graceful, bounded, and the address free at once."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from actors.core import ActorStopped, ChildSpec, Ref, Restart, Strategy, Supervisor, open_system
from tests.actors.core.puppet import (
    Boom,
    Do,
    Note,
    Puppet,
    crash,
    do,
    found,
    hang,
    incarnation,
    logged,
    puppet,
    quiet,
    spawning,
    watching,
)


async def test_an_actor_that_stops_itself_frees_its_address_at_once() -> None:
    refs: list[Ref[Any]] = []

    async def stop(me: Puppet) -> None:
        me.ctx.stop("done")
        with pytest.raises(ActorStopped, match="done"):
            me.ctx.self_ref.tell(Note("to myself"))

    async def replace(me: Puppet) -> None:
        refs.append(await me.ctx.spawn(puppet("x", diary, on_teardown=slow)))
        await refs[0].ask(Do(stop), within=1)
        refs.append(await me.ctx.spawn(puppet("x", diary)))  # while the first one tears down

    async def slow(me: Puppet) -> None:
        await released.wait()

    released = trio.Event()
    diary: list[str] = []
    async with open_system([puppet("a")]) as system:
        await do(found(system, "/a"), replace)
        await trio.testing.wait_all_tasks_blocked()
        assert found(system, "/a/x") is refs[1]
        assert refs[0].path == refs[1].path
        assert refs[0] != refs[1]
        tree: Any = system.tree()
        assert [child["state"] for child in tree["children"][0]["children"]] == [
            "running",
            "stopping",
        ]
        released.set()
    assert diary.count("x setup") == 2


async def test_queued_messages_of_a_stopped_actor_are_dropped_and_askers_told() -> None:
    heard: list[str] = []

    async def ask(ref: Ref[Any]) -> None:
        with pytest.raises(ActorStopped):
            await do(ref, quiet, within=60)
        heard.append("stopped")

    async def stop_when_released(me: Puppet) -> str:
        await released.wait()
        me.ctx.stop()
        await trio.testing.wait_all_tasks_blocked()
        heard.append("still in the handler")
        return "the last answer"

    released = trio.Event()
    diary: list[str] = []
    async with open_system([puppet("a", diary)]) as system, trio.open_nursery() as nursery:
        ref = found(system, "/a")

        async def ask_to_stop() -> None:
            heard.append(await do(ref, stop_when_released))

        nursery.start_soon(ask_to_stop)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ask, ref)
        await trio.testing.wait_all_tasks_blocked()
        ref.tell(Note("never handled"))
        released.set()
    assert heard == ["stopped", "still in the handler", "the last answer"]
    assert diary == ["a setup", "a teardown: normal"]


async def test_an_actor_that_is_stopped_while_others_have_their_turn_ends_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    noted = 0

    async def tell_again(me: Puppet) -> None:
        nonlocal noted
        noted += 1
        me.ctx.self_ref.tell(Note("again"))

    async with open_system([puppet("a", on_note=tell_again)]) as system:
        found(system, "/a").tell(Note("first"))
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        at_the_stop = noted
        system.stop_actor("/a")
        await trio.testing.wait_all_tasks_blocked()
        assert noted == at_the_stop > 0
    assert trio.current_time() == 0


async def test_a_permanent_actor_cannot_stop_itself() -> None:
    async def stop(me: Puppet) -> None:
        with pytest.raises(RuntimeError, match="permanent"):
            me.ctx.stop()

    async with open_system([puppet("a", restart=Restart.PERMANENT)]) as system:
        await do(found(system, "/a"), stop)


async def test_what_is_left_of_a_former_incarnation_cannot_stop_the_next() -> None:
    async def myself(me: Puppet) -> Puppet:
        return me

    async with open_system([puppet("a", restart=Restart.TRANSIENT)]) as system:
        ref = found(system, "/a")
        former: Puppet = await do(ref, myself)
        await crash(ref)
        assert await do(ref, incarnation) == 2
        former.ctx.stop()
        assert await do(ref, incarnation) == 2


async def test_a_handler_in_progress_finishes_within_the_grace(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slow(me: Puppet) -> str:
        await trio.sleep(2)
        return "finished"

    answers: list[str] = []

    async def ask(ref: Ref[Any]) -> None:
        answers.append(await do(ref, slow))

    async with open_system([puppet("a", grace=3)]) as system, trio.open_nursery() as nursery:
        nursery.start_soon(ask, found(system, "/a"))
        await trio.sleep(1)
        system.stop_actor("/a")
    assert answers == ["finished"]


async def test_a_handler_that_outlasts_the_grace_is_cut_off_and_logged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def ask(ref: Ref[Any]) -> None:
        with pytest.raises(ActorStopped):
            await do(ref, hang, within=60)

    diary: list[str] = []
    began = trio.current_time()
    with logged() as lines:
        async with open_system([puppet("a", diary, grace=3)]) as system:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask, found(system, "/a"))
                await trio.sleep(1)
                system.stop_actor("/a")
            assert trio.current_time() - began == pytest.approx(4)
    assert [line["event"] for line in lines] == ["actor.handler_overran"]
    assert diary[-1] == "a teardown: stopped by hand"


async def test_a_setup_in_progress_is_cut_off_at_once_without_teardown(
    autojump_clock: trio.testing.MockClock,
) -> None:
    diary: list[str] = []
    async with open_system([puppet("a")]) as system:
        ref = await do(found(system, "/a"), spawning(puppet("b", diary, on_setup=hang, grace=3)))
        began = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(ActorStopped):
                    await do(ref, quiet)

            nursery.start_soon(ask)
            await trio.sleep(1)
            system.stop_actor("/a/b")
    assert trio.current_time() == began + 1
    assert diary == ["b setup"]


async def test_a_teardown_that_hangs_is_bounded_and_logged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    began = trio.current_time()
    with logged() as lines:
        async with open_system([puppet("a", on_teardown=hang, grace=3)]):
            pass
    assert trio.current_time() - began == pytest.approx(3)
    assert [line["event"] for line in lines] == ["actor.teardown_overran"]


async def test_stopping_before_the_task_has_begun_skips_the_setup() -> None:
    async def spawn_and_stop(me: Puppet) -> None:
        ref = await me.ctx.spawn(puppet("b", diary))
        await me.ctx.stop_child(ref)
        await me.ctx.stop_child(ref)  # it has ended already: fine
        assert not ref.alive

    diary: list[str] = []
    async with open_system([puppet("a")]) as system:
        await do(found(system, "/a"), spawn_and_stop)
    assert diary == []


async def test_only_the_parent_may_stop_a_child() -> None:
    async with open_system([puppet("a"), puppet("b")]) as system:

        async def stop_sibling(me: Puppet) -> None:
            with pytest.raises(ValueError, match="not a child"):
                await me.ctx.stop_child(found(system, "/b"))

        await do(found(system, "/a"), stop_sibling)
        await do(found(system, "/a"), spawning(puppet("child")))
        await do(found(system, "/a"), stop_sibling)


async def test_stopping_during_a_crash_means_no_restart() -> None:
    released = trio.Event()

    async def slow(_me: Puppet) -> None:
        await released.wait()

    diary: list[str] = []
    specs = [puppet("a", diary, restart=Restart.TRANSIENT, on_teardown=slow), puppet("b", diary)]
    async with open_system(specs) as system:
        await do(found(system, "/b"), watching(found(system, "/a")))
        await crash(found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()
        system.stop_actor("/a")
        released.set()
        await trio.testing.wait_all_tasks_blocked()
    assert diary.count("a setup") == 1
    assert "b sees a down: crashed: Boom" in diary


async def test_stopping_an_actor_that_waits_for_its_siblings_restart_ends_it() -> None:
    released = trio.Event()

    async def slow(_me: Puppet) -> None:
        await released.wait()

    specs = [
        puppet("a", restart=Restart.TRANSIENT),
        puppet("b", restart=Restart.PERMANENT, on_teardown=slow),
    ]
    async with open_system(specs, strategy=Strategy.REST_FOR_ONE) as system:
        a = found(system, "/a")
        await crash(a)
        await trio.testing.wait_all_tasks_blocked()
        tree: Any = system.tree()
        assert tree["children"][0]["state"] == "restarting"
        assert a.alive
        system.stop_actor("/a")
        assert not a.alive
        released.set()
        assert await do(found(system, "/b"), incarnation) == 2
        assert system.registry.find("/a") is None


async def test_a_supervisor_that_stops_brings_nobody_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slow(_me: Puppet) -> None:
        await trio.sleep(2)

    async def crash_later(_me: Puppet) -> None:
        await trio.sleep(1)
        raise Boom

    diary: list[str] = []
    children = [
        puppet("crashing", diary, restart=Restart.PERMANENT, on_teardown=slow),
        puppet("crashes later", diary, restart=Restart.PERMANENT),
        puppet("youngest", diary, on_teardown=slow),  # stops first, and slowly
    ]
    specs = [puppet("watcher", diary), ChildSpec("s", lambda: Supervisor(children))]
    async with open_system(specs) as system:
        later = found(system, "/s/crashes later")
        await do(found(system, "/watcher"), watching(later))
        await crash(found(system, "/s/crashing"))
        later.tell(Do(crash_later))
        await trio.sleep(0.5)
        system.stop_actor("/s")
        await trio.sleep(1)
        assert not later.alive
        await trio.sleep(5)
    assert diary.count("crashing setup") == 1
    assert diary.count("crashes later setup") == 1
    assert "watcher sees crashes later down: crashed: Boom" in diary


async def test_shutdown_during_a_repair_restarts_nothing() -> None:
    diary: list[str] = []

    async def slow(_me: Puppet) -> None:
        await trio.testing.wait_all_tasks_blocked()

    specs = [
        puppet("a", diary, restart=Restart.PERMANENT),
        puppet("b", diary, restart=Restart.PERMANENT, on_teardown=slow),
    ]
    async with open_system(specs, strategy=Strategy.REST_FOR_ONE) as system:
        await crash(found(system, "/a"))
    assert diary.count("a setup") == 1
    assert diary.count("b setup") == 1
