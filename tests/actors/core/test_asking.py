"""ask: budgets, cycles, cancelled callers, deferred answers."""

from __future__ import annotations

import gc
from typing import Any, ClassVar

import pytest
import trio
import trio.testing

from actors.core import (
    ActorCrashed,
    ActorStopped,
    AskCycle,
    AskTimeout,
    ChildSpec,
    Ref,
    Refused,
    ReplyTo,
    open_system,
)
from tests.actors.core.puppet import (
    Boom,
    Do,
    Puppet,
    asking,
    boom,
    do,
    found,
    hang,
    incarnation,
    puppet,
    quiet,
    spawning,
)


class NoRoom(Refused):
    code: ClassVar[str] = "no_room"


def reply_slots() -> list[ReplyTo[Any]]:
    """Return the reply slots that anything holds on to, a test before this one also."""
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, ReplyTo)]


def new_reply_slots(known: list[ReplyTo[Any]]) -> int:
    """Return how many there are beyond those that were known."""
    return sum(all(each is not it for it in known) for each in reply_slots())


async def refuse(_puppet: Puppet) -> None:
    raise NoRoom("full")


async def test_the_answer_is_what_the_handler_returns() -> None:
    async def add(_puppet: Puppet) -> int:
        return 1 + 1

    async with open_system([puppet("a")]) as system:
        assert await do(found(system, "/a"), add) == 2


async def test_refused_is_raised_in_the_asker_and_the_actor_lives() -> None:
    async with open_system([puppet("a")]) as system:
        ref = found(system, "/a")
        with pytest.raises(NoRoom, match="full") as refused:
            await do(ref, refuse)
        assert refused.value.code == "no_room"
        assert await do(ref, incarnation) == 1
        ref.tell(Do(refuse))  # nobody asked: the refusal goes nowhere
        assert await do(ref, incarnation) == 1
    assert system.counters.crashes == 0


async def test_a_crash_is_told_to_the_asker_with_its_cause() -> None:
    async with open_system([puppet("a")]) as system:
        with pytest.raises(ActorCrashed, match="/a: Boom") as crashed:
            await do(found(system, "/a"), boom)
        assert isinstance(crashed.value.__cause__, Boom)
        assert "secret" not in str(crashed.value)


async def test_no_answer_in_time_is_a_timeout_and_the_work_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slow(me: Puppet) -> None:
        await trio.sleep(2)
        me.diary.append("done all the same")

    diary: list[str] = []
    async with open_system([puppet("a", diary)]) as system:
        began = trio.current_time()
        with pytest.raises(AskTimeout, match="/a"):
            await do(found(system, "/a"), slow, within=1)
        assert trio.current_time() - began == pytest.approx(1)
        assert system.counters.ask_timeouts == 1
        await do(found(system, "/a"), quiet)
    assert "done all the same" in diary


async def test_the_budget_shrinks_on_the_way_down(autojump_clock: trio.testing.MockClock) -> None:
    heard: list[float] = []

    async def patient(_puppet: Puppet) -> None:
        began = trio.current_time()
        with pytest.raises(AskTimeout):
            await ref_of["b"].ask(Do(hang), within=30)
        heard.append(trio.current_time() - began)

    ref_of: dict[str, Ref[Any]] = {}
    async with open_system([puppet("a"), puppet("b", grace=0)]) as system:
        ref_of["b"] = found(system, "/b")
        began = trio.current_time()
        with pytest.raises(AskTimeout):
            await do(found(system, "/a"), patient, within=3)
        assert trio.current_time() - began == pytest.approx(3)
        await do(found(system, "/a"), quiet)
    assert heard == [pytest.approx(3)]


async def test_a_spent_budget_asks_nobody(autojump_clock: trio.testing.MockClock) -> None:
    async def late(_puppet: Puppet) -> None:
        await trio.sleep(2)
        with pytest.raises(AskTimeout):
            await ref_of["b"].ask(Do(note), within=5)

    async def note(me: Puppet) -> None:
        me.diary.append("asked")

    diary: list[str] = []
    ref_of: dict[str, Ref[Any]] = {}
    async with open_system([puppet("a"), puppet("b", diary)]) as system:
        ref_of["b"] = found(system, "/b")
        with pytest.raises(AskTimeout):
            await do(found(system, "/a"), late, within=1)
        await trio.sleep(10)
        assert system.counters.crashes == 0
    assert "asked" not in diary


async def test_a_request_that_expired_in_the_queue_is_dropped_unhandled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slow(_puppet: Puppet) -> None:
        await trio.sleep(2)

    async def note(me: Puppet) -> None:
        me.diary.append("handled though nobody waits")

    diary: list[str] = []
    async with open_system([puppet("a", diary)]) as system:
        found(system, "/a").tell(Do(slow))
        with pytest.raises(AskTimeout):
            await do(found(system, "/a"), note, within=1)
        await do(found(system, "/a"), quiet)
        assert system.counters.dropped_expired == 1
    assert "handled though nobody waits" not in diary


