"""The supervising half of an actor: its children, and what happens when one of them crashes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import trio

from actors.core.budget import RestartBudget
from actors.core.errors import ActorStopped, NameTaken, RestartLimit
from actors.core.own_nursery import OwnNursery
from actors.core.ref import Ref
from actors.core.spec import ChildSpec, Living, Restart, Strategy
from actors.core.state import ActorState

if TYPE_CHECKING:
    from actors.core.cell import Cell


class Children:
    """The children of one incarnation of one actor, in the order they were spawned."""

    __slots__ = (
        "_abandoned", "_budget", "_closing", "_crashed", "_fail_parent", "_intensity",
        "_leaving", "_per_child", "_repairing", "_strategy", "by_name", "own_nursery", "parent",
    )  # fmt: skip

    def __init__(
        self,
        parent: Cell,
        actor: Living,
        own_nursery: OwnNursery,
        fail_parent: Callable[[Exception], None],
    ) -> None:
        self.parent = parent
        self._fail_parent = fail_parent
        self.own_nursery = own_nursery
        self.by_name: dict[str, Cell] = {}  # those that have an address
        self._leaving: set[Cell] = set()  # those that gave it up and still tear down
        self._strategy = actor.strategy
        self._intensity = actor.intensity
        self._budget = RestartBudget(self._intensity)  # of all that have none of their own
        self._per_child = actor.per_child
        self._crashed: deque[Cell] = deque()
        self._repairing = False
        self._closing = False
        self._abandoned = False

    def all(self) -> list[Cell]:
        """Return every child that has not ended."""
        return [*self.by_name.values(), *self._leaving]

    def at(self, ref: Ref[Any]) -> Cell | None:
        """Return the child of that address that has not ended."""
        child = self.by_name.get(ref.name)
        if child is not None and child.ref is ref:
            return child
        return next((child for child in self._leaving if child.ref is ref), None)

    def spawn(self, spec: ChildSpec) -> Cell:
        """Add a child. Raises NameTaken or ActorStopped."""
        if self._closing:
            raise ActorStopped(f"{self.parent.ref.path} is ending")
        if spec.name in self.by_name:
            raise NameTaken(spec.name)
        child = self.parent.child(spec, self)
        self.by_name[spec.name] = child
        self.parent.system.counters.spawned += 1
        child.start()
        return child

    def release(self, child: Cell) -> None:
        """Free the address of a child that will not come back."""
        del self.by_name[child.spec.name]
        self._leaving.add(child)

    def forget(self, child: Cell) -> None:
        """Drop a child that has ended."""
        self._leaving.discard(child)

    def may_restart(self, child: Cell, error: Exception) -> bool:
        """Decide, at the moment a child crashes, whether it comes back; may crash the parent."""
        if self._closing or child.spec.restart is Restart.TEMPORARY:
            return False
        if child.paused:
            return True  # it was coming down for a sibling's sake anyway
        now = trio.current_time()
        if child.spec.restart is Restart.TRANSIENT and self._per_child is not None:
            return child.may_restart(self._per_child, now)
        if self._budget.take(now):
            return True
        limit = RestartLimit(
            f"{self.parent.ref.path}: more than {self._intensity.restarts} restarts "
            f"in {self._intensity.period:g} s"
        )
        limit.__cause__ = error
        self._fail_parent(limit)
        return False

    def bring_back(self, child: Cell) -> None:
        """Restart a child whose incarnation is over, with those that depend on it."""
        if self._abandoned:
            child.stop("killed")
            return
        if self._closing:
            return  # `stop_all` ends it
        if self._strategy is Strategy.ONE_FOR_ONE:
            self._restart(child)
        else:
            self._crashed.append(child)
            if not self._repairing:
                self._repairing = True
                self.own_nursery.start(self._repair, name=f"{self.parent.ref.path} (repair)")

    async def stop_all(self, reason: str, grace: float) -> None:
        """Stop every child, the youngest first, each after the one before has ended.

        When `grace` is over, those that are left are stopped all together.
        """
        self._closing = True
        with trio.move_on_after(grace):
            for child in reversed(self.by_name.copy().values()):
                child.stop(reason)
                await child.until_stopped()
        for child in reversed(self.by_name.copy().values()):
            child.stop(reason)
        for child in self.all():
            await child.until_stopped()

    def abandon(self) -> None:
        """End those that have no task to end by, now that nobody will start one; for a kill."""
        self._abandoned = True
        for child in self.all():
            if child.state is ActorState.WAITING:
                child.stop("killed")

    async def _repair(self) -> None:
        # One crash after the other: a second one in the meantime finds a settled row of siblings.
        while self._crashed:
            child = self._crashed.popleft()
            if child.state is ActorState.WAITING:  # else an earlier round brought it back
                await self._restart_from(child)
        self._repairing = False

    async def _restart_from(self, crashed: Cell) -> None:
        row = list(self.by_name.values())
        row = row[row.index(crashed) :]
        for child in reversed(row[1:]):
            child.pause("sibling restarted")
            await child.until_over()
        for child in row:
            if child.state is ActorState.WAITING and not self._closing:
                self._restart(child)
                await child.until_tried()  # if that crashed, the next round begins with it

    def _restart(self, child: Cell) -> None:
        self.parent.system.counters.restarts += 1
        child.start()
