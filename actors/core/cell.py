"""What stays of an actor over its restarts: address, mailbox, watchers, history."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context as SavedContext
from typing import TYPE_CHECKING, Any, Protocol

import structlog
import trio

from actors.core.budget import RestartBudget
from actors.core.context import Context
from actors.core.counters import Counters
from actors.core.errors import ActorStopped, MailboxFull, PermanentActor
from actors.core.incarnation import Incarnation
from actors.core.mailbox import Mailbox, Watcher
from actors.core.ref import Ref
from actors.core.registry import Registry
from actors.core.reply import ReplyTo
from actors.core.spec import ChildSpec, Intensity, Restart
from actors.core.state import ActorState
from actors.core.timers import Clock

if TYPE_CHECKING:
    from actors.core.children import Children


class System(Protocol):
    """What each actor uses of the system it is part of."""

    counters: Counters
    registry: Registry
    clock: Clock
    context: SavedContext  # what every task of the tree starts from
    nursery: trio.Nursery  # of the root's task

    def start_root(self, run: Callable[[], Awaitable[None]]) -> None:
        """Start the root's task."""

    def root_crashed(self, error: Exception) -> None:
        """Note that nobody is left to handle a crash."""


class Cell:
    """One actor as its supervisor sees it. Nothing outside this package holds one."""

    __slots__ = (
        "_budget", "_changed", "born", "last_error", "life", "mailbox", "number", "paused", "ref",
        "siblings", "spec", "state", "system", "watchers",
    )  # fmt: skip

    def __init__(self, system: System, spec: ChildSpec, siblings: Children | None) -> None:
        self.system = system
        self.spec = spec
        self.siblings = siblings  # None for the root
        self.mailbox = Mailbox(self, spec.mailbox)
        self.state = ActorState.STARTING
        self.number = 0  # of the current incarnation
        self.born = trio.current_time()
        self.last_error: str | None = None
        self.paused = False  # this incarnation ends only to be restarted with a sibling
        self.watchers: set[Watcher] | None = None
        self._budget: RestartBudget | None = None  # its own, where siblings do not share one
        self._changed: trio.lowlevel.ParkingLot | None = None
        self.life = Incarnation(self)
        above = "" if siblings is None else siblings.parent.ref.path.rstrip("/")
        path = "/" if siblings is None else f"{above}/{spec.name}"
        self.ref: Ref[Any] = Ref(path, self.life.kind, self.life.accepts, self.mailbox)

    def child(self, spec: ChildSpec, siblings: Children) -> Cell:
        """Return a new cell below this one, not started."""
        return Cell(self.system, spec, siblings)

    def start(self) -> None:
        """Start an incarnation; a restart makes a fresh one."""
        if self.number:
            self.life = Incarnation(self)
        self.life.actor.ctx = Context(self.life)
        self.number += 1
        self.paused = False
        self.become(ActorState.STARTING)
        if self.siblings is None:
            self.system.start_root(self.life.run)
        else:
            self.siblings.own_nursery.start(self.life.run, name=self.ref.path)

    def host(self) -> trio.Nursery:
        """Return the nursery in which this actor's task runs."""
        return self.system.nursery if self.siblings is None else self.siblings.own_nursery.nursery

    def stop(self, reason: str) -> None:
        """End the actor for good: no more messages from now on, its address is free.

        A handler in progress, and then the teardown, have the spec's grace each. The first reason
        counts.
        """
        if self.mailbox.closed is None:
            self.close(reason)
            if self.state is ActorState.WAITING:
                self._finish(reason)
            else:
                self.life.leave(reason)

    def stop_by_hand(self, reason: str) -> None:
        """End the actor as `stop` does. Raises PermanentActor, for the root too."""
        if self.siblings is None or self.spec.restart is Restart.PERMANENT:
            raise PermanentActor(self.ref.path)
        self.stop(reason)

    def pause(self, reason: str) -> None:
        """End this incarnation, for its supervisor to start the next; stop one that has no next."""
        if self.spec.restart is Restart.TEMPORARY:
            self.stop(reason)
        else:
            self.paused = True
            self.life.leave(reason)

    def close(self, reason: str) -> None:
        """Close the mailbox, tell those whose requests wait in it, free the address."""
        for entry in self.mailbox.close(reason):
            if isinstance(entry, ReplyTo):
                entry.refuse(ActorStopped(f"{self.ref.path}: {reason}"))
        if self.siblings is not None:
            self.siblings.release(self)

    def over(self, reason: str, *, again: bool) -> None:
        """Note that the incarnation has ended; `again` if it may be followed by another."""
        if again and self.mailbox.closed is None:
            self._tell_watchers(reason, restarting=True)
            self.become(ActorState.WAITING)
            assert self.siblings is not None  # noqa: S101 -- the root is never restarted
            self.siblings.bring_back(self)
        else:
            if self.mailbox.closed is None:
                self.close(reason)
            self._finish(reason)

    def may_restart(self, intensity: Intensity, now: float) -> bool:
        """Count a crash against a budget of the actor's own; log that it is used up."""
        if self._budget is None:
            self._budget = RestartBudget(intensity)
        if self._budget.take(now):
            return True
        self.log().error("actor.given_up", restarts=intensity.restarts, period=intensity.period)
        return False

    def become(self, state: ActorState) -> None:
        """Change state and wake those who wait for it."""
        self.state = state
        if self._changed is not None:
            self._changed.unpark_all()

    async def until_ready(self) -> None:
        """Wait until an incarnation has been set up, or none ever will be."""
        await self._while(ActorState.STARTING, ActorState.STOPPING, ActorState.WAITING)

    async def until_tried(self) -> None:
        """Wait until the setup of this incarnation is over, well or badly."""
        await self._while(ActorState.STARTING)

    async def until_over(self) -> None:
        """Wait until no incarnation runs."""
        await self._while(ActorState.STARTING, ActorState.RUNNING, ActorState.STOPPING)

    async def until_stopped(self) -> None:
        """Wait until the actor has ended for good."""
        await self._while(
            ActorState.STARTING, ActorState.RUNNING, ActorState.STOPPING, ActorState.WAITING
        )

    def ask_timed_out(self) -> None:
        """Count a request to this actor that was not answered in time."""
        self.system.counters.ask_timeouts += 1

    def turned_away(self, *, first: bool) -> MailboxFull:
        """Count a message that found the mailbox full; log the first one of an episode."""
        self.system.counters.mailbox_full += 1
        if first:
            self.log().warning("actor.mailbox_full", capacity=self.mailbox.capacity)
        return MailboxFull(self.ref.path)

    def log(self) -> structlog.typing.FilteringBoundLogger:
        """Return a logger that says which actor speaks."""
        logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        return logger.bind(actor=self.ref.path, kind=self.ref.kind, incarnation=self.number)

    async def _while(self, *states: ActorState) -> None:
        while self.state in states:
            if self._changed is None:
                self._changed = trio.lowlevel.ParkingLot()
            await self._changed.park()

    def _tell_watchers(self, reason: str, *, restarting: bool) -> None:
        for watcher in self.watchers or ():
            watcher.heed_end(self, reason, restarting=restarting)

    def _finish(self, reason: str) -> None:
        self._tell_watchers(reason, restarting=False)
        self.watchers = None
        self.mailbox.owner = None  # refs that are kept do not keep the rest
        self.system.counters.stopped += 1
        if self.siblings is not None:
            self.siblings.forget(self)
        self.become(ActorState.STOPPED)
