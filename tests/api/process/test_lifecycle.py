"""The states of the process, in their order."""

from __future__ import annotations

import trio
from structlog.testing import capture_logs

from api.process.lifecycle import Lifecycle, ServerState


async def test_newcomers_are_turned_away_first_and_those_inside_are_told_after_the_delay(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lifecycle = Lifecycle()
    told: list[tuple[float, ServerState]] = []

    async def tell() -> None:
        told.append((trio.current_time(), lifecycle.state))

    lifecycle.drain_hooks += [tell, tell]
    assert (lifecycle.ready, lifecycle.accepting) == (False, True)
    lifecycle.mark_ready()
    assert (lifecycle.ready, lifecycle.accepting) == (True, True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lifecycle.drain, 3.0, 1.0)
        await trio.testing.wait_all_tasks_blocked()
        assert (lifecycle.ready, lifecycle.accepting) == (False, False)
    assert told == [(3.0, ServerState.DRAINING)] * 2
    assert lifecycle.state is ServerState.STOPPING


async def test_a_hook_that_hangs_is_given_up_and_logged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lifecycle = Lifecycle()
    lifecycle.drain_hooks.append(trio.sleep_forever)
    with capture_logs() as logs:
        await lifecycle.drain(0.0, 2.0)
    assert trio.current_time() == 2.0
    assert [line["event"] for line in logs] == ["server.drain_overran"]


async def test_a_process_that_drains_never_becomes_ready_again() -> None:
    lifecycle = Lifecycle()
    await lifecycle.drain(0.0, 1.0)
    lifecycle.mark_ready()
    assert not lifecycle.ready
