"""Work in threads, in fair lines: places come back whatever ends the work or the wait."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import pytest
import trio

from actors.words.refusals import Busy
from api.http.fair_line import FairLine, LineFull, LineLimits
from api.http.fair_work import FairWork, line_limits
from api.settings import LimitSettings

PATIENCE = 20.0
LIMITS = LineLimits(
    places=1,
    places_of_one=1,
    waiting=4,
    waiting_of_one=2,
    waiting_bytes=100,
    waiting_bytes_of_one=100,
)


async def until_free(work: FairWork) -> None:
    with trio.fail_after(PATIENCE):
        while work.at_work or work.waiting:
            await trio.sleep(0.001)


async def test_the_result_and_what_is_raised_come_back() -> None:
    work = FairWork(lambda: LIMITS)
    assert await work.run("a", lambda: 1 + 1) == 2
    with pytest.raises(RuntimeError, match="own"):
        await work.run("a", lambda: _raise(RuntimeError("own")))
    await until_free(work)


def _raise(error: Exception) -> None:
    raise error


async def test_one_who_asks_for_much_does_not_delay_others() -> None:
    work = FairWork(lambda: LIMITS)
    gate, order = threading.Event(), list[str]()
    refused = 0

    def note(owner: str) -> None:
        gate.wait(PATIENCE)
        order.append(owner)

    async def ask(owner: str) -> None:
        nonlocal refused
        try:
            await work.run(owner, partial(note, owner))
        except Busy:
            refused += 1

    async with trio.open_nursery() as nursery:
        for owner in ("a", "a", "a", "a", "b"):
            nursery.start_soon(ask, owner)
            await trio.testing.wait_all_tasks_blocked()
        gate.set()
    assert order == ["a", "a", "b", "a"]
    assert refused == 1
    await until_free(work)


async def test_an_abandoned_thread_keeps_its_place_until_it_ends() -> None:
    work = FairWork(lambda: LIMITS)
    gate = threading.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work.run, "a", lambda: gate.wait(PATIENCE))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert work.at_work == 1
    with trio.move_on_after(0.05):
        await work.run("b", lambda: None)
        raise AssertionError("there was no place")
    assert (work.at_work, work.waiting) == (1, 0)
    gate.set()
    await until_free(work)
    assert await work.run("b", lambda: 3) == 3


async def test_a_turn_without_a_thread_and_one_that_gives_way() -> None:
    work = FairWork(lambda: replace(LIMITS, waiting=1))
    held, over = trio.Event(), trio.Event()

    async def hold() -> None:
        async with work.turn("a"):
            held.set()
            await over.wait()

    async def wait_too(owner: str, found: list[str]) -> None:
        try:
            async with work.turn(owner):
                found.append("had a turn")
        except Busy:
            found.append("busy")

    found: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold)
        await held.wait()
        nursery.start_soon(wait_too, "b", found)
        await trio.testing.wait_all_tasks_blocked()
        await wait_too("b", found)
        assert found == ["busy"]
        over.set()
    assert found == ["busy", "had a turn"]
    await until_free(work)


async def test_who_is_cancelled_where_the_place_came_gives_it_back() -> None:
    work = FairWork(lambda: LIMITS)
    with trio.CancelScope() as scope:
        scope.cancel()
        await work.run("a", lambda: None)
    assert (work.at_work, work.waiting) == (0, 0)


def test_five_hundred_of_one_address_may_wait_and_others_come_before_them() -> None:
    limits = LimitSettings()
    line = FairLine[str](line_limits(limits))
    for number in range(500):
        assert line.join("school", f"s{number}", 60_000) == []
    for number in range(500, limits.work_waiting):
        assert line.join("school", f"s{number}", 1) == []
    with pytest.raises(LineFull):
        line.join("school", "one more", 1)
    assert line.join("elsewhere", "e0", 60_000) == [f"s{limits.work_waiting - 1}"]
    assert [line.call(), line.done("school"), line.call()] == ["s0", None, "e0"]
