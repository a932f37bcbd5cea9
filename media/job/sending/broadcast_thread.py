"""The thread that sends: a target may block, the loop of a process may not."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from media.contract.streaming import TargetFlows, TargetLost
from media.job.sending.broadcast_output import MakeOutput
from media.job.sending.broadcast_sender import BroadcastSender
from media.job.sending.coded_backlog import CodedBacklog
from media.job.sending.coded_unit import CodedUnit

LONGEST_WAIT = 3600.0
ABORTED_SECONDS = 0.2  # that an output may take to end which was given up


class BroadcastThread:
    """All methods are for the loop of the process, and none of them waits but `close`.

    `wake` is called where there is news. The thread ends with the process in any case.
    """

    def __init__(
        self,
        make_output: MakeOutput,
        wake: Callable[[], None],
        kinds: frozenset[str],
        *,
        stalled_seconds: float,
        reconnect_seconds: float,
    ) -> None:
        self._wake = wake
        self._stalled_seconds = stalled_seconds
        self._changed = threading.Condition()
        self._backlog = CodedBacklog()
        self._closing = False
        self._failure: BaseException | None = None
        self._news: deque[TargetFlows | TargetLost] = deque()
        self._sender = BroadcastSender(
            make_output, self._tell, kinds, reconnect_seconds=reconnect_seconds
        )
        self._thread = threading.Thread(target=self._run, name="broadcast", daemon=True)
        self._thread.start()

    @property
    def sent(self) -> int:
        """How many units the target has taken."""
        return self._sender.sent

    @property
    def left_out(self) -> int:
        """How many units it has not."""
        return self._sender.left_out + self._backlog.dropped

    @property
    def wants_keyframe(self) -> bool:
        """Whether pictures can go on with a keyframe only."""
        return self._sender.wants_keyframe or self._backlog.waiting

    def want(self, kinds: frozenset[str]) -> None:
        """Wait for these kinds from now on, before the target is opened."""
        self._sender.kinds = kinds

    def put(self, units: list[CodedUnit]) -> None:
        """Have units sent."""
        if units:
            with self._changed:
                for unit in units:
                    self._backlog.put(unit)
                self._changed.notify()

    def news(self) -> list[TargetFlows | TargetLost]:
        """Return what has happened since. Raises what a bug in the thread has raised."""
        if self._failure is not None:
            raise self._failure
        return [self._news.popleft() for _ in range(len(self._news))]

    def watch(self, now: float) -> None:
        """Give up a target that takes nothing for too long."""
        since = self._sender.busy_since
        if since is not None and now - since >= self._stalled_seconds:
            self._sender.stalled()

    def close(self, seconds: float) -> bool:
        """End in order, or by force after so long; return whether it has ended."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(max(0.0, seconds - ABORTED_SECONDS))
        if self._thread.is_alive():
            self._sender.stalled()
            self._thread.join(ABORTED_SECONDS)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._sender.step(self._next())
            self._sender.step(self._backlog.take())
            self._sender.finish()
        except BaseException as error:  # noqa: BLE001 - the loop raises it
            self._failure = error
            self._wake()

    def _next(self) -> list[CodedUnit]:
        """Wait for units, or until something else is due."""
        with self._changed:
            if not self._closing and not len(self._backlog):
                wait = self._sender.due - time.monotonic()
                if wait > 0:
                    self._changed.wait(min(wait, LONGEST_WAIT))
            return self._backlog.take()

    def _tell(self, event: TargetFlows | TargetLost) -> None:
        self._news.append(event)
        self._wake()
