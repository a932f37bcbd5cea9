"""The rate of a websocket as a pure window, and the ticker of a listener."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.http.carriers.pacing import FRAME_BURST, WINDOW_STAMPS, FrameRate, Keeper, RateWindow


def test_no_limit_never_waits() -> None:
    window = RateWindow(0)
    assert [window.take(0.0) for _ in range(10_000)] == [0.0] * 10_000


def test_the_21st_message_of_a_second_waits_for_the_first_to_be_a_second_old() -> None:
    window = RateWindow(20)
    assert [window.take(number / 100) for number in range(20)] == [0.0] * 20
    assert window.take(0.2) == 0.8
    assert window.take(1.0) == 1.01 - 1.0


def test_a_steady_sender_below_the_rate_never_waits() -> None:
    window = RateWindow(20)
    assert max(window.take(number * 0.0501) for number in range(1000)) == 0.0


def test_a_burst_may_come_at_once_and_then_the_rate_holds() -> None:
    window = RateWindow(50, 200)
    assert [window.take(0.0) for _ in range(200)] == [0.0] * 200
    assert [window.take(0.0) for _ in range(200)] == [4.0] * 200
    assert window.take(8.0) == 0.0
    assert RateWindow(0, 200).take(0.0) == 0.0


@given(
    rate=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 0.5, allow_nan=False), min_size=1, max_size=200),
)
def test_no_second_ever_holds_more_than_the_rate(rate: int, gaps: list[float]) -> None:
    window, now, passed = RateWindow(rate), 0.0, []
    for gap in gaps:
        now += gap
        now += window.take(now)  # the reader sleeps that long
        passed.append(now)
    for first, later in zip(passed, passed[rate:], strict=False):
        assert later - first > 1.0 - 1e-9


@given(st.integers(WINDOW_STAMPS + 1, 10_000_000))
def test_a_large_rate_costs_no_more_memory_and_keeps_its_mean(rate: int) -> None:
    window = RateWindow(rate)
    delays = [window.take(0.0) for _ in range(3 * WINDOW_STAMPS)]
    assert abs(delays[-1] - 2 * WINDOW_STAMPS / rate) < 1e-6


def test_frames_may_come_in_a_burst_and_then_at_their_rate() -> None:
    rate = FrameRate(200)
    assert rate.take(5.0, FRAME_BURST) == 0.0
    assert rate.take(5.0, 100) == pytest.approx(0.5)
    assert rate.take(5.5, 100) == pytest.approx(0.5)
    assert rate.take(1000.0, FRAME_BURST) == pytest.approx(0.0)
    assert rate.take(1000.0, 1) == pytest.approx(1 / 200)


def test_frames_without_a_limit_never_wait() -> None:
    rate = FrameRate(0)
    assert [rate.take(0.0, 1000) for _ in range(1000)] == [0.0] * 1000


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.floats(0, 3, allow_nan=False), st.integers(1, 32)), max_size=100),
)
def test_no_more_frames_pass_than_the_burst_and_the_rate(
    rate: int, taken: list[tuple[float, int]]
) -> None:
    frames, now, passed = FrameRate(rate), 0.0, 0
    for gap, count in taken:
        now += gap
        now += frames.take(now, count)
        passed += count
        assert passed <= FRAME_BURST + rate * now + 1e-6


class Clock:
    def __init__(self) -> None:
        self.ticks: list[float] = []
        self.excused: list[float] = []

    def tick(self, now: float) -> None:
        self.ticks.append(now)

    def excuse(self, seconds: float) -> None:
        self.excused.append(seconds)


def refuse(kept: Clock, error: Exception) -> None:
    raise AssertionError from error


async def test_a_tick_that_raises_is_told_and_disturbs_nobody(
    autojump_clock: trio.testing.MockClock,
) -> None:
    class Broken(Clock):
        def tick(self, now: float) -> None:
            super().tick(now)
            raise ZeroDivisionError("a bug")

    def crashed(kept: Clock, error: Exception) -> None:
        told.append(type(error))
        if kept is worse:
            raise RuntimeError("a bug in its end")
        if len(told) > 3:
            keeper.discard(kept)

    told = list[type[Exception]]()
    keeper, broken, worse, well = Keeper(crashed), Broken(), Broken(), Clock()
    with capture_logs() as entries:
        async with trio.open_nursery() as nursery:
            for each in (broken, worse, well):
                keeper.add(each)
            nursery.start_soon(keeper.run)
            await trio.sleep(5.5)
            nursery.cancel_scope.cancel()
    assert [len(each.ticks) for each in (broken, worse, well)] == [3, 1, 5]
    assert told == [ZeroDivisionError] * 4
    assert [(entry["event"], entry["at"]) for entry in entries] == [("connection.crashed", "end")]


async def test_the_keeper_ticks_everyone_once_a_second_and_sleeps_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    keeper, first, second = Keeper[Clock](refuse), Clock(), Clock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        await trio.sleep(100)
        keeper.add(first)
        await trio.sleep(2.5)
        keeper.add(second)
        await trio.sleep(2)
        keeper.discard(first)
        await trio.sleep(1)
        assert len(keeper) == 1
        keeper.discard(second)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert first.ticks == [101.0, 102.0, 103.0, 104.0]
    assert second.ticks == [103.0, 104.0, 105.0]


async def test_a_tick_that_comes_late_excuses_everyone_first(
    mock_clock: trio.testing.MockClock,
) -> None:
    keeper, kept = Keeper[Clock](refuse), Clock()
    keeper.add(kept)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        for seconds in (1.0, 40.0, 1.0, 2.5, 3.5):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(seconds)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert kept.ticks == [1.0, 41.0, 42.0, 44.5, 48.0]
    assert kept.excused == [39.0, 2.5]
