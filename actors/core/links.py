"""What ties one life of an actor to others, and is cut when that life ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from actors.core.down import Down
from actors.core.errors import ActorError
from actors.core.mailbox import MailboxOwner
from actors.core.message import Message, Request
from actors.core.ref import Ref, end_of, owner_of
from actors.core.reply import ReplyTo
from actors.core.timers import Timer

if TYPE_CHECKING:
    from actors.core.incarnation import Incarnation


class Links:
    """Watches on other actors, timers, and answers still owed.

    All three are kept as keys of dicts: many actors have none at most times, and an empty dict
    takes a quarter of an empty set, as long as it is a new one.
    """

    __slots__ = ("_deferred", "_life", "_timers", "_watched")

    def __init__(self, life: Incarnation) -> None:
        self._life = life
        self._watched: dict[MailboxOwner, Ref[Any]] = {}
        self._timers: dict[Timer, None] = {}
        self._deferred: dict[ReplyTo[Any], None] = {}

    def watch(self, ref: Ref[Any]) -> None:
        """Have a Down delivered when that actor ends, or now if it has."""
        owner = owner_of(ref)
        if owner is None:
            self._life.deliver(Down(ref, end_of(ref), restarting=False))
            return
        if owner.watchers is None:
            owner.watchers = set()
        owner.watchers.add(self)
        self._watched[owner] = ref

    def unwatch(self, ref: Ref[Any]) -> None:
        """Undo `watch`."""
        owner = owner_of(ref)
        if owner is not None and owner in self._watched:
            self._unwatch(owner)

    def heed_end(self, owner: MailboxOwner, reason: str, *, restarting: bool) -> None:
        """Deliver that a watched actor has ended; forget it if that is for good."""
        self._life.deliver(Down(self._watched[owner], reason, restarting))
        if not restarting:
            self._forget_watched(owner)

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
        for owner in tuple(self._watched):
            self._unwatch(owner)
        for timer in tuple(self._timers):
            timer.cancel()

    def _unwatch(self, owner: MailboxOwner) -> None:
        self._forget_watched(owner)
        if owner.watchers is not None:
            owner.watchers.discard(self)

    def _forget_watched(self, owner: MailboxOwner) -> None:
        self._watched.pop(owner, None)
        self._watched = self._watched or {}
