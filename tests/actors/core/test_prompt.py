"""Actors that promise never to wait: cheaper for each message, and otherwise like all others."""

from __future__ import annotations

from functools import partial

import trio.testing

from actors.core import ChildSpec, Restart, open_system
from tests.actors.core.puppet import (
    Note,
    Puppet,
    crash,
    do,
    found,
    incarnation,
    logged,
    quiet,
)


class Prompt(Puppet):
    prompt = True


def prompt(diary: list[str], restart: Restart = Restart.TEMPORARY) -> ChildSpec:
    return ChildSpec("a", partial(Prompt, diary), restart)


async def test_a_prompt_actor_handles_notes_and_answers_in_order() -> None:
    diary: list[str] = []
    async with open_system([prompt(diary)]) as system:
        ref = found(system, "/a")
        for number in range(100):  # more than it handles in a row
            ref.tell(Note(str(number)))
        await do(ref, quiet)
        assert diary[1:] == [str(number) for number in range(100)]


async def test_a_prompt_actor_that_stops_drops_what_waited() -> None:
    async def stop(me: Puppet) -> None:
        me.ctx.self_ref.tell(Note("dropped"))
        me.ctx.stop("enough")

    diary: list[str] = []
    async with open_system([prompt(diary)]) as system:
        ref = found(system, "/a")
        await do(ref, stop)
        await trio.testing.wait_all_tasks_blocked()
        assert not ref.alive
    assert diary == ["a setup", "a teardown: enough"]


async def test_a_prompt_actor_that_crashes_comes_back() -> None:
    diary: list[str] = []
    with logged() as lines:
        async with open_system([prompt(diary, Restart.TRANSIENT)]) as system:
            ref = found(system, "/a")
            await crash(ref)
            assert await do(ref, incarnation) == 2
    assert [line["event"] for line in lines] == ["actor.crashed"]


async def test_a_crashing_helper_takes_a_prompt_actor_with_it() -> None:
    async def fall(_me: object) -> None:
        raise RuntimeError

    async def help_me(me: Puppet) -> None:
        me.ctx.start_task(fall, me)

    diary: list[str] = []
    with logged() as lines:
        async with open_system([prompt(diary, Restart.TRANSIENT)]) as system:
            ref = found(system, "/a")
            await do(ref, help_me)
            await trio.testing.wait_all_tasks_blocked()
            assert await do(ref, incarnation) == 2
    assert [(line["event"], line["phase"]) for line in lines] == [("actor.crashed", "task")]
