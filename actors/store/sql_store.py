"""The store on a database: what is in it survives the process.

The actor never waits for the database. Each request is a transaction in a helper task: reads side
by side, writes one after the other in the order in which they came. A transaction is given up at
its deadline, its asker refused; the thread ends as its connection breaks, and until then holds its
place among the threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import trio

from actors.core import Actor, Message, Refused, ReplyTo
from actors.store.database import Database, DatabaseFailed
from actors.store.messages import StoreRead, StoreWrite
from actors.store.place import StorePlace
from actors.store.tally import StoreTally
from actors.store.transaction import GivenUp, Transaction
from actors.words.refusals import Busy, StoreUnavailable

ANSWER_SHARE = 0.8  # of the asker's patience: it shall hear a refusal, not its own clock
CLOSE_SECONDS = 2.0


class WriteTurns:
    """Who writes, and who waits to: in the order of coming, whoever leaves."""

    def __init__(self) -> None:
        self._turns: deque[trio.Event] = deque()

    def join(self) -> trio.Event:
        """Return an event that is set when it is one's turn."""
        turn = trio.Event()
        self._turns.append(turn)
        self._turns[0].set()
        return turn

    def leave(self, turn: trio.Event) -> None:
        """Let the next have its turn, if it was one's own."""
        self._turns.remove(turn)
        if self._turns:
            self._turns[0].set()


class SqlStore(Actor[Message]):
    kind = "store"
    accepts = (StoreRead, StoreWrite)

    def __init__(self, place: StorePlace, tally: StoreTally | None = None) -> None:
        self._place = place
        self._tally = tally or StoreTally()
        self._database = Database(place)
        self._readers = trio.CapacityLimiter(place.connections)
        self._writer = trio.CapacityLimiter(1)
        self._line = WriteTurns()
        self._waiting = 0
        self._failing_since: dict[str, float] = {}  # of "reads" and "writes"

    async def handle(self, message: Message) -> object:
        if self._waiting >= self._place.waiting:
            raise Busy
        self._waiting += 1
        turn = self._line.join() if isinstance(message, StoreWrite) else None
        self.ctx.start_task(self._carry_out, message, self.ctx.defer(), turn, name="transaction")
        return None

    async def teardown(self, reason: str) -> None:
        """Close the connections once the threads have let go of them, or a little later."""
        if not self._database.used:
            return
        with trio.move_on_after(CLOSE_SECONDS):
            for limiter in (self._writer, self._readers):
                for _ in range(int(limiter.total_tokens)):
                    await limiter.acquire_on_behalf_of(object())
        await trio.to_thread.run_sync(self._database.close, abandon_on_cancel=True)

    def snapshot(self) -> Mapping[str, object]:
        return {
            "database": self._database.name,
            "failing": sorted(self._failing_since),
            "waiting": self._waiting,
        }

    async def _carry_out(
        self, message: Message, asker: ReplyTo[object], turn: trio.Event | None
    ) -> None:
        """Have one request done in a thread, and answer it in time."""
        seconds = self._seconds_for(asker)
        kind = "reads" if turn is None else "writes"
        transaction, begun = Transaction(message, seconds, write=turn is not None), self.ctx.now()
        failure = "no answer"
        try:
            with trio.move_on_after(seconds):
                asker.reply(await self._do(transaction, turn))
                self._works(kind)
                return
        except Refused as refusal:
            asker.refuse(refusal)
            self._works(kind)
            return
        except DatabaseFailed as error:
            failure = str(error)
        except GivenUp:
            pass
        finally:
            self._tally.add(kind, self.ctx.now() - begun)
            transaction.give_up()
            self._waiting -= 1
            if turn is not None:
                self._line.leave(turn)
        asker.refuse(StoreUnavailable())
        self._fails(kind, failure)

    async def _do(self, transaction: Transaction, turn: trio.Event | None) -> object:
        if turn is not None:
            await turn.wait()
        return await trio.to_thread.run_sync(
            self._database.run,
            transaction,
            abandon_on_cancel=True,
            limiter=self._readers if turn is None else self._writer,
        )

    def _seconds_for(self, asker: ReplyTo[object]) -> float:
        """Return how long the database may take: none waits for a message that was told."""
        most = self._place.answer_seconds
        if asker.done:
            return most
        return max(0.0, min(most, ANSWER_SHARE * (asker.deadline - self.ctx.now())))

    def _fails(self, kind: str, failure: str) -> None:
        if kind not in self._failing_since:
            self._failing_since[kind] = self.ctx.now()
            self.ctx.log.error("store.unavailable", what=kind, error=failure)

    def _works(self, kind: str) -> None:
        since = self._failing_since.pop(kind, None)
        if since is not None:
            seconds = round(self.ctx.now() - since, 1)
            self.ctx.log.info("store.available", what=kind, seconds=seconds)
