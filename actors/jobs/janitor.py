"""Looks after the folder of recordings: what a killed process left, and what is too old."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

import trio

from actors.core import Actor, Message, Request
from media.recording.recordings_folder import Trouble, remove_expired, rescue_leftovers

T = TypeVar("T")

SWEEP_SECONDS = 3600.0
FAILURES_LOGGED = 20  # of one look through the folder
FOLDER_SECONDS = 10.0  # for one look through the folder: it may be on a mount that is gone


@dataclass(frozen=True, slots=True)
class Sweep(Request[int]):
    """Remove what is too old, now; answered with how many were."""


@dataclass(frozen=True, slots=True)
class SweepDue(Message):
    """The timer."""


class RecordingKeeper(Actor[Message]):
    """Starts before anything can be recorded: what is unfinished then is of a process before.

    A folder that cannot be read, or a file, is logged, and tried again with the next sweep. So is
    one that does not answer in time (a dead mount): the start goes on without it. What is
    unfinished there is rescued by the next start, for by the next sweep rooms may be recording.
    """

    kind = "recording_keeper"
    accepts = (Sweep, SweepDue)

    def __init__(self, folder: Path, retention_days: float, *, rescues: bool = True) -> None:
        self._rescues = rescues  # unless something may be recording already
        self._folder = folder
        self._retention_days = retention_days
        self._rescued = self._expired = 0
        self._thread = trio.CapacityLimiter(1)  # one that hangs is enough

    async def setup(self) -> None:
        """Give what was left unfinished a name under which it can be played.

        Not after a crash of the keeper itself: what is unfinished then is being recorded.
        """
        if self._rescues and self.ctx.incarnation == 1:
            await self._rescue()
        await self.handle(SweepDue())

    async def _rescue(self) -> None:
        over = Event()
        try:
            rescue = partial(rescue_leftovers, self._folder, wanted=lambda: not over.is_set())
            left = await self._attempt(rescue)
        finally:
            over.set()  # a thread that was given up must not go on when rooms are recording
        self._rescued = len(left)
        for recording in left:
            self.ctx.log.warning(
                "recording.rescued", file=recording.path.name, bytes=recording.bytes
            )

    async def handle(self, message: Message) -> object:
        removed = await self._sweep()
        if isinstance(message, SweepDue) and self._retention_days > 0:
            self.ctx.tell_self_after(SWEEP_SECONDS, SweepDue())
        return removed

    def snapshot(self) -> Mapping[str, object]:
        return {"rescued": self._rescued, "expired": self._expired}

    async def _sweep(self) -> int:
        days, now = self._retention_days, time.time()
        if days <= 0:
            return 0
        removed = await self._attempt(partial(remove_expired, self._folder, days, now))
        for path in removed:
            self.ctx.log.info("recording.expired", file=path.name)
        self._expired += len(removed)
        return len(removed)

    async def _attempt(self, work: Callable[[Trouble], list[T]]) -> list[T]:
        """Have a thread look through the folder, for a while, and log what it could not do."""
        errors: list[OSError] = []
        done: list[T] = []
        with trio.move_on_after(FOLDER_SECONDS) as patience:
            try:
                done = await trio.to_thread.run_sync(
                    work, errors.append, abandon_on_cancel=True, limiter=self._thread
                )
            except OSError as unreadable:
                errors.append(unreadable)
        if patience.cancelled_caught:
            self.ctx.log.error("recording.folder_failed", error="no answer", code=None)
            return []
        for error in errors[:FAILURES_LOGGED]:
            self.ctx.log.error(
                "recording.folder_failed", error=type(error).__name__, code=error.errno
            )
        return done
