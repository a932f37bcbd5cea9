"""The live tree as plain data, for people and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.core.cell import Cell


def describe(cell: Cell, now: float) -> dict[str, object]:
    """Return an actor and all below it as JSON-able data.

    `age` is in seconds since the actor was spawned, over all incarnations. `last_error` names type
    and place of the last crash, never its message. Children that are ending come last.
    """
    mailbox = cell.mailbox
    children = cell.life.children
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
        "children": [] if children is None else [describe(child, now) for child in children.all()],
    }
