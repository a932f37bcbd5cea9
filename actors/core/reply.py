"""The reply slot of one ask: one-shot, in memory, safe to fill at any time."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar, cast

import trio

from actors.core.errors import ActorError
from actors.core.message import Request

R = TypeVar("R")


class Asker(Protocol):
    """One life of an actor, as far as what it asks may lead back to it."""

    @property
    def cell(self) -> object:
        """The actor over all its lives, to be compared only."""

    @property
    def current(self) -> ReplyTo[Any] | None:
        """The request it is handling."""


class ReplyOwner(Protocol):
    """Who owes a deferred answer."""

    def answered(self, reply: ReplyTo[Any]) -> None:
        """Forget an answer that was given, or given up."""


class ReplyTo(Generic[R]):
    """The asker of one request, as the actor that answers it sees it.

    The first of `reply` and `refuse` counts and later ones do nothing, as does any answer once the
    asker has gone: the actor need not know whether anyone still listens.
    """

    __slots__ = (
        "_error",
        "_task",
        "_value",
        "asked_by",
        "deadline",
        "done",
        "owner",
        "request",
        "via",
    )

    def __init__(
        self,
        request: Request[R],
        deadline: float,
        asked_by: Asker | None,
        via: ReplyTo[Any] | None,
    ) -> None:
        self.request = request
        self.deadline = deadline
        self.asked_by = asked_by  # the actor that asks, None from outside the tree
        self.via = via  # the request which that actor is itself answering by asking
        self.owner: ReplyOwner | None = (
            None  # set when deferred: who must tell the asker if it ends
        )
        self.done = False
        self._task: trio.lowlevel.Task | None = None
        self._value: R | None = None
        self._error: ActorError | None = None

    def reply(self, value: R) -> None:
        """Answer the request."""
        if not self.done:
            self._value = value
            self._settle()

    def refuse(self, error: ActorError) -> None:
        """Have `error` raised in the asker; usually a `Refused`."""
        if not self.done:
            # The traceback would keep the frames of the actor alive in its asker.
            self._error = error.with_traceback(None)
            self._settle()

    async def wait(self) -> R:
        """Wait, as the asker, for the answer. Being cancelled gives it up, for this side only."""
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._give_up)
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                del error  # the traceback refers to this frame: leave no cycle behind
        return cast("R", self._value)

    def _settle(self) -> None:
        self.done = True
        self._disown()
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None

    def _give_up(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self.done = True
        self._task = None
        self._disown()
        return trio.lowlevel.Abort.SUCCEEDED

    def _disown(self) -> None:
        if self.owner is not None:
            self.owner.answered(self)
