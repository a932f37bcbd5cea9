"""The system as a whole: opening, closing, killing, and what it shows."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Mapping
from typing import Any

import pytest
import trio
import trio.lowlevel
import trio.testing

import actors.core
from actors.core import (
    Actor,
    ActorStopped,
    ChildSpec,
    Message,
    PermanentActor,
    Ref,
    Restart,
    Spawn,
    Strategy,
    Supervisor,
    Timer,
    UnknownActor,
    open_system,
)
from actors.core.cell import Cell
from actors.core.incarnation import Incarnation
from actors.core.mailbox import Mailbox
from tests.actors.core.puppet import (
    Note,
    Puppet,
    crash,
    do,
    found,
    hang,
    logged,
    puppet,
    quiet,
    spawning,
)


async def test_the_bodys_own_error_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with open_system([puppet("a")]):
            raise KeyError


async def test_a_cancellation_from_outside_stops_everything_backwards() -> None:
    diary: list[str] = []

    async def slowly(me: Puppet) -> None:
        await trio.testing.wait_all_tasks_blocked()  # a checkpoint: teardowns are shielded
        me.diary.append(f"{me.name} gone")

    specs = [puppet(name, diary, on_teardown=slowly) for name in "abc"]
    with trio.CancelScope() as scope:
        async with open_system(specs):
            diary.clear()
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert diary == [
        "c teardown: shutdown", "c gone",
        "b teardown: shutdown", "b gone",
        "a teardown: shutdown", "a gone",
    ]  # fmt: skip


async def test_a_cancellation_while_it_opens_closes_it_again() -> None:
    diary: list[str] = []
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def cancel() -> None:
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()

            nursery.start_soon(cancel)
            specs = [puppet("a", diary), puppet("b", diary, on_setup=hang, grace=0)]
            async with open_system(specs):
                raise AssertionError("the body ran")
    assert scope.cancelled_caught
    assert diary == ["a setup", "b setup", "a teardown: shutdown"]


async def test_what_does_not_stop_within_the_grace_is_killed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    diary: list[str] = []
    specs = [
        puppet("a", diary, restart=Restart.PERMANENT),
        puppet("b", diary, on_teardown=hang, grace=3600),
        puppet("c", diary, on_note=hang, grace=3600),
    ]
    began = trio.current_time()
    with logged() as lines:
        async with open_system(specs, grace=7) as system:
            found(system, "/c").tell(Note("hang"))
            await trio.lowlevel.checkpoint()
            await do(found(system, "/b"), spawning(puppet("child", diary)))
    assert trio.current_time() - began == pytest.approx(7)
    assert [line["event"] for line in lines] == ["system.killed"]
    assert lines[0]["actors"] == 3  # the root, b and c; the others had time enough
    assert system.counters.spawned == system.counters.stopped == 5


async def test_askers_of_a_killed_system_are_told(autojump_clock: trio.testing.MockClock) -> None:
    async def ask(ref: Ref[Any]) -> None:
        with pytest.raises(ActorStopped):
            await do(ref, hang, within=3600)

    specs = [puppet("a", grace=3600)]
    async with trio.open_nursery() as nursery, open_system(specs, grace=1) as system:
        nursery.start_soon(ask, found(system, "/a"))
        await trio.testing.wait_all_tasks_blocked()


async def test_shutdown_may_be_called_before_the_block_ends() -> None:
    diary: list[str] = []
    async with open_system([puppet("a", diary)]) as system:
        await system.shutdown(5)
        diary.append("shut down")
        assert system.registry.find("/a") is None
        assert not system.root.alive
    assert diary == ["a setup", "a teardown: shutdown", "shut down"]


async def test_actors_are_found_by_path() -> None:
    async with open_system([puppet("a"), ChildSpec("rooms", Supervisor)]) as system:
        rooms = found(system, "/rooms")
        one = await rooms.ask(Spawn(puppet("one")), within=1)
        two = await rooms.ask(Spawn(puppet("two")), within=1)
        registry = system.registry
        assert registry.find("/") is system.root
        assert registry.find("/rooms/one") is one
        assert registry.children("/rooms") == [one, two]
        assert registry.count_children("/rooms") == 2
        assert registry.count_children("/rooms/nobody") == 0
        assert [ref.path for ref in registry.children("/")] == ["/a", "/rooms"]
        for path in ("/rooms/three", "/nothing/here", "/a/b", "", "//", "/rooms//one"):
            assert registry.find(path) is None, path
        assert registry.children("/nothing") == []

        async def look_up(me: Puppet) -> list[object]:
            parent = me.ctx.parent
            return [me.ctx.registry.find("/rooms/two"), parent, me.ctx.self_ref]

        assert await do(one, look_up) == [two, rooms, one]
    assert registry.find("/rooms") is None


async def test_stop_actor_says_why_it_cannot() -> None:
    async with open_system([puppet("a", restart=Restart.PERMANENT), puppet("b")]) as system:
        with pytest.raises(UnknownActor):
            system.stop_actor("/nobody")
        with pytest.raises(PermanentActor):
            system.stop_actor("/a")
        with pytest.raises(PermanentActor):
            system.stop_actor("/")
        system.stop_actor("/b")
        with pytest.raises(UnknownActor):
            system.stop_actor("/b")


async def test_the_tree_shows_every_actor_as_json() -> None:
    class Room(Puppet):
        kind = "room"

        def snapshot(self) -> Mapping[str, object]:
            return {"peers": 2}

    specs = [ChildSpec("lobby", Room, Restart.TRANSIENT, mailbox=8)]
    async with open_system(specs) as system:
        await do(found(system, "/lobby"), spawning(puppet("child")))
        await crash(found(system, "/lobby"))
        await do(found(system, "/lobby"), spawning(puppet("child")))
        await do(found(system, "/lobby/child"), quiet)
        tree = json.loads(json.dumps(system.tree()))
    assert tree["path"] == "/"
    assert tree["kind"] == "supervisor"
    assert tree["facts"] == {"strategy": "one_for_one"}
    (lobby,) = tree["children"]
    assert lobby.pop("last_error").startswith("Boom in puppet.py:")
    assert lobby.pop("age") >= 0
    (child,) = lobby.pop("children")
    assert lobby == {
        "path": "/lobby",
        "kind": "room",
        "state": "running",
        "mailbox": {"depth": 0, "peak": 1, "capacity": 8},
        "restarts": 1,
        "restart": "transient",
        "facts": {"peers": 2},
    }
    assert child["path"] == "/lobby/child"
    assert child["last_error"] is None


async def test_refs_that_are_kept_do_not_keep_the_actor() -> None:
    async with open_system([ChildSpec("s", Supervisor)]) as system:
        made: list[weakref.ref[Puppet]] = []

        def make() -> Puppet:
            puppet = Puppet()
            made.append(weakref.ref(puppet))
            return puppet

        ref = await found(system, "/s").ask(Spawn(ChildSpec("a", make)), within=1)
        await do(ref, quiet)
        system.stop_actor("/s/a")
        await trio.testing.wait_all_tasks_blocked()
        gc.collect()
        assert made[0]() is None
        assert ref.path == "/s/a"
        assert {ref: 1}[ref] == 1


def test_an_actors_kind_is_its_class_name_unless_it_says_otherwise() -> None:
    class RoomKeeper(Actor[Message]):
        pass

    class Other(RoomKeeper):
        kind = "something"

    class Third(Other):
        pass

    assert (RoomKeeper.kind, Other.kind, Third.kind) == ("room_keeper", "something", "third")


def test_everything_exported_exists_and_is_named_once() -> None:
    assert sorted(set(actors.core.__all__)) == sorted(actors.core.__all__)
    for name in actors.core.__all__:
        assert hasattr(actors.core, name)


async def test_a_runaway_bug_in_the_runtime_is_not_swallowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Not a crash of an actor: nobody could restart the clock, so the program must hear of it.
    async def broken_clock(_clock: object) -> None:
        await trio.testing.wait_all_tasks_blocked()
        raise ZeroDivisionError

    monkeypatch.setattr("actors.core.timers.Clock.run", broken_clock)
    with pytest.raises(BaseExceptionGroup) as group:
        async with open_system([puppet("a")]):
            await trio.sleep_forever()
    assert group.value.split(ZeroDivisionError)[0] is not None


async def test_a_kill_ends_those_that_wait_for_their_restart_too(
    autojump_clock: trio.testing.MockClock,
) -> None:
    children = [
        puppet("a", restart=Restart.PERMANENT),
        puppet("b", restart=Restart.PERMANENT, on_teardown=hang, grace=3600),
    ]
    with logged() as lines:
        rest = Strategy.REST_FOR_ONE
        async with open_system([ChildSpec("s", lambda: Supervisor(children, rest))], grace=1) as s:
            a = found(s, "/s/a")
            await crash(a)
            await trio.sleep(1)  # a waits for b to come down
            tree: Any = s.tree()
            assert tree["children"][0]["children"][0]["state"] == "restarting"
    assert [line["event"] for line in lines] == ["actor.crashed", "system.killed"]
    assert s.counters.spawned == s.counters.stopped
    assert not a.alive


async def test_an_actor_that_outlasts_a_kill_is_not_restarted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def insist(_me: Puppet) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(3)

    diary: list[str] = []
    children = [
        puppet("a", diary, restart=Restart.PERMANENT, on_teardown=insist, grace=10),
        puppet("b", on_teardown=hang, grace=3600),  # a is not stopped before b has ended
    ]
    specs = [ChildSpec("s", lambda: Supervisor(children))]
    with logged() as lines:
        async with open_system(specs, grace=1) as system:
            await crash(found(system, "/s/a"))
    assert lines[-1]["event"] == "system.killed"
    assert diary == ["a setup", "a teardown: crashed: Boom"]
    assert system.counters.spawned == system.counters.stopped


async def test_actors_that_came_and_went_leave_no_memory_behind() -> None:
    async def come_and_go(me: Puppet) -> None:
        for number in range(300):
            child = await me.ctx.spawn(puppet(str(number)))
            me.ctx.watch(child)
            child.tell(Note("hello"))
            timer = me.ctx.tell_self_after(3600, Note("never"))
            if number % 2:
                await crash(child)
            else:
                await do(child, quiet)
                await me.ctx.stop_child(child)
            timer.cancel()

    def count() -> int:
        gc.collect()
        kinds = (Cell, Incarnation, Mailbox, Ref, Puppet, Timer, trio.CancelScope)
        return sum(isinstance(thing, kinds) for thing in gc.get_objects())

    with logged() as lines:
        async with open_system([puppet("a")]) as system:
            await do(found(system, "/a"), quiet)
            before = count()
            await do(found(system, "/a"), come_and_go)
            await trio.testing.wait_all_tasks_blocked()
            await do(found(system, "/a"), forget_downs)
            lines.clear()  # they hold tracebacks
            # The clock may keep a few dead timers until they are many.
            assert count() - before < 80


async def forget_downs(me: Puppet) -> None:
    me.downs.clear()
