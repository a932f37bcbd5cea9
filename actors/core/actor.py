"""What an actor's author writes against: `Actor`, and the `Context` it is given."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import structlog
import trio

from actors.core.message import Down, Message
from actors.core.ref import Ref, cell_of
from actors.core.spec import ChildSpec, Intensity, Restart, Strategy
from actors.core.timers import Timer

if TYPE_CHECKING:
    from actors.core.incarnation import Incarnation
    from actors.core.registry import Registry
    from actors.core.reply import ReplyTo

M = TypeVar("M", bound=Message)


class Actor(Generic[M]):
    """Something that lives, fails or waits by itself. Handles one message at a time.

    `accepts` names the message types it takes (their subclasses too), checked in the sender.
    `strategy` and `intensity` say what happens when a child of it crashes. With `per_child` each
    transient child has a budget of its own: one that uses it up ends for good, and nobody else.
    """

    __slots__ = ("ctx",)

    accepts: ClassVar[tuple[type[Message], ...]] = ()
    kind: ClassVar[str] = "actor"
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: Intensity = Intensity()
    per_child: Intensity | None = None

    ctx: Context

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" not in cls.__dict__:
            cls.kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    async def setup(self) -> None:
        """Prepare; `self.ctx` is there. Messages sent meanwhile wait in the mailbox.

        If it raises, or is cancelled by a stop, it must have cleaned up after itself: `teardown`
        runs only after a whole setup.
        """

    async def handle(self, message: M) -> object:
        """Handle one message; for a request the returned value is the answer.

        Raise a Refused to say no. Anything else that is raised ends this incarnation.
        """

    async def on_down(self, down: Down) -> None:
        """Handle the end of a watched actor."""

    async def teardown(self, reason: str) -> None:
        """Clean up: after a stop and after a crash, when children and helper tasks have ended.

        Cut off after the spec's grace. Its own refs to others still work, `ctx.spawn` does not.
        """

    def snapshot(self) -> Mapping[str, object]:
        """Return facts for the tree page: JSON-able, no secrets, no user content."""
        return {}


class Context:
    """One actor's access to the runtime; of use to that actor only."""

    __slots__ = ("_life", "self_ref")

    def __init__(self, life: Incarnation) -> None:
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
        return self._life.family().spawn(spec).ref

    async def stop_child(self, ref: Ref[Any], reason: str = "stopped") -> None:
        """Stop a child and wait for its end, within its grace; fine if it has ended already.

        Raises ValueError for an actor that is not a child of this one.
        """
        child = cell_of(ref)
        if child is not None:
            if child.siblings is not self._life.children:
                raise ValueError(f"{ref.path} is not a child of {self._life.cell.ref.path}")
            child.stop(reason)
            await child.until_stopped()

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
