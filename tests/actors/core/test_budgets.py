"""A budget for each child: who uses it up ends for good, and the others notice nothing."""

from __future__ import annotations

from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.core import (
    ActorSystem,
    ChildSpec,
    Intensity,
    Restart,
    Spawn,
    Strategy,
    Supervisor,
    open_system,
)
from tests.actors.core.puppet import (
    crash,
    do,
    found,
    incarnation,
    logged,
    puppet,
    watching,
)

OWN = Intensity(3, 30.0)


def rooms(*children: ChildSpec, strategy: Strategy = Strategy.ONE_FOR_ONE) -> ChildSpec:
    """Return a supervisor that bears no restart at all for all together."""
    return ChildSpec("s", lambda: Supervisor(children, strategy, Intensity(0, 60.0), per_child=OWN))


async def crash_once(system: ActorSystem, name: str) -> None:
    await crash(found(system, f"/s/{name}"))
    await wait_all_tasks_blocked()


async def test_a_child_beyond_its_budget_ends_alone(autojump_clock: MockClock) -> None:
    diary: list[str] = []
    specs = [puppet(name, diary, restart=Restart.TRANSIENT) for name in "abc"]
    with logged() as lines:
        async with open_system([rooms(*specs), puppet("watcher", diary)]) as system:
            former = found(system, "/s/b")
            await do(found(system, "/watcher"), watching(former))
            for life in range(1, 4):
                await crash_once(system, "b")
                assert await do(former, incarnation) == life + 1
            diary.clear()
            await crash_once(system, "b")
            assert not former.alive
            assert diary == ["b teardown: crashed: Boom", "watcher sees b down: crashed: Boom"]
            assert [await do(found(system, f"/s/{name}"), incarnation) for name in "ac"] == [1, 1]
            assert found(system, "/s").alive
            # Its name is free: who comes under it next begins anew, with a budget of its own.
            spec = puppet("b", diary, restart=Restart.TRANSIENT)
            again = await found(system, "/s").ask(Spawn(spec), within=1)
            for _ in range(3):
                await crash_once(system, "b")
            assert await do(again, incarnation) == 4
    (given_up,) = [line for line in lines if line["event"] == "actor.given_up"]
    assert (given_up["actor"], given_up["restarts"], given_up["period"]) == ("/s/b", 3, 30.0)


async def test_a_child_that_crashes_now_and_then_always_comes_back(
    autojump_clock: MockClock,
) -> None:
    async with open_system([rooms(puppet("a", restart=Restart.TRANSIENT))]) as system:
        for _ in range(12):
            await trio.sleep(10)
            await crash_once(system, "a")
        assert await do(found(system, "/s/a"), incarnation) == 13


async def test_a_setup_that_always_crashes_ends_its_child_alone() -> None:
    tries: list[int] = []

    async def fail(me: Any) -> None:
        tries.append(me.ctx.incarnation)
        raise ValueError

    bad = puppet("bad", restart=Restart.TRANSIENT, on_setup=fail)
    async with open_system([rooms(bad, puppet("good", restart=Restart.TRANSIENT))]) as system:
        await wait_all_tasks_blocked()
        assert tries == [1, 2, 3, 4]
        assert system.registry.find("/s/bad") is None
        assert await do(found(system, "/s/good"), incarnation) == 1


async def test_a_permanent_child_counts_against_the_budget_of_all() -> None:
    """It cannot be given up: its parent is."""
    with logged() as lines:
        async with open_system([rooms(puppet("a", restart=Restart.PERMANENT))]) as system:
            await crash_once(system, "a")
            assert system.registry.find("/s") is None
    phases = [(line["actor"], line["phase"]) for line in lines if line["event"] == "actor.crashed"]
    assert phases == [("/s/a", "handle"), ("/s", "task")]


async def test_what_depends_on_a_child_lives_on_when_that_is_given_up() -> None:
    specs = [puppet(name, restart=Restart.TRANSIENT) for name in "ab"]
    async with open_system([rooms(*specs, strategy=Strategy.REST_FOR_ONE)]) as system:
        for _ in range(4):
            await crash_once(system, "a")
        assert system.registry.find("/s/a") is None
        assert await do(found(system, "/s/b"), incarnation) == 4  # restarted with it, three times


POLICIES = [Restart.TRANSIENT, Restart.TRANSIENT, Restart.TEMPORARY, Restart.TEMPORARY]


@settings(max_examples=60, deadline=None)
@given(order=st.lists(st.integers(0, len(POLICIES) - 1), max_size=30))
def test_random_crashes_of_random_children_never_restart_a_sibling(order: list[int]) -> None:
    async def run() -> None:
        names = [f"c{number}" for number in range(len(POLICIES))]
        specs = [puppet(n, restart=policy) for n, policy in zip(names, POLICIES, strict=True)]
        async with open_system([rooms(*specs)]) as system:
            lives = dict.fromkeys(names, 1)  # 0: ended for good
            for number in order:
                name = names[number]
                if not lives[name]:
                    continue
                await crash_once(system, name)
                again = POLICIES[number] is Restart.TRANSIENT and lives[name] <= OWN.restarts
                lives[name] = lives[name] + 1 if again else 0
                for each, life in lives.items():
                    ref = system.registry.find(f"/s/{each}")
                    assert (0 if ref is None else await do(ref, incarnation)) == life
            assert found(system, "/s").alive

    with logged():
        trio.run(run, clock=MockClock())
