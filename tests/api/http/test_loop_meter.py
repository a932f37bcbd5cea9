"""Who holds the event loop is counted and named; who only waits is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import trio
from structlog.testing import capture_logs

from api.http.loop_meter import HELD_SECONDS, LoopMeter, at_hand


@contextmanager
def metered(meter: LoopMeter) -> Iterator[None]:
    trio.lowlevel.add_instrument(meter)
    try:
        yield
    finally:
        trio.lowlevel.remove_instrument(meter)


async def compute(seconds: float) -> None:
    """Hold the loop for so much processor time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
    await trio.lowlevel.checkpoint()


async def hold(meter: LoopMeter, seconds: float, name: str) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(compute, seconds, name=name)


async def test_a_long_step_is_counted_and_named_once() -> None:
    meter = LoopMeter()
    with metered(meter), capture_logs() as logs:
        await hold(meter, 0.3, "/conferencing/room")
        await hold(meter, 0.15, "another")
        await trio.lowlevel.checkpoint()
    assert sum(meter.counts) == 2
    assert 0.3 <= meter.longest < 3
    assert meter.longest + 0.15 - 1e-6 <= meter.seconds < 6
    [line] = logs
    assert line["event"] == "loop.held"
    assert line["by"] == "/conferencing/room"
    assert 300 <= line["ms"] < 3000
    assert len(meter.counts) == len(HELD_SECONDS) + 1


async def test_the_route_of_a_request_is_named() -> None:
    async def view() -> None:
        at_hand.set("/v1/rooms/<room_id>")
        await compute(0.15)

    meter = LoopMeter()
    with metered(meter), capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(view)
    assert [line["by"] for line in logs] == ["/v1/rooms/<room_id>"]


def _sleep(seconds: float) -> None:
    """Stand still, as where another process has the processor."""
    time.sleep(seconds)


async def test_neither_idleness_nor_many_short_steps_nor_waiting_for_others_count() -> None:
    for _ in range(5):  # garbage may be collected in one of these steps
        meter = LoopMeter()
        with metered(meter), capture_logs() as logs:
            await trio.sleep(0.15)
            for _ in range(20):
                await compute(0.01)
            _sleep(0.15)
            await trio.lowlevel.checkpoint()
            await trio.sleep(0.12)
        if not logs:
            break
    assert (logs, sum(meter.counts)) == ([], 0)


async def test_nothing_counts_while_the_server_begins() -> None:
    meter = LoopMeter(lambda: False)
    with metered(meter), capture_logs() as logs:
        await compute(0.15)
        await trio.lowlevel.checkpoint()
    assert (logs, sum(meter.counts)) == ([], 0)
