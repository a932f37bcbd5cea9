"""The whole of an actor tree: opened around a program, closed backwards."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

import trio

from actors.core.cell import Cell
from actors.core.counters import Counters
from actors.core.errors import RestartLimit, UnknownActor
from actors.core.inspect import (
    Census,
    describe,
    describe_one,
    outline,
    take_census,
    walk,
)
from actors.core.ref import Ref, speaker
from actors.core.registry import Registry
from actors.core.slices import Slices
from actors.core.spec import ChildSpec, Intensity, Strategy
from actors.core.state import ActorState
from actors.core.supervisor import Supervisor
from actors.core.timers import Clock


def open_system(
    children: Sequence[ChildSpec] = (),
    *,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    intensity: Intensity = Intensity(3, 30.0),  # noqa: B008 -- frozen
    grace: float = 20.0,
    setup_seconds: float = 90.0,
) -> ActorSystem:
    """Return a system to be used as `async with open_system(…) as system`.

    The body runs once every first child is set up; where that takes more than `setup_seconds`, in
    which those that hang are tried again, the root gives up. When it does, the body is cancelled
    and the block raises RestartLimit. However the block ends, actors are stopped backwards within
    `grace` seconds and killed after that; a cancellation from outside reaches them only this way.
    """
    # One by one for the first half of the time; who is left then stops together with the rest.
    spec = ChildSpec(
        "root",
        lambda: Supervisor(children, strategy, intensity),
        grace=grace / 2,
        setup_seconds=setup_seconds,
    )
    return ActorSystem(spec, grace)


class ActorSystem:
    """A running tree of actors; `counters` and `registry` are for everyone."""

    nursery: trio.Nursery  # of the root's task; it and the root are there once it is open
    root_cell: Cell

    def __init__(self, spec: ChildSpec, grace: float) -> None:
        self.counters = Counters()
        self.registry = Registry(self)
        self.clock = Clock()
        self.context = contextvars.copy_context()  # what every task of the tree starts from
        self.context.run(speaker.set, None)
        self._spec = spec
        self._grace = grace
        self._kill = trio.CancelScope(shield=True)
        self._body = trio.CancelScope()
        self._gave_up: RestartLimit | None = None
        self._ended = trio.Event()

    @property
    def root(self) -> Ref[Any]:
        """The root supervisor; it takes Spawn and StopChild."""
        return self.root_cell.ref

    def tree(self) -> dict[str, object]:
        """Return every actor as nested JSON-able data; see `inspect.describe` for the keys."""
        return describe(self.root_cell, trio.current_time())

    def look(
        self, path: str = "/", depth: int | None = None
    ) -> Iterator[tuple[int, dict[str, object]]] | None:
        """Return an actor and all below it, one by one; None where nobody lives.

        See `inspect.outline`.
        """
        cell = self._cell_at(path)
        return None if cell is None else outline(cell, trio.current_time(), depth)

    async def list_kind(
        self, kind: str, path: str, start: int, most: int
    ) -> tuple[list[dict[str, object]], int] | None:
        """Return at most so many actors of a kind from the given one on, and how many there are.

        They are at or below `path`, in the order of the tree, without their children. None where
        nobody lives at the path.
        """
        top = self._cell_at(path)
        if top is None:
            return None
        found: list[dict[str, object]] = []
        total, now, slices = 0, trio.current_time(), Slices()
        for cell in walk(top):
            if cell.ref.kind == kind:
                if start <= total < start + most:
                    found.append(describe_one(cell, now))
                total += 1
            await slices.rest()
        return found, total

    def census(self) -> Census:
        """Count the actors of each kind, without asking any of them."""
        return take_census(self.root_cell)

    def facts_of(self, kind: str) -> Iterator[Mapping[str, object]]:
        """Yield what each actor of a kind tells of itself."""
        return (cell.life.facts() for cell in walk(self.root_cell) if cell.ref.kind == kind)

    def stop_actor(self, path: str, reason: str = "stopped by hand") -> None:
        """Have an actor stop, without waiting for it. Raises UnknownActor or PermanentActor."""
        cell = self.registry.cell_at(path)
        if cell is None:
            raise UnknownActor(path)
        cell.stop_by_hand(reason)

    async def shutdown(self, grace: float) -> None:
        """Stop everything backwards; kill what is left after `grace` seconds."""
        self.root_cell.stop("shutdown")
        with trio.move_on_after(grace):
            await self.root_cell.until_stopped()
        if self.root_cell.state is not ActorState.STOPPED:
            left = self.counters.spawned - self.counters.stopped
            self.root_cell.log().error("system.killed", grace=grace, actors=left)
            self._kill.cancel()

    async def __aenter__(self) -> Self:
        self._outside = trio.open_nursery()
        outside = await self._outside.__aenter__()
        await outside.start(self._run)
        self._body.__enter__()
        try:
            await self.root_cell.until_ready()
            if self.root_cell.state is not ActorState.RUNNING:
                await self._ended.wait()
                await trio.lowlevel.checkpoint_if_cancelled()
        except BaseException:
            await self.__aexit__(*sys.exc_info())
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with trio.CancelScope(shield=True):  # bounded: shutdown kills after its grace
            await self.shutdown(self._grace)
            await self._ended.wait()
        try:
            self._body.__exit__(kind, error, trace)  # absorbs what the root giving up cancelled
        finally:
            # The body's own error passes by this nursery, so that it is not wrapped in a group.
            await self._outside.__aexit__(None, None, None)
            if self._gave_up is not None:
                raise self._gave_up

    def _cell_at(self, path: str) -> Cell | None:
        found = self.registry.cell_at(path)
        return found if isinstance(found, Cell) else None

    def root_crashed(self, error: Exception) -> None:
        """Note that nobody is left to handle a crash; for the root's cell."""
        if isinstance(error, RestartLimit):
            self._gave_up = error
        else:
            self._gave_up = RestartLimit("the root crashed")
            self._gave_up.__cause__ = error

    def start_root(self, run: Callable[[], Awaitable[None]]) -> None:
        """Start the root's task; for its cell."""
        self.context.run(partial(self.nursery.start_soon, run, name="/"))

    async def _run(self, task_status: trio.TaskStatus[None]) -> None:
        try:
            # Shielded: a cancellation from outside must reach the actors one by one, backwards.
            with self._kill:
                async with trio.open_nursery() as nursery:
                    self.nursery = nursery
                    nursery.start_soon(self.clock.run)
                    self.root_cell = Cell(self, self._spec, None)
                    self.counters.spawned += 1
                    self.root_cell.start()
                    task_status.started()
                    await self.root_cell.until_stopped()
                    nursery.cancel_scope.cancel()
            if self._gave_up is not None:
                self._body.cancel()
        finally:
            self._ended.set()