async def test_asking_oneself_is_a_cycle() -> None:
    async def ask_self(me: Puppet) -> None:
        await me.ctx.self_ref.ask(Do(quiet), within=5)

    async with open_system([puppet("a")]) as system:
        with pytest.raises(ActorCrashed) as crashed:
            await do(found(system, "/a"), ask_self)
        assert isinstance(crashed.value.__cause__, AskCycle)


async def test_a_cycle_through_others_is_noticed_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    seen: list[type[BaseException]] = []

    async def ask_back(_puppet: Puppet) -> None:
        try:
            await ref_of["a"].ask(Do(quiet), within=60)
        except AskCycle as error:
            seen.append(type(error))

    ref_of: dict[str, Ref[Any]] = {}
    async with open_system([puppet("a"), puppet("b"), puppet("c")]) as system:
        ref_of |= {name: found(system, f"/{name}") for name in "abc"}
        began = trio.current_time()
        through_c = asking(ref_of["c"], Do(ask_back))
        await do(ref_of["a"], asking(ref_of["b"], Do(through_c)))
        assert trio.current_time() == began
    assert seen == [AskCycle]


async def test_a_cycle_that_began_with_a_tell_is_noticed_too() -> None:
    seen: list[type[BaseException]] = []

    async def ask_back(_puppet: Puppet) -> None:
        try:
            await ref_of["a"].ask(Do(quiet), within=60)
        except AskCycle as error:
            seen.append(type(error))

    ref_of: dict[str, Ref[Any]] = {}
    async with open_system([puppet("a"), puppet("b")]) as system:
        ref_of |= {name: found(system, f"/{name}") for name in "ab"}
        ref_of["a"].tell(Do(asking(ref_of["b"], Do(ask_back))))
        await trio.testing.wait_all_tasks_blocked()
    assert seen == [AskCycle]


async def test_the_same_actor_may_be_asked_by_two_that_do_not_wait_for_each_other() -> None:
    async with open_system([puppet("a"), puppet("b"), puppet("c")]) as system:
        ref_of = {name: found(system, f"/{name}") for name in "abc"}

        async def both(_puppet: Puppet) -> None:
            await ref_of["c"].ask(Do(quiet), within=5)
            await ref_of["b"].ask(Do(asking(ref_of["c"], Do(quiet))), within=5)

        await do(ref_of["a"], both)


async def test_a_cancelled_caller_does_not_cancel_the_work() -> None:
    released = trio.Event()

    async def slow(me: Puppet) -> str:
        await released.wait()
        me.diary.append("finished")
        return "unheard"

    diary: list[str] = []
    async with open_system([puppet("a", diary)]) as system:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(do, found(system, "/a"), slow)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        released.set()
        assert await do(found(system, "/a"), incarnation) == 1
    assert "finished" in diary
    assert system.counters.ask_timeouts == 0


async def test_what_was_made_unheard_ends_with_its_owner() -> None:
    # The caller is gone before the answer: the child it would have got watches it instead.
    released = trio.Event()
    diary: list[str] = []

    async def follow(me: Puppet) -> None:
        me.ctx.watch(owner["ref"])

    class Owned(Puppet):
        async def on_down(self, down: Any) -> None:
            self.ctx.stop("owner gone")

    async def make(me: Puppet) -> Ref[Any]:
        await released.wait()
        return await me.ctx.spawn(ChildSpec("made", lambda: Owned(diary, on_setup=follow)))

    owner: dict[str, Ref[Any]] = {}
    async with open_system([puppet("owner"), puppet("maker")]) as system:
        owner["ref"] = found(system, "/owner")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(do, found(system, "/maker"), make)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        system.stop_actor("/owner")
        released.set()
        await trio.testing.wait_all_tasks_blocked()
        assert diary == ["made setup", "made teardown: owner gone"]
        assert system.registry.find("/maker/made") is None


