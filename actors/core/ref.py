"""The address of an actor: the only thing anyone outside it holds."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import trio

from actors.core.errors import ActorStopped, AskCycle, AskTimeout
from actors.core.mailbox import Mailbox, MailboxOwner
from actors.core.message import Message, Request
from actors.core.reply import Asker, ReplyTo

M_contra = TypeVar("M_contra", bound=Message, contravariant=True)
R = TypeVar("R")

STRANGERS_SPARE = 2  # strangers may fill half of a mailbox

speaker: ContextVar[Asker | None] = ContextVar("speaker", default=None)
"""The actor whose handler is running; None outside the tree and in helper tasks."""


class Ref(Generic[M_contra]):
    """Where to send messages for one actor. Hashable, cheap, safe to keep after the actor's end.

    It stays valid over restarts. Nothing here depends on the actor living in this process.
    """

    __slots__ = ("_accepts", "_mailbox", "kind", "path")

    def __init__(
        self, path: str, kind: str, accepts: tuple[type[Message], ...], mailbox: Mailbox
    ) -> None:
        self.path = path
        self.kind = kind
        self._accepts = accepts
        self._mailbox = mailbox

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]

    @property
    def alive(self) -> bool:
        """Whether messages are still taken; true during a restart."""
        return self._mailbox.closed is None

    def tell(self, message: M_contra, *, spare: int = 0) -> None:
        """Queue a message; never blocks, nothing comes back.

        With `spare` one part in so many of the mailbox must stay free: what strangers have told is
        refused before what the actor must not miss. Raises MailboxFull, ActorStopped, or TypeError
        for a message the actor does not accept.
        """
        if not isinstance(message, self._accepts):
            raise self._not_accepted(message)
        if spare:
            self._mailbox.put_sparing(message, spare)
        else:
            self._mailbox.put(message)

    async def send(self, message: M_contra) -> None:
        """Queue a message, waiting while the mailbox is full.

        For sockets, media pumps and other tasks outside the tree: within a handler it raises
        RuntimeError, because two actors that wait for each other's mailbox wait forever.
        Also raises ActorStopped and TypeError as `tell` does.
        """
        if speaker.get() is not None:
            raise RuntimeError("an actor's handler must tell, not send")
        if not isinstance(message, self._accepts):
            raise self._not_accepted(message)
        await self._mailbox.put_when_room(message)

    async def ask(self, request: Request[R], *, within: float) -> R:
        """Send a request and return its answer.

        `within` is the budget in seconds; within a handler it shrinks to what is left of the
        request being answered. Raises the actor's Refused; AskTimeout (the work may still happen),
        AskCycle, MailboxFull, ActorStopped, ActorCrashed; TypeError as `tell` does. Cancelling the
        caller ends the wait, never the work.
        """
        if not (isinstance(request, Request) and isinstance(request, self._accepts)):
            raise self._not_accepted(request)
        deadline = trio.current_time() + within
        asker = speaker.get()
        answering = None
        if asker is not None:
            answering = asker.current
            self._check_cycle(asker, answering)
            if answering is not None and answering.deadline < deadline:
                deadline = answering.deadline
        reply = ReplyTo(request, deadline, asker, answering)
        with trio.CancelScope(deadline=deadline):
            self._mailbox.put(reply)
            return await reply.wait()
        if self._mailbox.owner is not None:
            self._mailbox.owner.ask_timed_out()
        raise AskTimeout(self.path)

    def _check_cycle(self, asker: Asker | None, answering: ReplyTo[Any] | None) -> None:
        target = self._mailbox.owner
        if target is None:
            raise ActorStopped(f"{self.path}: {self._mailbox.closed}")
        while asker is not None:
            if asker.cell is target:
                raise AskCycle(self.path)
            if answering is None:
                return
            asker, answering = answering.asked_by, answering.via

    def _not_accepted(self, message: object) -> TypeError:
        return TypeError(f"{self.kind} does not accept {type(message).__name__} this way")

    def __repr__(self) -> str:
        return f"<Ref {self.path}>"


def owner_of(ref: Ref[Any]) -> MailboxOwner | None:
    """Return the actor behind a ref, None if it has ended. For the runtime only."""
    return ref._mailbox.owner


def end_of(ref: Ref[Any]) -> str:
    """Return the reason an actor ended for. For the runtime only."""
    return ref._mailbox.closed or "normal"
