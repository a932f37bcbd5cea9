"""Finding actors by path. No table of its own: it walks the tree from the root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from actors.core.glimpse import Glimpse
from actors.core.mailbox import Mailbox
from actors.core.ref import Ref


class Siblings(Protocol):
    """The children of an actor."""

    @property
    def parent(self) -> Node:
        """Whose children they are."""

    @property
    def by_name(self) -> Mapping[str, Node]:
        """Those that have an address, the oldest first."""


class Life(Protocol):
    """The incarnation of an actor."""

    @property
    def children(self) -> Siblings | None:
        """None before the first one."""

    def facts(self) -> dict[str, object]:
        """Return what the actor tells of itself."""


class Node(Protocol):
    """One actor, as a place in the tree."""

    @property
    def ref(self) -> Ref[Any]:
        """Its address."""

    @property
    def mailbox(self) -> Mailbox:
        """Closed once it has no address any more."""

    @property
    def life(self) -> Life:
        """Its current incarnation."""

    @property
    def born(self) -> float:
        """When it was spawned."""

    def stop_by_hand(self, reason: str) -> None:
        """Have it stop. Raises PermanentActor."""


class Tree(Protocol):
    """Where the walk begins."""

    @property
    def root_cell(self) -> Node:
        """The root."""


class Registry:
    """Looks up live addresses such as `/rooms/lobby`; the root is `/`."""

    __slots__ = ("_tree",)

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def find(self, path: str) -> Ref[Any] | None:
        """Return the actor at a path, None if no live one has it."""
        cell = self.cell_at(path)
        return None if cell is None else cell.ref

    def children(self, path: str) -> list[Ref[Any]]:
        """Return the live children of an actor, the oldest first; [] for an unknown one."""
        cell = self.cell_at(path)
        if cell is None or cell.life.children is None:
            return []
        return [child.ref for child in cell.life.children.by_name.values()]

    def count_children(self, path: str) -> int:
        """Count the live children of an actor, without a list of them; 0 for an unknown one."""
        cell = self.cell_at(path)
        return 0 if cell is None or cell.life.children is None else len(cell.life.children.by_name)

    def glimpse(self, path: str) -> Glimpse | None:
        """Return what the actor at a path tells of itself, None if no live one has it."""
        cell = self.cell_at(path)
        return None if cell is None else _glimpse(cell)

    def glimpses(self, path: str) -> Iterator[Glimpse]:
        """Yield what each live child of an actor tells of itself, the oldest first.

        Each is looked at when its turn comes, those that have ended by then not at all: whoever
        goes through many of them lets others run in between.
        """
        cell = self.cell_at(path)
        children = None if cell is None else cell.life.children
        for child in () if children is None else tuple(children.by_name.values()):
            if child.mailbox.closed is None:
                yield _glimpse(child)

    def cell_at(self, path: str) -> Node | None:
        """Return the cell at a path; for the runtime only."""
        cell = self._tree.root_cell
        for name in path.strip("/").split("/") if path != "/" else ():
            children = cell.life.children
            found = children.by_name.get(name) if children is not None else None
            if found is None:
                return None
            cell = found
        return cell if cell.mailbox.closed is None else None


def _glimpse(cell: Node) -> Glimpse:
    return Glimpse(cell.ref.path, cell.ref.kind, cell.born, cell.life.facts())
