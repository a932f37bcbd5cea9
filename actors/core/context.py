"""What an actor can do beside handling messages: its access to the runtime."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog
import trio

from actors.core.counters import Counters
from actors.core.message import Message
from actors.core.ref import Ref
from actors.core.registry import Life, Node, Registry, Siblings
from actors.core.reply import ReplyTo
from actors.core.spec import ChildSpec, Restart
from actors.core.timers import Timer


class OwnSystem(Protocol):
    """The system, as a context uses it."""

    @property
    def registry(self) -> Registry:
        """What looks up actors by path."""

    @property
    def counters(self) -> Counters:
        """What the whole system counts."""


class OwnCell(Node, Protocol):
    """The actor over all its lives, as its context uses it."""

    @property
    def siblings(self) -> Siblings | None:
        """Itself among them; None for the root."""

    @property
    def system(self) -> OwnSystem:
        """What it is part of."""

    @property
    def spec(self) -> ChildSpec:
        """How it was to be started."""

    @property
    def number(self) -> int:
        """Of the current incarnation."""

    def log(self) -> structlog.typing.FilteringBoundLogger:
        """Return a logger that says which actor speaks."""


class OwnLinks(Protocol):
    """What ties this life to others, as its context uses it."""

    def watch(self, ref: Ref[Any]) -> None:
        """Have a Down delivered."""

    def unwatch(self, ref: Ref[Any]) -> None:
        """Undo `watch`."""

    def defer(self) -> ReplyTo[Any]:
        """Hand out the reply slot of the request being handled."""

    def tell_self_after(self, delay: float, message: Message) -> Timer:
        """Schedule a message to this life."""


class OwnLife(Life, Protocol):
    """The incarnation a context belongs to."""

    @property
    def cell(self) -> OwnCell:
        """What stays of it."""

    @property
    def links(self) -> OwnLinks:
        """What is cut when it ends."""

    def spawn(self, spec: ChildSpec) -> Ref[Any]:
        """Make a child."""

    async def stop_child(self, ref: Ref[Any], reason: str) -> None:
        """Stop a child and wait for its end."""

    def start_helper(
        self, fn: Callable[..., Awaitable[Any]], args: tuple[object, ...], name: str | None
    ) -> None:
        """Run a task beside the handler."""

    def stop(self, reason: str) -> None:
        """Stop the actor, unless it lives another life by now."""


class Context:
    """One actor's access to the runtime; of use to that actor only."""

    __slots__ = ("_life", "self_ref")

    def __init__(self, life: OwnLife) -> None:
        self._life = life
        self.self_ref: Ref[Any] = life.cell.ref  # the actor's own address

    @property
    def parent(self) -> Ref[Any] | None:
        """The address of the actor that spawned this one; None for the root."""
        siblings = self._life.cell.siblings
        return None if siblings is None else siblings.parent.ref

    @property
    def registry(self) -> Registry:
        """Look up actors by path."""
        return self._life.cell.system.registry

    @property
    def log(self) -> structlog.typing.FilteringBoundLogger:
        """A logger bound to path, kind and incarnation; made on each use: keep it to log a lot."""
        return self._life.cell.log()

    def count(self, what: str, *labels: str, by: int = 1) -> None:
        """Count something for metrics, by labels of few values each; see `Counters.count`."""
        self._life.cell.system.counters.count(what, *labels, by=by)

    @property
    def incarnation(self) -> int:
        """1, and one more after each restart."""
        return self._life.cell.number

    @property
    def mailbox_depth(self) -> int:
        """How many messages wait behind the one being handled."""
        return self._life.cell.mailbox.depth

    def now(self) -> float:
        """Return the time in seconds on Trio's clock, which tests may run ahead."""
        return trio.current_time()

    async def spawn(self, spec: ChildSpec) -> Ref[Any]:
        """Make a child and return its address at once; its setup runs in its own task.

        Raises NameTaken if a live child has that name, ActorStopped once this actor is ending.
        """
        return self._life.spawn(spec)

    async def stop_child(self, ref: Ref[Any], reason: str = "stopped") -> None:
        """Stop a child and wait for its end, within its grace; fine if it has ended already.

        Raises ValueError for an actor that is not a child of this one.
        """
        await self._life.stop_child(ref, reason)

    def child(self, name: str) -> Ref[Any] | None:
        """Return the live child of that name."""
        children = self._life.children
        cell = children.by_name.get(name) if children is not None else None
        return None if cell is None else cell.ref

    def watch(self, ref: Ref[Any]) -> None:
        """Have `on_down` called when that actor ends; at once if it has."""
        self._life.links.watch(ref)

    def unwatch(self, ref: Ref[Any]) -> None:
        """Undo `watch`; a Down that waits in the mailbox already still arrives."""
        self._life.links.unwatch(ref)

    def start_task(
        self, fn: Callable[..., Awaitable[Any]], *args: object, name: str | None = None
    ) -> None:
        """Run a helper task beside the handler, until it returns or the actor ends.

        A crash in it crashes the actor. It counts as outside the tree: it may `send`, and does not
        inherit the budget of the request being handled.
        """
        self._life.start_helper(fn, args, name)

    def defer(self) -> ReplyTo[Any]:
        """Take over the answer of the request being handled: the return value is ignored.

        If the actor ends first, the asker is told. For a message that was told, the answer goes
        nowhere.
        """
        return self._life.links.defer()

    def tell_self_after(self, delay: float, message: Message) -> Timer:
        """Put a message into the own mailbox after `delay` seconds, full or not.

        It dies with this incarnation. Raises TypeError for a message the actor does not accept.
        """
        return self._life.links.tell_self_after(delay, message)

    def stop(self, reason: str = "normal") -> None:
        """End this actor once the current handler returns.

        The mailbox closes and the address is free at once; what waited is dropped, askers are told.
        Raises RuntimeError for a permanent actor: it has no way to be done.
        """
        if self._life.cell.spec.restart is Restart.PERMANENT:
            raise RuntimeError("a permanent actor cannot stop itself")
        self._life.stop(reason)
