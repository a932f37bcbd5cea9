"""Whatever happens in whatever order, nothing and nobody is left waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.core import (
    ActorError,
    ActorSystem,
    ChildSpec,
    Intensity,
    Ref,
    Restart,
    RestartLimit,
    Spawn,
    Strategy,
    Supervisor,
    open_system,
)
from actors.core.state import ActorState
from tests.actors.core.puppet import Boom, Do, Note, Puppet, boom, logged, puppet
from tests.support.examples import examples

NAMES = "abc"


async def wait_a_little(_me: Puppet) -> None:
    await trio.sleep(1)


async def wait_for_good(_me: Puppet) -> None:
    await trio.sleep_forever()


async def crash_later(_me: Puppet) -> None:
    await trio.sleep(0.5)
    raise Boom


async def stop_self(me: Puppet) -> None:
    if me.ctx.incarnation < 3:
        me.ctx.stop()


async def crash_in_helper(me: Puppet) -> None:
    me.ctx.start_task(crash_later, me)


async def defer_forever(me: Puppet) -> None:
    me.ctx.defer()


async def set_timer(me: Puppet) -> None:
    me.ctx.tell_self_after(0.7, Note("timer"))


async def watch_all(me: Puppet) -> None:
    for ref in me.ctx.registry.children("/s"):
        me.ctx.watch(ref)


async def ask_neighbour(me: Puppet) -> None:
    for ref in me.ctx.registry.children("/s"):
        await ref.ask(Do(wait_a_little), within=2)


async def have_child(me: Puppet) -> None:
    await me.ctx.spawn(puppet("child", restart=Restart.TRANSIENT, on_note=boom))


async def disturb_child(me: Puppet) -> None:
    child = me.ctx.child("child")
    if child is not None:
        child.tell(Note("crash"))


ACTS = [
    wait_a_little, wait_for_good, boom, crash_later, stop_self, crash_in_helper, defer_forever,
    set_timer, watch_all, ask_neighbour, have_child, disturb_child,
]  # fmt: skip

hooks = st.sampled_from([None, boom, wait_a_little, crash_later])
specs = st.builds(
    lambda name, restart, grace, setup, teardown: (name, restart, grace, setup, teardown),
    st.sampled_from(NAMES),
    st.sampled_from(Restart),
    st.sampled_from([0.0, 0.3, 2.0]),
    st.sampled_from([None, None, None, boom, wait_a_little]),
    hooks,
)
steps = st.one_of(
    st.tuples(st.just("spawn"), specs),
    st.tuples(st.sampled_from(["tell", "ask", "ask and leave"]), st.sampled_from(ACTS)),
    st.tuples(st.just("stop"), st.sampled_from(NAMES)),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.2, 1.0, 3.0])),
)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), steps), max_size=25),
    st.sampled_from(Strategy),
    st.sampled_from([0.5, 20.0]),
)
def test_no_order_of_events_leaves_an_actor_or_a_waiter_behind(
    story: list[tuple[str, tuple[str, Any]]], strategy: Strategy, grace: float
) -> None:
    with logged():
        trio.run(live_through, story, strategy, grace, clock=trio.testing.MockClock(0, 0.0))


async def live_through(
    story: list[tuple[str, tuple[str, Any]]], strategy: Strategy, grace: float
) -> None:
    """Play a story in a fresh system, and check what is left of it."""
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    clock.autojump_threshold = 0
    supervisor = ChildSpec(
        "s", lambda: Supervisor((), strategy, Intensity(3, 5.0)), Restart.TRANSIENT
    )
    kept: list[Ref[Any]] = []
    waiting = 0

    async def ask(ref: Ref[Any], act: Callable[[Puppet], Awaitable[object]]) -> None:
        nonlocal waiting
        waiting += 1
        try:
            await ref.ask(Do(act), within=4)
        except ActorError:
            pass
        finally:
            waiting -= 1

    system: ActorSystem | None = None
    began = trio.current_time()
    try:
        async with trio.open_nursery() as nursery, open_system([supervisor], grace=grace) as system:
            for name, (what, how) in story:
                await step(system, nursery, ask, kept, name, what, how)
    except* RestartLimit:
        pass
    assert system is not None
    assert waiting == 0
    assert trio.current_time() - began < 25 * 10 + 2 * grace + 10
    assert system.root_cell.state is ActorState.STOPPED
    assert system.counters.spawned == system.counters.stopped
    assert system.clock.pending == 0
    assert not any(ref.alive for ref in kept)


async def step(
    system: ActorSystem,
    nursery: trio.Nursery,
    ask: Callable[..., Awaitable[None]],
    kept: list[Ref[Any]],
    name: str,
    what: str,
    how: Any,
) -> None:
    """Do one thing of a story; its actor may be gone, which is fine."""
    ref = system.registry.find(f"/s/{name}")
    supervisor = system.registry.find("/s")
    try:
        match what:
            case "spawn" if supervisor is not None:
                child, restart, grace, setup, teardown = how
                made = puppet(
                    child, restart=restart, grace=grace, mailbox=3,
                    on_setup=setup, on_teardown=teardown,
                )  # fmt: skip
                kept.append(await supervisor.ask(Spawn(made), within=1))
            case "tell" if ref is not None:
                ref.tell(Do(how))
            case "ask" if ref is not None:
                nursery.start_soon(ask, ref, how)
            case "ask and leave" if ref is not None:
                with trio.move_on_after(0.3):
                    await ask(ref, how)
            case "stop":
                system.stop_actor(f"/s/{how}")
            case "wait":
                await trio.sleep(how)
    except ActorError:
        pass
