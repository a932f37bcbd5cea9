"""A setup that takes too long is a crash like any other, and never holds up a start for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import (
    ChildSpec,
    Ref,
    Restart,
    RestartLimit,
    SetupTimeout,
    Spawn,
    Supervisor,
    open_system,
)
from tests.actors.core.puppet import Puppet, do, found, hang, incarnation, logged, puppet


async def hang_at_first(me: Puppet) -> None:
    if me.ctx.incarnation == 1:
        await trio.sleep_forever()


async def spawned(parent: Ref[Any], spec: ChildSpec) -> Ref[Any]:
    """Have a supervisor spawn a child."""
    ref: Ref[Any] = await parent.ask(Spawn(spec), within=1)
    return ref


async def test_a_setup_that_hangs_is_cut_off_and_tried_again(autojump_clock: MockClock) -> None:
    diary: list[str] = []
    spec = replace(
        puppet("a", diary, restart=Restart.PERMANENT, on_setup=hang_at_first), setup_seconds=7
    )
    began = trio.current_time()
    with logged() as lines:
        async with open_system([spec, puppet("b", diary)]) as system:
            assert trio.current_time() - began == pytest.approx(7)
            assert await do(found(system, "/a"), incarnation) == 2
    assert diary[:3] == ["a setup", "a setup", "b setup"]
    (crash,) = [line for line in lines if line["event"] == "actor.crashed"]
    assert (crash["actor"], crash["phase"]) == ("/a", "setup")
    assert isinstance(crash["exc_info"], SetupTimeout)


async def test_a_setup_that_hangs_makes_nobody_wait_who_does_not_stand_on_it(
    autojump_clock: MockClock,
) -> None:
    async with open_system([ChildSpec("s", Supervisor)]) as system:
        parent = found(system, "/s")
        ref = await spawned(parent, puppet("slow", on_setup=hang))
        await spawned(parent, puppet("quick"))
        assert await do(found(system, "/s/quick"), incarnation) == 1
        await trio.sleep(31)
        assert not ref.alive


async def test_time_is_counted_for_the_setup_alone(autojump_clock: MockClock) -> None:
    async with open_system([replace(puppet("a"), setup_seconds=7)]) as system:
        await trio.sleep(100)
        assert await do(found(system, "/a"), incarnation) == 1


async def test_a_start_that_never_comes_to_its_end_is_given_up(autojump_clock: MockClock) -> None:
    spec = puppet("a", restart=Restart.PERMANENT, on_setup=hang)
    began = trio.current_time()
    with logged(), pytest.raises(RestartLimit) as caught:
        async with open_system([spec], setup_seconds=90):
            raise AssertionError("the body runs although nothing is ready")
    assert isinstance(caught.value.__cause__, SetupTimeout)
    assert trio.current_time() - began == pytest.approx(90)
