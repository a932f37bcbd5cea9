"""One life of an actor, from setup to teardown; a restart begins another.

How it works. A `Cell` is an actor over all its lives: address, mailbox, restarts. An `Incarnation`
is one life of it: an actor object and one task, `run`, which goes through these phases.

1. `_live`: the setup, then one message after another, as long as nothing ends this life.
2. `_crashed`, if that raised: the asker is told, the supervisor decides on another life.
3. `_wind_down`: children stop, helper tasks end, and after a whole setup the teardown runs.
4. `_over`: answers still owed are refused, watches and timers cut. The cell goes on from there.

What ends a life is looked at before each message: `_reason` is there after a stop, `_failure`
after a crash beside the task (in a helper task, in the factory, of children too often).

- A stop (`leave`) gives the handler in progress the spec's grace, by the deadline of `_scope`,
  which is around setup and handlers. A setup has no grace. The cell has closed the mailbox.
- A crash in the task is an exception that passes through `_live`; the message is not handled again.
  One beside it (`fail`) cancels `_scope`, and `_check_failure` raises it in the task.
- A handler that is cut off ends where it waits; its asker is refused in `_over` with ActorStopped.
  An asker that goes away cuts off nothing: its reply slot is done, and the answer goes nowhere.
- An answer belongs to `current`, the request in hand, or once deferred to `links`. Whatever is open
  in either when the life ends is refused: with ActorCrashed at once, or in `_over`.
- What the runtime delivers (`Down`, a timer's message) is for one life: a `RuntimeNotice` names it,
  and the next life passes over it. Messages of others stay in the mailbox for the next life.
- A kill is the cancellation of the whole task from outside: whatever phase it meets is broken off,
  `_over` does what needs no waiting, and there is no next life.

Every `Exception` is caught here and in `faults.py`, in place of the supervisor, and at the boundary
of a connection (`api/http/carriers`, `media/webrtc/readers.py`). Elsewhere only clean-up catches as
much, and raises it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from actors.core.actor import Actor
from actors.core.children import Children
from actors.core.down import Down
from actors.core.errors import ActorCrashed, ActorError, ActorStopped, Refused, SetupTimeout
from actors.core.faults import caught, place_of
from actors.core.links import Links
from actors.core.message import Message
from actors.core.own_nursery import OwnNursery
from actors.core.ref import Ref, owner_of, speaker
from actors.core.reply import ReplyTo
from actors.core.spec import ChildSpec, Living
from actors.core.state import ActorState

if TYPE_CHECKING:
    from actors.core.cell import Cell

BURST = 32  # messages handled in a row before other tasks get their turn


class RuntimeNotice:
    """A message of the runtime in a mailbox, meant for one incarnation only."""

    __slots__ = ("life", "message")

    def __init__(self, life: Incarnation, message: Message) -> None:
        self.life = life
        self.message = message


class Unmade(Actor[Message]):
    """Stands in for an actor whose factory crashed."""

    accepts = (Message,)


class Incarnation:
    """The actor object, its task, and all that ends with them."""

    __slots__ = (
        "_failure", "_own_nursery", "_reason", "_scope", "_set_up", "actor", "cell", "children",
        "current", "links",
    )  # fmt: skip

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.actor: Living = Unmade()
        self.current: ReplyTo[Any] | None = None  # the request being handled
        self.links = Links(self)  # watches, timers and deferred answers
        self.children: Children | None = None
        self._own_nursery: OwnNursery | None = None
        self._scope: trio.CancelScope | None = None  # around setup and handlers
        self._reason: str | None = None  # why this life ends, once it does
        self._failure: Exception | None = None  # a crash outside the actor's own task
        self._set_up = False
        try:
            self.actor = cell.system.context.run(cell.spec.factory)
        except Exception as error:  # noqa: BLE001 -- the spawner must not crash in its child's place
            self._failure = error

    # -- the life itself, in its own task

    async def run(self) -> None:
        """Live from setup to teardown."""
        speaker.set(self)
        whole = False
        try:
            try:
                await self._live()
            except Exception as error:  # noqa: BLE001 -- this is the supervisor
                self._crashed(error)
            await self._wind_down()
            whole = True
        finally:
            self._over(whole)

    async def _live(self) -> None:
        self._check_failure()
        if self._reason is not None:
            return
        # One scope for the whole life: to make one for each message would cost more than most do.
        with trio.CancelScope() as self._scope:
            await self._begin()
            mailbox, in_a_row = self.cell.mailbox, 0
            while self._reason is None and self._failure is None:
                if in_a_row == BURST:
                    in_a_row = 0
                    await trio.lowlevel.cancel_shielded_checkpoint()
                    continue  # it may have been stopped meanwhile
                entry: Any = mailbox.take()
                if entry is None:
                    in_a_row = 0
                    await mailbox.wait()
                    continue
                in_a_row += 1
                if entry.__class__ is ReplyTo:
                    await self._answer(entry)
                elif entry.__class__ is RuntimeNotice:
                    await self._heed(entry)
                else:
                    with suppress(Refused):  # nobody asked
                        await self.actor.handle(entry)
        cut_off, self._scope = self._scope.cancelled_caught, None
        self._check_failure()
        if cut_off and self._set_up:
            self.cell.log().warning("actor.handler_overran", grace=self.cell.spec.grace)

    async def _begin(self) -> None:
        seconds = self.cell.spec.setup_seconds
        with trio.move_on_after(seconds):
            await self.actor.setup()
            self._set_up = True
        if not self._set_up:
            raise SetupTimeout(f"{self.cell.ref.path}: {seconds:g} s")
        if self._reason is None and self._failure is None:
            self.cell.become(ActorState.RUNNING)

    async def _heed(self, notice: RuntimeNotice) -> None:
        if notice.life is not self:
            return
        if notice.message.__class__ is Down:
            await self.actor.on_down(notice.message)
        else:
            with suppress(Refused):  # nobody asked
                await self.actor.handle(notice.message)

    async def _answer(self, asked: ReplyTo[Any]) -> None:
        if asked.deadline <= trio.current_time():
            self.cell.system.counters.dropped_expired += 1
            return
        self.current = asked
        try:
            answer = await self.actor.handle(asked.request)
        except Refused as refusal:
            asked.refuse(refusal)
        else:
            if asked.owner is None:
                asked.reply(answer)
        self.current = None

    # -- ending

    def leave(self, reason: str) -> None:
        """End this life: a handler in progress gets the spec's grace, a setup is cut off."""
        if self._reason is None:
            self._reason = reason
            if self._scope is not None:
                grace = 0.0 if self.cell.state is ActorState.STARTING else self.cell.spec.grace
                self._scope.deadline = trio.current_time() + grace
            self.cell.mailbox.wake()

    def fail(self, error: Exception) -> None:
        """Crash the actor over something that happened beside its own task."""
        if self._failure is None and self._reason is None:
            self._failure = error
            if self._scope is not None:
                self._scope.cancel()
            self.cell.mailbox.wake()
        else:
            self._report(error, phase="task", restarting=False)

    def stop(self, reason: str) -> None:
        """Stop the actor on its own wish, unless it lives another life by now."""
        if self.cell.life is self:
            self.cell.stop(reason)

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _crashed(self, error: Exception) -> None:
        cell = self.cell
        self._scope = None
        self._reason = f"crashed: {type(error).__name__}"
        restarting = (
            cell.mailbox.closed is None
            and cell.siblings is not None
            and cell.siblings.may_restart(cell, error)
        )
        phase = "setup"
        if cell.state is ActorState.RUNNING:
            phase = "handle" if error is not self._failure else "task"
        self._report(error, phase=phase, restarting=restarting)
        if self._failure is not None and self._failure is not error:
            self._report(self._failure, phase="task", restarting=restarting)
        crash = ActorCrashed(f"{cell.ref.path}: {type(error).__name__}")
        crash.__cause__ = error
        self._tell_askers(crash)
        if cell.siblings is None:
            cell.system.root_crashed(error)
        if not restarting and cell.mailbox.closed is None:
            cell.close(self._reason)

    def _report(self, error: Exception, *, phase: str, restarting: bool) -> None:
        cell = self.cell
        cell.last_error = place_of(error)
        cell.system.counters.crashes += 1
        cell.log().error("actor.crashed", phase=phase, restarting=restarting, exc_info=error)

    def _tell_askers(self, error: ActorError) -> None:
        if self.current is not None:
            self.current.refuse(error)
            self.current = None
        self.links.refuse_deferred(error)

    async def _wind_down(self) -> None:
        cell = self.cell
        cell.become(ActorState.STOPPING)
        reason = self._reason or "normal"
        if self.children is not None:
            await self.children.stop_all(reason, cell.spec.grace)
        if self._own_nursery is not None:
            await self._own_nursery.close()
        if self._set_up:
            with trio.move_on_after(cell.spec.grace) as scope:
                with caught(partial(self._report, phase="teardown", restarting=False)):
                    await self.actor.teardown(reason)
            if scope.cancelled_caught:
                cell.log().warning("actor.teardown_overran", grace=cell.spec.grace)

    def _over(self, whole: bool) -> None:
        # Not whole: killed from outside, so no step of the end can be relied on, and none restarts.
        reason = self._reason or "killed"
        self._tell_askers(ActorStopped(f"{self.cell.ref.path}: {reason}"))
        self.links.cut()
        if self.children is not None and not whole:
            self.children.abandon()
        self.cell.over(reason, again=whole)

    # -- what others need of it

    @property
    def kind(self) -> str:
        """The kind of the actor."""
        return self.actor.kind

    @property
    def accepts(self) -> tuple[type[Message], ...]:
        """The message types the actor takes."""
        return self.actor.accepts

    @property
    def own_nursery(self) -> OwnNursery:
        """The nursery of this life, opened on first use. Raises ActorStopped once it is ending."""
        cell = self.cell
        if cell.state not in (ActorState.STARTING, ActorState.RUNNING):
            raise ActorStopped(f"{cell.ref.path} is ending")
        if self._own_nursery is None:
            self._own_nursery = OwnNursery(cell.host(), cell.system.context, cell.ref.path)
        return self._own_nursery

    def spawn(self, spec: ChildSpec) -> Ref[Any]:
        """Make a child. Raises NameTaken, or ActorStopped once this life is ending."""
        if self.children is None:
            self.children = Children(self.cell, self.actor, self.own_nursery, self.fail)
        return self.children.spawn(spec).ref

    async def stop_child(self, ref: Ref[Any], reason: str) -> None:
        """Stop a child and wait for its end. Raises ValueError for one that is none of its own."""
        child = None if self.children is None else self.children.at(ref)
        if child is not None:
            child.stop(reason)
            await child.until_stopped()
        elif owner_of(ref) is not None:
            raise ValueError(f"{ref.path} is not a child of {self.cell.ref.path}")

    def start_helper(
        self, fn: Callable[..., Awaitable[Any]], args: tuple[object, ...], name: str | None
    ) -> None:
        """Run a task that crashes the actor if it raises."""
        label = name or getattr(fn, "__name__", "helper")
        self.own_nursery.start(self._help, fn, args, name=f"{self.cell.ref.path} ({label})")

    def deliver(self, message: Message) -> None:
        """Put a message into the mailbox for this life alone, full or not."""
        self.cell.mailbox.deliver(RuntimeNotice(self, message))

    def facts(self) -> dict[str, object]:
        """Return the actor's own facts; a bug in them must not take the tree page with it."""
        try:
            return dict(self.actor.snapshot())
        except Exception as error:  # noqa: BLE001 -- see above
            return {"snapshot_failed": place_of(error)}

    async def _help(self, fn: Callable[..., Awaitable[Any]], args: tuple[object, ...]) -> None:
        with caught(self.fail):
            await fn(*args)
