"""Context variables of whoever spawns or asks do not leak into actors and helpers."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import trio
import trio.testing

from actors.core import Restart, open_system
from tests.actors.core.puppet import Puppet, crash, do, found, puppet, spawning

request_id: ContextVar[str] = ContextVar("request_id", default="none")


async def note_request_id(me: Puppet) -> None:
    me.diary.append(request_id.get())


async def test_a_spawned_actor_does_not_see_the_spawners_context() -> None:
    async def spawn(me: Puppet) -> None:
        request_id.set("leaked")
        await me.ctx.spawn(puppet("child", diary, on_setup=note_request_id))

    diary: list[str] = []
    async with open_system([puppet("a")]) as system:
        await do(found(system, "/a"), spawn)
        await trio.testing.wait_all_tasks_blocked()
    assert diary[1] == "none"


async def test_a_factory_does_not_see_the_spawners_context() -> None:
    seen: list[str] = []

    class Curious(Puppet):
        def __init__(self) -> None:
            super().__init__()
            seen.append(request_id.get())

    async def spawn(me: Puppet) -> None:
        from actors.core import ChildSpec

        request_id.set("leaked")
        await me.ctx.spawn(ChildSpec("child", Curious))

    async with open_system([puppet("a")]) as system:
        await do(found(system, "/a"), spawn)
    assert seen == ["none"]


async def test_a_helper_task_does_not_see_the_handlers_context() -> None:
    async def help_out(me: Puppet) -> None:
        await note_request_id(me)

    async def start(me: Puppet) -> None:
        request_id.set("leaked")
        me.ctx.start_task(help_out, me)

    diary: list[str] = []
    async with open_system([puppet("a", diary)]) as system:
        await do(found(system, "/a"), start)
        await trio.testing.wait_all_tasks_blocked()
    assert diary[1] == "none"


async def test_an_asked_actor_does_not_see_the_askers_context() -> None:
    diary: list[str] = []
    async with open_system([puppet("a", diary)]) as system:
        request_id.set("leaked")
        await do(found(system, "/a"), note_request_id)
    assert diary[1] == "none"


async def test_a_restarted_actor_does_not_see_what_its_predecessor_set() -> None:
    async def remember(_me: Puppet) -> None:
        request_id.set("leaked")

    diary: list[str] = []
    async with open_system([puppet("a", diary, restart=Restart.TRANSIENT)]) as system:
        await do(found(system, "/a"), remember)
        await crash(found(system, "/a"))
        await do(found(system, "/a"), note_request_id)
    assert diary[-2] == "none"


async def test_every_task_of_the_tree_starts_in_the_context_in_which_it_was_opened() -> None:
    diary: list[str] = []
    token = request_id.set("of the program")
    try:
        async with open_system([puppet("a")]) as system:
            child = puppet("child", diary, on_setup=note_request_id)
            await do(found(system, "/a"), spawning(child))
            await trio.testing.wait_all_tasks_blocked()
    finally:
        request_id.reset(token)
    assert diary[1] == "of the program"


async def test_a_system_opened_within_an_actor_is_a_world_of_its_own() -> None:
    async def open_inner(me: Puppet) -> Any:
        async def ask_outer(inner: Puppet) -> None:
            # Within the outer handler's chain this would be a cycle; it is another tree's request.
            inner.diary.append("setup of the inner one")

        async with open_system([puppet("inner", me.diary, on_setup=ask_outer)]) as system:
            return sorted(ref.path for ref in system.registry.children("/"))

    diary: list[str] = []
    async with open_system([puppet("a", diary)]) as system:
        assert await do(found(system, "/a"), open_inner) == ["/inner"]
    assert "setup of the inner one" in diary
