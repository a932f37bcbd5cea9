"""Finding actors by path. No table of its own: it walks the tree from the root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.core.ref import Ref

if TYPE_CHECKING:
    from actors.core.cell import Cell
    from actors.core.system import ActorSystem


class Registry:
    """Looks up live addresses such as `/rooms/lobby`; the root is `/`."""

    __slots__ = ("_system",)

    def __init__(self, system: ActorSystem) -> None:
        self._system = system

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

    def cell_at(self, path: str) -> Cell | None:
        """Return the cell at a path; for the runtime only."""
        cell = self._system.root_cell
        for name in path.strip("/").split("/") if path != "/" else ():
            children = cell.life.children
            found = children.by_name.get(name) if children is not None else None
            if found is None:
                return None
            cell = found
        return cell if cell.mailbox.closed is None else None
