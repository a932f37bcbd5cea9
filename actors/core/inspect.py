"""The live tree as plain data, for people and pages: whole, in part, or only counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.core.cell import Cell


@dataclass(slots=True)
class Census:
    """How many actors there are of each kind, and how full the fullest mailbox of that kind is."""

    count: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    fullest: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def describe(cell: Cell, now: float) -> dict[str, object]:
    """Return an actor and all below it as JSON-able data.

    `age` is in seconds since the actor was spawned, over all incarnations. `last_error` names type
    and place of the last crash, never its message. Children that are ending come last.
    """
    return {**describe_one(cell, now), "children": [describe(it, now) for it in below(cell)]}


def describe_one(cell: Cell, now: float) -> dict[str, object]:
    """Return an actor as `describe` does, but for its children."""
    mailbox = cell.mailbox
    return {
        "path": cell.ref.path,
        "kind": cell.ref.kind,
        "state": cell.state.value,
        "mailbox": {"depth": mailbox.depth, "peak": mailbox.peak, "capacity": mailbox.capacity},
        "restarts": max(0, cell.number - 1),
        "last_error": cell.last_error,
        "age": round(now - cell.born, 3),
        "restart": cell.spec.restart.value,
        "facts": cell.life.facts(),
    }


def outline(
    cell: Cell, now: float, depth: int | None = None
) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield an actor and all below it, parents first, each with how many floors below it is.

    They are as `describe` has them, without their children, and are looked at one by one: whoever
    takes them lets others run in between, and keeps what he needs. Nothing below floor `depth` is
    shown: there, `below` says how many actors are left out.
    """
    waiting = [(0, cell)]
    while waiting:
        floor, found = waiting.pop()
        node, children = describe_one(found, now), below(found)
        if depth is None or floor < depth:
            waiting.extend((floor + 1, child) for child in reversed(children))
        elif children:
            node["below"] = sum(1 for _ in walk(found)) - 1
        yield floor, node


def take_census(cell: Cell) -> Census:
    """Count an actor and all below it; none of them is asked for its facts."""
    census = Census()
    for each in walk(cell):
        kind, depth = each.ref.kind, each.mailbox.depth
        census.count[kind] += 1
        census.fullest[kind] = max(depth, census.fullest[kind])
    return census


def walk(cell: Cell) -> Iterator[Cell]:
    """Yield an actor and all below it, parents first, as `describe` shows them."""
    waiting = [cell]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(below(found)))


def below(cell: Cell) -> list[Cell]:
    """Return the children of an actor; those that are ending come last."""
    children = cell.life.children
    return [] if children is None else children.all()
