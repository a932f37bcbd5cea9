"""Direct messages that are kept in the store: read from it at once, written one after the other.

Nobody who writes waits for the database. What is to be written waits in the mailbox of one actor,
which is bounded in number and in bytes, and is done in the order it came: a message that is taken
back is kept before it is dropped. While the database is away messages are lost, with one line in
the log, and the chat goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog
import trio

from actors.core import (
    Actor,
    ActorError,
    ChildSpec,
    Message,
    Ref,
    Refused,
    Request,
    Restart,
    Spawn,
)
from actors.store.history import (
    DropMessage,
    DropMessagesOf,
    DropOldMessages,
    GetMessage,
    HistoryPage,
    KeepMessage,
    KeptMessage,
    ListMessages,
    ListPartners,
    NameOrder,
    NamesPage,
)
from actors.words.refusals import StoreUnavailable, Unstorable
from api.barertc.history import NAMES_PER_PAGE, PAGE, HistoryUnavailable

if TYPE_CHECKING:
    from api.barertc.settings import BareRtcHistory
    from api.http.mounts import Services

SWEEP_SECONDS = 3600.0
NEXT_STEP_SECONDS = 0.5  # so that what people write comes between
ERASED_AT_ONCE = 2000
FORGET_AGAIN_SECONDS = 30.0
FORGOTTEN_LATER = 1000  # messages that were taken back while the database was away
WRITE_SHARE = 0.5  # of limits.ask_seconds
FLUSH_SECONDS = 8.0  # what waits for it, the drain, has half of server.shutdown_grace in all
DAY = 86_400
AWAY = "the message history cannot be reached at the moment"

R = TypeVar("R")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EraseSome(Request[int]):
    """Forget some of what somebody has sent or got; answered with how many: 0 when all is gone."""

    name: str


@dataclass(frozen=True, slots=True)
class ForgetAgain(Message):
    """The timer of a message that was taken back while the database was away."""

    order: DropMessage


@dataclass(frozen=True, slots=True)
class Settled(Request[None]):
    """Answered once all that was to be written before is written, or lost."""


@dataclass(frozen=True, slots=True)
class RetentionDue(Message):
    """The timer."""


class StoreHistory:
    """Messages of one site in the store. `settings` hold for the life of the process."""

    enabled = True

    def __init__(
        self,
        services: Services,
        site: str,
        settings: BareRtcHistory,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = services
        self._site = site
        self._settings = settings
        self._clock = clock
        self._keeper: Ref[Message] | None = None
        self._waiting_bytes = 0
        self._turned_away = 0

    def start(self) -> None:
        """Have the actor system host what writes; a drain waits for it a moment."""
        self._services.lifecycle.drain_hooks.append(self._flush)
        self._services.system.root.tell(
            Spawn(
                ChildSpec(
                    "barertc_history", lambda: HistoryKeeper(self), Restart.PERMANENT,
                    mailbox=self._settings.waiting,
                )
            )
        )  # fmt: skip

    # --- what the chat says

    def keep(self, message: KeptMessage) -> None:
        """Have a message kept, or not where too many wait."""
        settings, size = self._settings, _size(message)
        if self._waiting_bytes + size > settings.waiting_bytes:
            self._turn_away()
            return
        order = KeepMessage(
            self._site, message, settings.messages_per_thread, settings.message_bytes
        )
        if self._tell(order):
            self._waiting_bytes += size

    def drop(self, id: int) -> None:
        """Have a message forgotten that was taken back."""
        self._tell(DropMessage(self._site, id))

    def _tell(self, order: Message) -> bool:
        try:
            if self._keeper is not None:
                self._keeper.tell(order)
                self._turned_away = 0
                return True
        except ActorError:
            pass
        self._turn_away()
        return False

    def _turn_away(self) -> None:
        """Say once in a row of losses that there are some."""
        self._turned_away += 1
        if self._turned_away == 1:
            log.error("history.queue_full", bytes=self._waiting_bytes)

    # --- what is asked

    async def find(self, id: int) -> KeptMessage | None:
        """Return the message of this id. Raises HistoryUnavailable."""
        return await self._ask(GetMessage(self._site, id))

    async def page(self, owner: str, other: str, before: int, limit: int = PAGE) -> HistoryPage:
        """Return messages of a conversation. Raises HistoryUnavailable."""
        return await self._ask(ListMessages(self._site, owner, other, before, limit))

    async def names(self, owner: str, order: NameOrder, page: int) -> NamesPage:
        """Return a page of names. Raises HistoryUnavailable."""
        first = NAMES_PER_PAGE * (page - 1)
        return await self._ask(ListPartners(self._site, owner, order, first, NAMES_PER_PAGE))

    async def erase(self, owner: str) -> int:
        """Forget all messages of somebody, also those that still wait to be written.

        Raises HistoryUnavailable; then some may be forgotten, and doing it again does the rest.
        """
        erased = 0
        with trio.move_on_after(self._patience):
            try:
                while self._keeper is not None:
                    some = await self._keeper.ask(EraseSome(owner), within=self._patience)
                    erased += some
                    if some < ERASED_AT_ONCE:
                        return erased
            except ActorError:
                pass
        raise HistoryUnavailable(AWAY)

    async def settle(self, within: float) -> None:
        """Wait until all that was to be written is written, or lost. Raises ActorError."""
        if self._keeper is not None:
            await self._keeper.ask(Settled(), within=within)

    async def _flush(self) -> None:
        with suppress(ActorError):
            await self.settle(FLUSH_SECONDS)

    async def _ask(self, question: Request[R]) -> R:
        try:
            return await self._services.store().ask(question, within=self._patience)
        except ActorError:
            raise HistoryUnavailable(AWAY) from None

    @property
    def _patience(self) -> float:
        return self._services.settings().limits.ask_seconds

    # --- for the actor

    def hosted(self, keeper: Ref[Message]) -> None:
        """Take who writes; it keeps its address over restarts."""
        self._keeper = keeper

    def taken(self, order: Message) -> None:
        """Note that an order waits no longer."""
        if isinstance(order, KeepMessage):
            self._waiting_bytes -= _size(order.message)

    async def write(self, order: Request[R]) -> R:
        """Have the store do it. Raises what `Ref.ask` raises."""
        return await self._services.store().ask(order, within=WRITE_SHARE * self._patience)

    def erasing(self, name: str) -> DropMessagesOf:
        """Return the order that forgets some messages of a name."""
        return DropMessagesOf(self._site, name, ERASED_AT_ONCE)

    def retention(self) -> DropOldMessages:
        """Return the order that forgets some of what is too old, or too much."""
        settings = self._settings
        before = int(self._clock()) - settings.retention_days * DAY
        return DropOldMessages(self._site, before, settings.messages, ERASED_AT_ONCE)


class HistoryKeeper(Actor[Message]):
    """Writes what waits, and forgets what is too old: at the start, and hourly."""

    kind = "history_keeper"
    accepts = (KeepMessage, DropMessage, EraseSome, ForgetAgain, RetentionDue, Settled)

    def __init__(self, history: StoreHistory) -> None:
        self._history = history
        self._kept = self._lost = self._expired = 0
        self._swept = 0  # in this look through the table
        self._failing = False
        self._to_forget = 0  # orders that a timer will bring again

    async def setup(self) -> None:
        """Take orders from now on, the first one of one's own."""
        self._history.hosted(self.ctx.self_ref)
        self.ctx.tell_self_after(0.0, RetentionDue())

    async def handle(self, message: Message) -> object:
        try:
            match message:
                case KeepMessage():
                    await self._keep(message)
                case DropMessage():
                    await self._forget(message)
                case EraseSome(name):
                    return await self._erase(name)
                case ForgetAgain(order):
                    self._to_forget -= 1
                    await self._forget(order)
                case RetentionDue():
                    await self._sweep()
        finally:
            self._history.taken(message)
        return None

    def snapshot(self) -> Mapping[str, object]:
        return {"kept": self._kept, "lost": self._lost, "expired": self._expired}

    async def _keep(self, order: KeepMessage) -> None:
        try:
            await self._history.write(order)
        except Unstorable:
            self._lost += 1
            self.ctx.log.warning("history.message_unfit", bytes=_size(order.message))
        except ActorError as error:
            self._lost += 1
            self._fails(error)
        else:
            self._kept += 1
            self._works()

    async def _forget(self, order: DropMessage) -> None:
        """Forget a message, later where it cannot be done now: it must not show up again."""
        try:
            await self._history.write(order)
        except ActorError as error:
            self._fails(error)
            if self._to_forget < FORGOTTEN_LATER:
                self._to_forget += 1
                self.ctx.tell_self_after(FORGET_AGAIN_SECONDS, ForgetAgain(order))
        else:
            self._works()

    async def _erase(self, name: str) -> int:
        try:
            return await self._history.write(self._history.erasing(name))
        except Refused:
            raise
        except ActorError as error:
            self._fails(error)
            raise StoreUnavailable from None

    async def _sweep(self) -> None:
        pause = SWEEP_SECONDS
        try:
            dropped = await self._history.write(self._history.retention())
        except ActorError as error:
            self._fails(error)
        else:
            self._expired += dropped
            self._swept += dropped
            if dropped == ERASED_AT_ONCE:
                pause = NEXT_STEP_SECONDS
            elif self._swept:
                self.ctx.log.info("history.expired", messages=self._swept)
                self._swept = 0
        self.ctx.tell_self_after(pause, RetentionDue())

    def _fails(self, error: ActorError) -> None:
        if not self._failing:
            self._failing = True
            self.ctx.log.error("history.unavailable", error=type(error).__name__)

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            self.ctx.log.info("history.available", lost=self._lost)


def _size(message: KeptMessage) -> int:
    return len(message.html.encode(errors="replace"))
