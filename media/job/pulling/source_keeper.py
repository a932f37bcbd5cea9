"""Keeps a source open: opens it again when it is lost, and gives up on what does not answer."""

from __future__ import annotations

import random
from collections.abc import Callable

from media.contract.jobs import IngestWanted
from media.contract.streaming import OutsideTrouble, SourceFound, SourceLost
from media.job.back_off import BackOff
from media.job.pulling.source_reader import SourceReader
from media.outside.errors import NotReachable

NEVER = float("inf")
STEADY_SECONDS = 5.0  # after which a source that was opened counts as one that works
HUNG_SECONDS = 5.0  # that a thread is given to notice that its source was closed

StartReader = Callable[[IngestWanted, Callable[[], None]], SourceReader]


class SourceHangs(RuntimeError):
    """A thread does not come back from a source: only the end of the process gets rid of it."""


class SourceKeeper:
    """`reader` is what is read by now, None between two attempts. All times are time.monotonic."""

    def __init__(
        self,
        wake: Callable[[], None],
        start: StartReader = SourceReader,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.reader: SourceReader | None = None
        self._wake = wake
        self._start = start
        self._wanted: IngestWanted | None = None
        self._back_off = BackOff(0.0, chance)
        self._retry_at = NEVER
        self._closed_at: float | None = None  # that of the reader
        self._found_at: float | None = None
        self._told: OutsideTrouble | None = None

    def aim(self, wanted: IngestWanted) -> None:
        """Keep this source open from now on."""
        before, self._wanted = self._wanted, wanted
        self._back_off.longest = wanted.reconnect_seconds
        if before is None or _way(before) != _way(wanted):
            self._told = None
            self._retry_at = 0.0
            self.stop()

    def stop(self) -> None:
        """Read no more of what is open."""
        if self.reader is not None:
            self.reader.close(OutsideTrouble.ENDED)
            self._closed_at = self._closed_at or NEVER  # from the next tick on

    @property
    def due(self) -> float:
        """When `tick` has something to do by itself."""
        if self.reader is None:
            return self._retry_at
        if self.reader.lost is not None:  # its thread woke us; what it has read is due by itself
            return NEVER
        if self._closed_at is not None:
            return 0.0 if self._closed_at == NEVER else self._closed_at + HUNG_SECONDS
        return self._deadline(self.reader)

    def tick(self, now: float, *, drained: Callable[[], bool]) -> SourceFound | SourceLost | None:
        """Do what is due, and return what there is to tell.

        `drained` tells whether all that came was used: a source that is paced has ended only then.
        Raises SourceHangs.
        """
        reader = self.reader
        if reader is None:
            if self._wanted is not None and self._retry_at <= now:
                self._retry_at = NEVER
                self.reader = self._start(self._wanted, self._wake)
            return None
        alive, lost = reader.alive, reader.lost
        if reader.found is not None and self._found_at is None and self._closed_at is None:
            self._found_at, self._told = now, None
            if lost is not None:  # it was over before this was called: that is told after it
                self._wake()
            return reader.found
        if lost is not None:
            return self._lose(reader, lost, now) if not reader.queue.paced or drained() else None
        if not alive:
            raise SourceHangs("a thread ended without a word")
        if self._closed_at is None and self._deadline(reader) <= now:
            opened = reader.found is not None
            reader.close(OutsideTrouble.SILENT if opened else OutsideTrouble.UNREACHABLE)
            self._closed_at = now
        if self._closed_at is not None:
            self._closed_at = min(self._closed_at, now)
            if now - self._closed_at >= HUNG_SECONDS:
                raise SourceHangs
        return None

    def _lose(self, reader: SourceReader, lost: NotReachable, now: float) -> SourceLost | None:
        if self._found_at is not None and now - self._found_at >= STEADY_SECONDS:
            self._back_off.settled()
        self.reader = self._closed_at = self._found_at = None
        if self._retry_at <= now:  # there is another source to open, meanwhile
            return None
        reason = lost.reason
        self._retry_at = NEVER if reader.over else now + self._back_off.pause(reason)
        if reason is self._told and not reader.over:
            return None
        self._told = reason
        return SourceLost(reason, lost.detail, reader.over)

    def _deadline(self, reader: SourceReader) -> float:
        if self._wanted is None:
            return NEVER
        if reader.found is None:
            return reader.began + self._wanted.open_seconds
        since = reader.waiting_since  # read once: it may change meanwhile
        return NEVER if since is None else since + reader.patience * self._wanted.read_seconds


def _way(wanted: IngestWanted) -> tuple[object, ...]:
    return (wanted.source, wanted.transport, wanted.buffer_bytes)
