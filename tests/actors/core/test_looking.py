"""What the system shows of itself: in part, one by one, counted; and looks that let others run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio

from actors.core import (
    Actor,
    ActorSystem,
    ChildSpec,
    Message,
    Slices,
    Spawn,
    Supervisor,
    open_system,
)


class Teller(Actor[Message]):
    """Tells how often it was asked what it is."""

    kind = "teller"
    asked = 0

    def snapshot(self) -> Mapping[str, object]:
        Teller.asked += 1
        return {"asked": True}


def branch(name: str, *leaves: str) -> ChildSpec:
    children = [ChildSpec(leaf, Teller) for leaf in leaves]
    return ChildSpec(name, lambda: Supervisor(children))


def house() -> ActorSystem:
    return open_system([branch("a", "1", "2"), branch("b", "3"), ChildSpec("c", Teller)])


def paths(system: ActorSystem, path: str = "/", depth: int | None = None) -> list[Any]:
    nodes = system.look(path, depth)
    assert nodes is not None
    return [(floor, node["path"], node.get("below")) for floor, node in nodes]


async def test_a_look_goes_down_as_the_tree_does() -> None:
    async with house() as system:
        tree: Any = system.tree()
        assert paths(system) == [
            (0, "/", None), (1, "/a", None), (2, "/a/1", None), (2, "/a/2", None),
            (1, "/b", None), (2, "/b/3", None), (1, "/c", None),
        ]  # fmt: skip
        for (_, node), known in zip(system.look() or (), [tree, tree["children"][0]], strict=False):
            assert {**node, "age": 0, "children": 0} == {**known, "age": 0, "children": 0}


async def test_what_is_too_deep_is_only_counted() -> None:
    async with house() as system:
        assert paths(system, depth=0) == [(0, "/", 6)]
        assert paths(system, depth=1) == [
            (0, "/", None), (1, "/a", 2), (1, "/b", 1), (1, "/c", None),
        ]  # fmt: skip
        assert paths(system, "/a", 1) == [(0, "/a", None), (1, "/a/1", None), (1, "/a/2", None)]
        for nobody in ("/x", "/a/x", "", "//", "/a/1/2"):
            assert system.look(nobody) is None or nobody == ""


async def test_one_kind_is_listed_by_pages() -> None:
    async with house() as system:
        found = await system.list_kind("teller", "/", 1, 2)
        assert found is not None
        nodes, total = found
        assert ([node["path"] for node in nodes], total) == (["/a/2", "/b/3"], 4)
        assert "children" not in nodes[0]
        assert await system.list_kind("teller", "/b", 0, 9) == (
            [{**nodes[1], "age": (await aged(system, "/b/3"))}], 1,
        )  # fmt: skip
        assert await system.list_kind("nothing", "/", 0, 9) == ([], 0)
        assert await system.list_kind("teller", "/nowhere", 0, 9) is None


async def aged(system: ActorSystem, path: str) -> object:
    (_, node), *_ = system.look(path) or ()
    return node["age"]


async def test_a_census_asks_nobody(autojump_clock: trio.testing.MockClock) -> None:
    async with house() as system:
        Teller.asked = 0
        census = system.census()
        assert Teller.asked == 0
        assert census.count == {"supervisor": 3, "teller": 4}
        assert census.fullest == {"supervisor": 0, "teller": 0}
        assert list(system.facts_of("teller")) == [{"asked": True}] * 4


async def test_children_are_glimpsed_when_their_turn_comes() -> None:
    async with house() as system:
        registry = system.registry
        seen = registry.glimpse("/c")
        assert seen is not None
        assert (seen.name, seen.kind, seen.facts) == ("c", "teller", {"asked": True})
        assert 0 <= trio.current_time() - seen.born < 60
        assert registry.glimpse("/nobody") is None
        assert list(registry.glimpses("/nobody")) == list(registry.glimpses("/c")) == []
        children = registry.glimpses("/a")
        assert next(children).name == "1"
        await system.registry.find("/a").ask(Spawn(ChildSpec("late", Teller)), within=5)
        system.stop_actor("/a/late")
        assert [each.name for each in children] == ["2"]


async def test_others_run_between_slices() -> None:
    ran = 0

    async def run_on() -> None:
        nonlocal ran
        while True:
            ran += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_on)
        whole, short = Slices(60.0), Slices(0.0)
        for _ in range(50):
            await whole.rest()
        assert ran == 0
        for _ in range(50):
            await short.rest()
        assert ran >= 49
        nursery.cancel_scope.cancel()