async def test_a_deferred_answer_is_given_later_and_the_actor_goes_on() -> None:
    known = reply_slots()
    kept: list[ReplyTo[Any]] = []

    async def defer(me: Puppet) -> str:
        kept.append(me.ctx.defer())
        return "ignored"

    answers: list[Any] = []

    async def ask(ref: Ref[Any]) -> None:
        answers.append(await do(ref, defer))

    async with open_system([puppet("a")]) as system, trio.open_nursery() as nursery:
        nursery.start_soon(ask, found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()
        assert await do(found(system, "/a"), incarnation) == 1
        assert answers == []
        kept[0].reply("first")
        kept[0].reply("second")
        kept[0].refuse(NoRoom())
        kept.clear()
        await trio.testing.wait_all_tasks_blocked()
        assert new_reply_slots(known) == 0
    assert answers == ["first"]


async def test_a_deferred_answer_may_be_a_refusal() -> None:
    async def later(_me: Puppet, reply: ReplyTo[Any]) -> None:
        reply.refuse(NoRoom("later"))

    async def defer(me: Puppet) -> None:
        me.ctx.start_task(later, me, me.ctx.defer())

    async with open_system([puppet("a")]) as system:
        with pytest.raises(NoRoom, match="later"):
            await do(found(system, "/a"), defer)


@pytest.mark.parametrize(
    ("end", "error"), [("stop", ActorStopped), ("crash", ActorCrashed)], ids=["stop", "crash"]
)
async def test_those_who_wait_for_a_deferred_answer_hear_of_the_actors_end(
    end: str, error: type[Exception]
) -> None:
    async def defer(me: Puppet) -> None:
        me.ctx.defer()

    async def ask(ref: Ref[Any]) -> None:
        with pytest.raises(error):
            await do(ref, defer)

    async with open_system([puppet("a")]) as system, trio.open_nursery() as nursery:
        ref = found(system, "/a")
        nursery.start_soon(ask, ref)
        await trio.testing.wait_all_tasks_blocked()
        if end == "stop":
            system.stop_actor("/a")
        else:
            ref.tell(Do(boom))


async def test_an_answer_deferred_for_a_told_message_goes_nowhere() -> None:
    async def defer(me: Puppet) -> None:
        me.ctx.defer().reply("to nobody")

    async with open_system([puppet("a")]) as system:
        found(system, "/a").tell(Do(defer))
        assert await do(found(system, "/a"), incarnation) == 1


async def test_deferred_answers_that_nobody_waits_for_are_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    known = reply_slots()
    kept: list[ReplyTo[Any]] = []

    async def defer(me: Puppet) -> None:
        kept.append(me.ctx.defer())

    async with open_system([puppet("a")]) as system:
        for _ in range(3):
            with pytest.raises(AskTimeout):
                await do(found(system, "/a"), defer, within=1)
        assert all(reply.done for reply in kept)
        kept[0].reply("too late")
        kept.clear()
        await trio.testing.wait_all_tasks_blocked()
        assert new_reply_slots(known) == 0


async def test_asking_a_stopped_actor_fails_at_once() -> None:
    async with open_system([puppet("a")]) as system:
        ref = found(system, "/a")
        system.stop_actor("/a", "enough")
        with pytest.raises(ActorStopped, match="enough"):
            await do(ref, quiet)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ActorStopped, match="enough"):
            await do(ref, quiet)


async def test_a_handler_that_asks_a_stopped_actor_can_tell() -> None:
    async with open_system([puppet("a"), puppet("b")]) as system:
        ref = found(system, "/b")
        system.stop_actor("/b")
        await trio.testing.wait_all_tasks_blocked()

        async def try_b(_puppet: Puppet) -> str:
            with pytest.raises(ActorStopped):
                await ref.ask(Do(quiet), within=1)
            return "told"

        assert await do(found(system, "/a"), try_b) == "told"


async def test_helpers_do_not_inherit_budget_or_chain(
    autojump_clock: trio.testing.MockClock,
) -> None:
    # In the asker's context a helper that asks its own actor would be a false AskCycle.
    async def help_out(me: Puppet) -> None:
        await trio.sleep(10)  # longer than the budget of the request that started it
        await me.ctx.self_ref.ask(Do(note), within=5)

    async def note(me: Puppet) -> None:
        me.diary.append("asked by my own helper")

    async def start(me: Puppet) -> None:
        me.ctx.start_task(help_out, me)

    diary: list[str] = []
    async with open_system([puppet("a", diary), puppet("b")]) as system:
        through_b = asking(found(system, "/a"), Do(start), within=1)
        await do(found(system, "/b"), through_b)
        await trio.sleep(20)
        assert system.counters.crashes == 0
    assert "asked by my own helper" in diary


async def test_children_spawned_while_answering_do_not_inherit_the_chain() -> None:
    # The child asks up the chain in its own time, which must not look like a cycle.
    async def ask_grandparent(me: Puppet) -> None:
        me.diary.append(str(await ref_of["a"].ask(Do(incarnation), within=5)))

    diary: list[str] = []
    ref_of: dict[str, Ref[Any]] = {}
    async with open_system([puppet("a"), puppet("b")]) as system:
        ref_of["a"] = found(system, "/a")
        child = puppet("child", diary, on_setup=ask_grandparent)
        await do(ref_of["a"], asking(found(system, "/b"), Do(spawning(child))))
        await trio.testing.wait_all_tasks_blocked()
        assert diary == ["child setup", "1"]
