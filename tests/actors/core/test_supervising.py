"""Who is restarted, how often, in which order things stop, and what escalates."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from actors.core import (
    ActorStopped,
    ActorSystem,
    ChildSpec,
    Intensity,
    NameTaken,
    Ref,
    Restart,
    RestartLimit,
    Spawn,
    StopChild,
    Strategy,
    Supervisor,
    open_system,
)
from tests.actors.core.puppet import (
    Boom,
    Do,
    Puppet,
    boom,
    crash,
    do,
    found,
    incarnation,
    logged,
    puppet,
    quiet,
    spawning,
)

PERMANENT = Restart.PERMANENT


def supervisor(
    name: str,
    *children: ChildSpec,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    intensity: Intensity = Intensity(),  # noqa: B008
    restart: Restart = Restart.TEMPORARY,
) -> ChildSpec:
    return ChildSpec(name, lambda: Supervisor(children, strategy, intensity), restart)


async def test_children_start_in_order_each_after_the_one_before() -> None:
    async def slowly(me: Puppet) -> None:
        await trio.testing.wait_all_tasks_blocked()
        me.diary.append(f"{me.name} ready")

    diary: list[str] = []
    specs = [puppet(name, diary, on_setup=slowly) for name in "abc"]
    async with open_system([supervisor("s", *specs)]):
        assert diary == ["a setup", "a ready", "b setup", "b ready", "c setup", "c ready"]


async def test_children_stop_in_reverse_order_each_after_the_one_before() -> None:
    async def slowly(me: Puppet) -> None:
        await trio.testing.wait_all_tasks_blocked()
        me.diary.append(f"{me.name} gone")

    diary: list[str] = []
    specs = [puppet(name, diary, on_teardown=slowly) for name in "abc"]
    async with open_system([supervisor("s", *specs)]):
        diary.clear()
    assert diary == [
        "c teardown: shutdown", "c gone",
        "b teardown: shutdown", "b gone",
        "a teardown: shutdown", "a gone",
    ]  # fmt: skip


async def test_grandchildren_stop_before_their_parents_tear_down() -> None:
    diary: list[str] = []
    async with open_system([puppet("a", diary)]) as system:
        child = await do(found(system, "/a"), spawning(puppet("b", diary)))
        await do(child, spawning(puppet("c", diary)))
        await trio.testing.wait_all_tasks_blocked()
        diary.clear()
    assert diary == ["c teardown: shutdown", "b teardown: shutdown", "a teardown: shutdown"]


async def test_slow_children_are_stopped_together_once_the_supervisors_grace_is_over(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slow(_me: Puppet) -> None:
        await trio.sleep(3)

    specs = [puppet(f"c{number}", on_teardown=slow) for number in range(100)]
    began = trio.current_time()
    async with open_system([supervisor("s", *specs)]) as system:
        pass
    assert trio.current_time() - began < 10
    assert system.counters.stopped == 102


async def test_one_for_one_restarts_the_crashed_child_alone() -> None:
    specs = [puppet(name, restart=PERMANENT) for name in "abc"]
    async with open_system([supervisor("s", *specs)]) as system:
        await crash(found(system, "/s/b"))
        numbers = [await do(found(system, f"/s/{name}"), incarnation) for name in "abc"]
    assert numbers == [1, 2, 1]
    assert system.counters.restarts == 1


async def test_rest_for_one_restarts_those_after_the_crashed_child_in_order() -> None:
    diary: list[str] = []
    specs = [puppet(name, diary, restart=PERMANENT) for name in "abcd"]
    sup = supervisor("s", *specs, strategy=Strategy.REST_FOR_ONE)
    async with open_system([sup]) as system:
        refs = [found(system, f"/s/{name}") for name in "abcd"]
        diary.clear()
        await crash(refs[1])
        await trio.testing.wait_all_tasks_blocked()
        numbers = [await do(ref, incarnation) for ref in refs]
        assert [found(system, f"/s/{name}") for name in "abcd"] == refs
        assert numbers == [1, 2, 2, 2]
        crashed_first = diary.pop(diary.index("b teardown: crashed: Boom"))
        assert crashed_first
        assert diary == [
            "d teardown: sibling restarted", "c teardown: sibling restarted",
            "b setup", "c setup", "d setup",
        ]  # fmt: skip


async def test_rest_for_one_tries_again_from_a_child_whose_new_setup_crashes() -> None:
    diary: list[str] = []

    async def fail_second(me: Puppet) -> None:
        if me.ctx.incarnation == 2:
            raise Boom

    specs = [
        puppet("a", diary, restart=PERMANENT),
        puppet("b", diary, restart=PERMANENT, on_setup=fail_second),
        puppet("c", diary, restart=PERMANENT),
    ]
    async with open_system(specs, strategy=Strategy.REST_FOR_ONE) as system:
        await crash(found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()
        numbers = [await do(found(system, f"/{name}"), incarnation) for name in "abc"]
        assert numbers == [2, 3, 3]
        assert diary[-2:] == ["b setup", "c setup"]


async def test_rest_for_one_keeps_the_mailboxes_of_those_restarted_with_it() -> None:
    diary: list[str] = []
    released = trio.Event()

    async def wait(_me: Puppet) -> None:
        await released.wait()

    async def note(me: Puppet) -> None:
        me.diary.append(f"handled by {me.ctx.incarnation}")

    specs = [puppet("a", diary, restart=PERMANENT), puppet("b", diary, restart=PERMANENT)]
    async with open_system(specs, strategy=Strategy.REST_FOR_ONE) as system:
        b = found(system, "/b")
        b.tell(Do(wait))
        await trio.testing.wait_all_tasks_blocked()
        b.tell(Do(note))
        await crash(found(system, "/a"))
        released.set()
        await trio.testing.wait_all_tasks_blocked()
        assert "handled by 2" in diary


async def test_rest_for_one_ends_temporary_siblings_for_good() -> None:
    specs = [puppet("a", restart=PERMANENT), puppet("b"), puppet("c", restart=Restart.TRANSIENT)]
    async with open_system(specs, strategy=Strategy.REST_FOR_ONE) as system:
        await crash(found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()
        assert system.registry.find("/b") is None
        assert await do(found(system, "/c"), incarnation) == 2


async def test_a_second_crash_during_a_rest_for_one_repair_is_repaired_too() -> None:
    released = trio.Event()

    async def slow(_me: Puppet) -> None:
        await released.wait()

    specs = [
        puppet("a", restart=PERMANENT),
        puppet("b", restart=PERMANENT),
        puppet("c", restart=PERMANENT, on_teardown=slow),
    ]
    async with open_system(
        specs, strategy=Strategy.REST_FOR_ONE, intensity=Intensity(10, 60)
    ) as system:
        await crash(found(system, "/b"))
        await trio.testing.wait_all_tasks_blocked()  # c is tearing down for b's sake
        await crash(found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()
        released.set()
        numbers = [await do(found(system, f"/{name}"), incarnation) for name in "abc"]
    assert numbers == [2, 3, 3]


async def test_a_sibling_that_crashes_while_it_comes_down_does_not_count_twice() -> None:
    specs = [puppet("a", restart=PERMANENT), puppet("b", restart=PERMANENT)]
    async with open_system(
        specs, strategy=Strategy.REST_FOR_ONE, intensity=Intensity(1, 60)
    ) as system:
        released = trio.Event()

        async def late(_me: Puppet) -> None:
            await released.wait()
            raise Boom

        found(system, "/b").tell(Do(late))
        await crash(found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()
        released.set()
        assert await do(found(system, "/b"), incarnation) == 2
        assert await do(found(system, "/a"), incarnation) == 2
    assert system.counters.crashes == 2


@pytest.mark.parametrize(
    ("restart", "after_crash"),
    [(Restart.PERMANENT, True), (Restart.TRANSIENT, True), (Restart.TEMPORARY, False)],
)
async def test_the_restart_policy_decides_who_comes_back(
    restart: Restart, after_crash: bool
) -> None:
    async with open_system([puppet("a", restart=restart)]) as system:
        await crash(found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()
        assert (system.registry.find("/a") is not None) is after_crash


async def test_a_transient_actor_that_stops_does_not_come_back() -> None:
    async def stop(me: Puppet) -> None:
        me.ctx.stop()

    async with open_system([puppet("a", restart=Restart.TRANSIENT)]) as system:
        await do(found(system, "/a"), stop)
        await trio.testing.wait_all_tasks_blocked()
        assert system.registry.find("/a") is None
        assert system.counters.restarts == 0


async def test_too_many_restarts_escalate_to_the_parent() -> None:
    inner = supervisor(
        "inner", puppet("a", restart=PERMANENT), intensity=Intensity(2, 60), restart=PERMANENT
    )
    with logged() as lines:
        async with open_system([supervisor("outer", inner)]) as system:
            old = found(system, "/outer/inner/a")
            for _ in range(3):
                await crash(old)
            await trio.testing.wait_all_tasks_blocked()
            assert not old.alive
            assert await do(found(system, "/outer/inner/a"), incarnation) == 1  # a new one
            tree: Any = system.tree()
            assert tree["children"][0]["children"][0]["restarts"] == 1
            last_error = tree["children"][0]["children"][0]["last_error"]
            assert last_error.startswith("RestartLimit")
    assert [line["actor"] for line in lines] == [*["/outer/inner/a"] * 3, "/outer/inner"]


async def test_restarts_spread_over_time_do_not_escalate(
    autojump_clock: trio.testing.MockClock,
) -> None:
    specs = [supervisor("s", puppet("a", restart=PERMANENT), intensity=Intensity(2, 60))]
    async with open_system(specs) as system:
        for _ in range(10):
            await crash(found(system, "/s/a"))
            await trio.sleep(31)
        assert await do(found(system, "/s/a"), incarnation) == 11


async def test_when_the_root_gives_up_the_body_is_cancelled_and_restart_limit_raised() -> None:
    cancelled = False

    async def body(system: ActorSystem) -> None:
        nonlocal cancelled
        await crash(found(system, "/a"))
        await crash(found(system, "/a"))
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            cancelled = True
            raise

    specs = [puppet("a", restart=PERMANENT)]
    with pytest.raises(RestartLimit) as limit:
        async with open_system(specs, intensity=Intensity(1, 60)) as system:
            await body(system)
    assert cancelled
    assert isinstance(limit.value.__cause__, Boom)


async def test_restart_limit_is_raised_also_when_the_cancelled_body_fails_on_its_way_out() -> None:
    async def fail_late() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise KeyError

    async def body(system: ActorSystem) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_late)
            nursery.start_soon(trio.sleep_forever)
            await trio.testing.wait_all_tasks_blocked()
            await crash(found(system, "/a"))

    specs = [puppet("a", restart=PERMANENT)]
    with pytest.raises(RestartLimit) as limit:
        async with open_system(specs, intensity=Intensity(0, 60)) as system:
            await body(system)
    assert isinstance(limit.value.__context__, ExceptionGroup)


async def test_a_permanent_child_that_cannot_be_set_up_ends_the_system_before_its_body() -> None:
    with pytest.raises(RestartLimit):
        async with open_system([puppet("a", restart=PERMANENT, on_setup=boom)]):
            raise AssertionError("the body ran")


async def test_an_actor_with_children_is_their_supervisor() -> None:
    async with open_system([puppet("a")]) as system:
        a = found(system, "/a")
        child = await do(a, spawning(puppet("b", restart=Restart.TRANSIENT)))
        await crash(child)
        assert await do(child, incarnation) == 2
        assert await do(a, incarnation) == 1


async def test_a_crash_takes_the_children_with_it() -> None:
    diary: list[str] = []
    async with open_system([puppet("a", diary, restart=PERMANENT)]) as system:
        child = await do(found(system, "/a"), spawning(puppet("b", diary, restart=PERMANENT)))
        await do(child, quiet)
        diary.clear()
        await crash(found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()
        assert diary == ["b teardown: crashed: Boom", "a teardown: crashed: Boom", "a setup"]
        assert not child.alive
        assert system.registry.find("/a/b") is None


async def test_a_supervisor_spawns_and_stops_on_request() -> None:
    diary: list[str] = []
    async with open_system([supervisor("s")]) as system:
        s = found(system, "/s")
        ref = await s.ask(Spawn(puppet("a", diary)), within=1)
        assert ref.path == "/s/a"
        assert ref.name == "a"
        assert ref.kind == "puppet"
        with pytest.raises(NameTaken):
            await s.ask(Spawn(puppet("a", diary)), within=1)
        await s.ask(StopChild("a", "no need"), within=1)
        assert diary == ["a setup", "a teardown: no need"]
        await s.ask(StopChild("a"), within=1)  # of no such name: it is as asked for
        await s.ask(Spawn(puppet("a", diary)), within=1)


async def test_a_supervisor_spawns_while_another_child_takes_its_time_to_stop(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slow(_me: Puppet) -> None:
        await trio.sleep(4)

    async with open_system([supervisor("s", puppet("slow", on_teardown=slow))]) as system:
        s = found(system, "/s")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_to_stop, s, "slow")
            await trio.sleep(1)
            began = trio.current_time()
            await s.ask(Spawn(puppet("other")), within=1)
            assert trio.current_time() == began


async def ask_to_stop(ref: Ref[Any], name: str) -> None:
    await ref.ask(StopChild(name), within=10)


async def test_nothing_can_be_spawned_or_started_by_an_actor_that_ends() -> None:
    seen: list[str] = []

    async def try_it(me: Puppet) -> None:
        with pytest.raises(ActorStopped):
            await me.ctx.spawn(puppet("late"))
        with pytest.raises(ActorStopped):
            me.ctx.start_task(trio.sleep_forever)
        seen.append(me.name)

    async with open_system([puppet("a", on_teardown=try_it), puppet("b", on_teardown=try_it)]) as s:
        await do(found(s, "/b"), spawning(puppet("child")))
    assert seen == ["b", "a"]


@pytest.mark.parametrize("name", ["", "a/b", "/"])
def test_a_name_that_cannot_stand_in_a_path_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        puppet(name)


def test_a_mailbox_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="mailbox"):
        puppet("a", mailbox=0)
