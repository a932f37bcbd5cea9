"""Find or spawn: the live actor of a key goes on under new terms, or a new one takes its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from actors.core import (
    Actor,
    ActorError,
    ActorStopped,
    ChildSpec,
    Message,
    Ref,
    Refused,
    ReplyTo,
    Request,
    Restart,
    Spawn,
)
from actors.words.limits import ActorLimits
from actors.words.refusals import Busy

GRACE = 5.0


class Opening:
    """Belongs to one incarnation of the directory, in whose place it finds and spawns."""

    __slots__ = ("_current_limits", "_directory")

    def __init__(self, directory: Actor[Message], limits: Callable[[], ActorLimits]) -> None:
        self._directory = directory
        self._current_limits = limits  # they may change while the server runs

    @property
    def limits(self) -> ActorLimits:
        return self._current_limits()

    def find(self, path: str) -> Ref[Message] | None:
        """Find a live actor."""
        return self._directory.ctx.registry.find(path)

    def count(self, parent: str) -> int:
        """Count the live children of an actor."""
        return self._directory.ctx.registry.count_children(parent)

    async def spawn(
        self,
        parent: str,
        name: str,
        factory: Callable[[], Actor[Message]],
        limits: ActorLimits,
        restart: Restart = Restart.TEMPORARY,
        grace: float = GRACE,
    ) -> Ref[Message]:
        """Have a supervisor spawn a child, by the limits of the moment. Raises Busy."""
        supervisor = self.find(parent)
        if supervisor is None:
            raise Busy  # it restarts, or the server is going down
        spec = ChildSpec(name, factory, restart, grace, limits.mailbox_messages)
        try:
            return await supervisor.ask(Spawn(spec), within=limits.ask_seconds)
        except Refused:
            raise
        except ActorError:
            raise Busy from None

    def reopen(
        self,
        known: Ref[Message],
        order: Request[Ref[Message]],
        agree: Callable[[Ref[Message]], Awaitable[None]],
    ) -> None:
        """Answer the order in hand with the live actor, once `agree` has asked it to go on.

        That takes place in a helper task, for the directory waits for no stranger. Where the actor
        ends meanwhile, a new one is opened; what `agree` raises else is the answer, or Busy.
        """
        ctx = self._directory.ctx
        ctx.start_task(self._reopen, known, order, agree, ctx.defer())

    async def _reopen(
        self,
        known: Ref[Message],
        order: Request[Ref[Message]],
        agree: Callable[[Ref[Message]], Awaitable[None]],
        asker: ReplyTo[Ref[Message]],
    ) -> None:
        try:
            try:
                await agree(known)
                asker.reply(known)
            except ActorStopped:  # its end was under way
                again = self._directory.ctx.self_ref.ask(order, within=self.limits.ask_seconds)
                asker.reply(await again)
        except Refused as refusal:
            asker.refuse(refusal)
        except ActorError:
            asker.refuse(Busy())
