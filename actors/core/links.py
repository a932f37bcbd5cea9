"""What ties one life of an actor to others, and is cut when that life ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from actors.core.errors import ActorError
from actors.core.message import Down, Message, Request
from actors.core.ref import Ref, cell_of, end_of
from actors.core.reply import ReplyTo
from actors.core.timers import Timer

if TYPE_CHECKING:
    from actors.core.cell import Cell
    from actors.core.incarnation import Incarnation


class Links:
    """Watches on other actors, timers, and answers still owed.

    All three are kept as keys of dicts: many actors have none at most times, and an empty dict
    takes a quarter of an empty set, as long as it is a new one.
    """

    __slots__ = ("_deferred", "_life", "_timers", "_watched")

    def __init__(self, life: Incarnation) -> None:
        self._life = life
        self._watched: dict[Cell, None] = {}
        self._timers: dict[Timer, None] = {}
        self._deferred: dict[ReplyTo[Any], None] = {}

    def watch(self, ref: Ref[Any]) -> None:
        """Have a Down delivered when that actor ends, or now if it has."""
        cell = cell_of(ref)
        if cell is None:
            self._life.deliver(Down(ref, end_of(ref), restarting=False))
            return
        if cell.watchers is None:
            cell.watchers = set()
        cell.watchers.add(self._life)
        self._watched[cell] = None

    def unwatch(self, ref: Ref[Any]) -> None:
        """Undo `watch`."""
        cell = cell_of(ref)
        if cell is not None and cell in self._watched:
            self._unwatch(cell)

    def watched_ended(self, cell: Cell) -> None:
        """Forget a watched actor that has ended for good."""
        self._watched.pop(cell, None)
        self._watched = self._watched or {}

    def defer(self) -> ReplyTo[Any]:
        """Hand out the reply slot of the request being handled."""
        reply = self._life.current
        if reply is None:  # told, not asked
            reply = ReplyTo(Request(), 0.0, None, None)
            reply.done = True
        elif not reply.done:
            reply.owner = self
            self._deferred[reply] = None
        return reply

    @property
    def owed(self) -> int:
        """How many deferred answers someone still waits for."""
        return len(self._deferred)

    def answered(self, reply: ReplyTo[Any]) -> None:
        """Forget a deferred answer that was given, or given up."""
        self._deferred.pop(reply, None)
        self._deferred = self._deferred or {}

    def refuse_deferred(self, error: ActorError) -> None:
        """Tell all who still wait for an answer."""
        for reply in tuple(self._deferred):
            reply.refuse(error)

    def tell_self_after(self, delay: float, message: Message) -> Timer:
        """Schedule a message to this life."""
        if not isinstance(message, self._life.accepts):
            raise TypeError(f"{self._life.kind} does not accept {type(message).__name__}")
        timer = Timer(trio.current_time() + delay, self, message)
        self._timers[timer] = None
        self._life.cell.system.clock.add(timer)
        return timer

    def timer_is_over(self, timer: Timer, *, fired: bool) -> None:
        """Forget a timer; deliver its message if it fired."""
        self._timers.pop(timer, None)
        self._timers = self._timers or {}
        if fired:
            self._life.deliver(timer.message)
        else:
            self._life.cell.system.clock.cancelled_one()

    def cut(self) -> None:
        """End all watches and timers."""
        for cell in tuple(self._watched):
            self._unwatch(cell)
        for timer in tuple(self._timers):
            timer.cancel()

    def _unwatch(self, cell: Cell) -> None:
        self.watched_ended(cell)
        if cell.watchers is not None:
            cell.watchers.discard(self._life)
