"""Crashes: who hears of them, what survives, and how often they are logged."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from actors.core import (
    Actor,
    ActorCrashed,
    ActorStopped,
    ChildSpec,
    MailboxFull,
    Message,
    Ref,
    Restart,
    open_system,
)
from tests.actors.core.puppet import (
    Boom,
    Do,
    Note,
    Puppet,
    boom,
    crash,
    do,
    found,
    incarnation,
    logged,
    puppet,
    quiet,
    watching,
)


async def test_queued_askers_hear_of_a_final_crash_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    released = trio.Event()
    heard: list[str] = []

    async def crash_when_released(_puppet: Puppet) -> None:
        await released.wait()
        raise Boom

    async def linger(_puppet: Puppet) -> None:
        await trio.sleep(3)  # a slow teardown must not keep them waiting

    async def ask(ref: Ref[Any]) -> None:
        try:
            await do(ref, quiet, within=60)
        except ActorStopped:
            heard.append(f"stopped at {trio.current_time() - began}")

    async with open_system([puppet("a", on_teardown=linger)]) as system:
        ref = found(system, "/a")
        ref.tell(Do(crash_when_released))
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, ref)
            nursery.start_soon(ask, ref)
            await trio.testing.wait_all_tasks_blocked()
            released.set()
        assert not ref.alive
    assert heard == ["stopped at 0.0", "stopped at 0.0"]


async def test_a_restarted_actor_is_fresh_and_keeps_ref_and_mailbox() -> None:
    diary: list[str] = []
    released = trio.Event()

    async def crash_when_released(me: Puppet) -> None:
        me.diary.append("about to crash")
        await released.wait()
        raise Boom

    made: list[Puppet] = []

    def make() -> Puppet:
        made.append(Puppet(diary))
        return made[-1]

    answers: list[int] = []

    async def ask(ref: Ref[Any]) -> None:
        answers.append(await do(ref, incarnation))

    async with open_system([ChildSpec("a", make, Restart.TRANSIENT)]) as system:
        ref = found(system, "/a")
        ref.tell(Do(crash_when_released))
        await trio.testing.wait_all_tasks_blocked()
        ref.tell(Note("told before the crash"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, ref)
            await trio.testing.wait_all_tasks_blocked()
            released.set()
        assert found(system, "/a") is ref
        assert ref.alive
    assert diary == [
        "a setup",
        "about to crash",  # once: the failing message is not run again
        "a teardown: crashed: Boom",
        "a setup",
        "told before the crash",
        "a teardown: shutdown",
    ]
    assert answers == [2]
    assert len(made) == 2
    assert made[0] is not made[1]


async def test_one_crash_is_one_log_line_without_the_message_of_the_error_in_the_tree() -> None:
    async with open_system([puppet("a", restart=Restart.TRANSIENT), puppet("b")]) as system:
        await do(found(system, "/b"), watching(found(system, "/a")))
        with logged() as lines:
            await crash(found(system, "/a"))
            await trio.testing.wait_all_tasks_blocked()
        assert len(lines) == 1
        assert lines[0]["event"] == "actor.crashed"
        assert lines[0]["log_level"] == "error"
        assert lines[0]["actor"] == "/a"
        assert lines[0]["kind"] == "puppet"
        assert lines[0]["incarnation"] == 1
        assert lines[0]["phase"] == "handle"
        assert lines[0]["restarting"] is True
        assert isinstance(lines[0]["exc_info"], Boom)
        tree: Any = system.tree()
        assert tree["children"][0]["last_error"].startswith("Boom in puppet.py:")
        assert "secret" not in str(tree)


async def test_a_crash_in_setup_is_a_crash_without_teardown() -> None:
    diary: list[str] = []
    with logged() as lines:
        async with open_system([puppet("a", diary, on_setup=boom)]) as system:
            assert system.registry.find("/a") is None
    assert diary == ["a setup"]
    assert [(line["event"], line["phase"]) for line in lines] == [("actor.crashed", "setup")]


async def test_messages_wait_while_an_actor_sets_up_and_hear_of_its_crash() -> None:
    released = trio.Event()

    async def fail_late(_puppet: Puppet) -> None:
        await released.wait()
        raise Boom

    async with open_system([puppet("a")]) as system:

        async def spawn(me: Puppet) -> Ref[Any]:
            return await me.ctx.spawn(puppet("slow", on_setup=fail_late))

        ref = await do(found(system, "/a"), spawn)
        async with trio.open_nursery() as nursery:
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(release_soon, released)
            with pytest.raises(ActorStopped):
                await do(ref, quiet)


async def release_soon(event: trio.Event) -> None:
    await trio.testing.wait_all_tasks_blocked()
    event.set()


async def test_a_factory_that_raises_crashes_the_child_and_not_the_spawner() -> None:
    def broken() -> Puppet:
        raise Boom

    with logged() as lines:
        async with open_system([puppet("a")]) as system:

            async def spawn(me: Puppet) -> Ref[Any]:
                return await me.ctx.spawn(ChildSpec("broken", broken))

            ref = await do(found(system, "/a"), spawn)
            await trio.testing.wait_all_tasks_blocked()
            assert not ref.alive
            assert await do(found(system, "/a"), incarnation) == 1
    assert [(line["actor"], line["phase"]) for line in lines] == [("/a/broken", "setup")]


async def test_a_factory_that_raises_on_restart_counts_against_the_limit() -> None:
    made: list[Puppet] = []

    def fragile() -> Puppet:
        if made:
            raise Boom
        made.append(Puppet())
        return made[0]

    class Parent(Puppet):
        intensity = Puppet.intensity.__class__(2, 60.0)

    specs = [ChildSpec("p", Parent)]
    with logged() as lines:
        async with open_system(specs) as system:

            async def spawn(me: Puppet) -> Ref[Any]:
                return await me.ctx.spawn(ChildSpec("c", fragile, Restart.PERMANENT))

            ref = await do(found(system, "/p"), spawn)
            await crash(ref)
            await trio.testing.wait_all_tasks_blocked()
            assert system.registry.find("/p") is None
    assert [line["actor"] for line in lines] == ["/p/c", "/p/c", "/p/c", "/p"]


async def test_a_crash_in_teardown_is_logged_and_the_end_goes_on() -> None:
    async with open_system([puppet("a", on_teardown=boom), puppet("b")]) as system:
        await do(found(system, "/b"), watching(found(system, "/a")))
        with logged() as lines:
            system.stop_actor("/a")
            await trio.testing.wait_all_tasks_blocked()
        assert [(line["event"], line["phase"]) for line in lines] == [("actor.crashed", "teardown")]

        async def downs(me: Puppet) -> list[str]:
            return [down.reason for down in me.downs]

        assert await do(found(system, "/b"), downs) == ["stopped by hand"]


async def test_a_crash_in_on_down_crashes_the_watcher() -> None:
    class Nervous(Puppet):
        async def on_down(self, down: Any) -> None:
            raise Boom

    async with open_system([ChildSpec("a", Nervous), puppet("b")]) as system:
        ref = found(system, "/a")
        await do(ref, watching(found(system, "/b")))
        system.stop_actor("/b")
        await trio.testing.wait_all_tasks_blocked()
        assert not ref.alive


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "in a handler"])
async def test_a_crash_in_a_helper_task_crashes_the_actor(busy: bool) -> None:
    released = trio.Event()

    async def help_out() -> None:
        await released.wait()
        raise Boom

    async def start(me: Puppet) -> None:
        me.ctx.start_task(help_out)
        if busy:
            me.ctx.start_task(release_soon, released)
            await trio.sleep_forever()

    diary: list[str] = []
    with logged() as lines:
        async with open_system([puppet("a", diary, restart=Restart.TRANSIENT)]) as system:
            ref = found(system, "/a")
            if busy:
                with pytest.raises(ActorCrashed) as crashed:
                    await do(ref, start)
                assert isinstance(crashed.value.__cause__, Boom)
            else:
                await do(ref, start)
                released.set()
                await trio.testing.wait_all_tasks_blocked()
            assert await do(ref, incarnation) == 2
    assert [(line["event"], line["phase"]) for line in lines] == [("actor.crashed", "task")]
    assert diary[1] == "a teardown: crashed: Boom"


async def test_a_handler_that_fails_over_its_helpers_crash_is_reported_as_well() -> None:
    async def help_out() -> None:
        raise Boom

    async def fail_too(me: Puppet) -> None:
        me.ctx.start_task(help_out)
        try:
            await trio.sleep_forever()
        finally:
            raise KeyError

    with logged() as lines:
        async with open_system([puppet("a", restart=Restart.TRANSIENT)]) as system:
            with pytest.raises(ActorCrashed):
                await do(found(system, "/a"), fail_too)
            assert await do(found(system, "/a"), incarnation) == 2
    assert [(type(line["exc_info"]), line["phase"]) for line in lines] == [
        (KeyError, "handle"),
        (Boom, "task"),
    ]


async def test_helper_tasks_end_with_the_incarnation_that_started_them() -> None:
    async def help_out(me: Puppet) -> None:
        try:
            await trio.sleep_forever()
        finally:
            me.diary.append("helper ended")

    async def start(me: Puppet) -> None:
        me.ctx.start_task(help_out, me, name="long one")

    diary: list[str] = []
    async with open_system([puppet("a", diary, restart=Restart.TRANSIENT)]) as system:
        await do(found(system, "/a"), start)
        await crash(found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()
    assert diary[:4] == ["a setup", "helper ended", "a teardown: crashed: Boom", "a setup"]


async def test_a_helper_that_fails_while_the_actor_ends_is_logged_and_harmless() -> None:
    async def help_out() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise Boom

    async def start(me: Puppet) -> None:
        me.ctx.start_task(help_out)

    diary: list[str] = []
    with logged() as lines:
        async with open_system([puppet("a", diary)]) as system:
            await do(found(system, "/a"), start)
            await trio.testing.wait_all_tasks_blocked()
    assert [(line["event"], line["phase"]) for line in lines] == [("actor.crashed", "task")]
    assert diary[-1] == "a teardown: shutdown"


async def fail_when_cancelled() -> None:
    try:
        await trio.sleep_forever()
    finally:
        raise Boom


async def fail_in_a_nursery_when_cancelled(*_: object) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail_when_cancelled)
        await trio.sleep_forever()


async def test_a_nursery_of_a_helper_that_fails_while_the_actor_ends_is_harmless_too() -> None:
    async def start(me: Puppet) -> None:
        me.ctx.start_task(fail_in_a_nursery_when_cancelled)

    diary: list[str] = []
    with logged() as lines:
        async with open_system([puppet("a", diary)]) as system:
            await do(found(system, "/a"), start)
            await trio.testing.wait_all_tasks_blocked()
    assert [(line["event"], line["phase"]) for line in lines] == [("actor.crashed", "task")]
    assert diary[-1] == "a teardown: shutdown"


async def test_a_nursery_of_a_teardown_that_fails_when_cut_off_is_logged_and_the_end_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    diary: list[str] = []
    with logged() as lines:
        async with open_system(
            [puppet("a", diary), puppet("b", on_teardown=fail_in_a_nursery_when_cancelled)]
        ):
            pass
    assert [line["event"] for line in lines] == ["actor.crashed", "actor.teardown_overran"]
    assert diary[-1] == "a teardown: shutdown"


async def test_an_uncaught_full_mailbox_crashes_the_teller_like_any_other_error() -> None:
    async with open_system([puppet("a"), puppet("b", mailbox=1)]) as system:

        async def tell_twice(_me: Puppet) -> None:
            found(system, "/b").tell(Note("one"))
            found(system, "/b").tell(Note("two"))

        with pytest.raises(ActorCrashed) as crashed:
            await do(found(system, "/a"), tell_twice)
        assert isinstance(crashed.value.__cause__, MailboxFull)


async def test_a_bug_in_snapshot_does_not_take_the_tree_page_with_it() -> None:
    class Shy(Actor[Message]):
        def snapshot(self) -> dict[str, object]:
            raise Boom("a secret")

    async with open_system([ChildSpec("a", Shy)]) as system:
        tree: Any = system.tree()
    assert tree["children"][0]["facts"]["snapshot_failed"].startswith("Boom in test_crashing.py")
    assert "secret" not in str(tree)


async def test_errors_grouped_by_a_nursery_in_a_handler_are_a_crash() -> None:
    async def raise_boom() -> None:
        raise Boom

    async def group(_me: Puppet) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(raise_boom)
            nursery.start_soon(raise_boom)

    async with open_system([puppet("a")]) as system:
        with pytest.raises(ActorCrashed) as crashed:
            await do(found(system, "/a"), group)
        assert isinstance(crashed.value.__cause__, ExceptionGroup)
