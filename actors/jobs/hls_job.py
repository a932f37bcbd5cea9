"""The job that writes a view into a private folder, for whoever watches it by HLS.

The folder is there while the job is. A disk that takes nothing ends it: who watches begins anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import trio

from actors.core import ChildSpec, Message, Ref, Restart
from actors.jobs.media_job import GRACE_SECONDS, MediaJob
from media.contract.engine import MediaEngine
from media.contract.jobs import JobEnded, WorkEvent
from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost
from media.outside.errors import NotReachable
from media.outside.output_folders import make_private, remove_private

PREFIX = "hls:"  # of the ids of jobs
FOLDER_SECONDS = 10.0  # for a disk to answer


class HlsJob(MediaJob):
    """Told what to do by DoWork with a BroadcastWanted for `folder`, which it makes and removes."""

    kind = "hls"

    def __init__(self, id: str, engine: MediaEngine, room: Ref[Any], folder: Path) -> None:
        super().__init__(id, engine, room)
        self._folder = folder
        self._is_over = False

    async def setup(self) -> None:
        await super().setup()
        try:
            await _on_disk(partial(make_private, self._folder.parent, self._folder.name))
        except NotReachable as trouble:
            self._give_up(TargetLost(trouble.reason, trouble.detail, over=True))

    async def handle(self, message: Message) -> None:
        if not self._is_over:
            await super().handle(message)

    async def teardown(self, reason: str) -> None:
        await super().teardown(reason)
        with suppress(NotReachable):
            await _on_disk(partial(remove_private, self._folder))
        self.ctx.log.info("hls.ended", job=self.id, reason=reason)

    def _hear(self, event: WorkEvent | JobEnded) -> None:
        match event:
            case TargetFlows():
                self.ctx.log.info("hls.flows", job=self.id)
            case TargetLost():
                self._give_up(event)
            case _:
                super()._hear(event)

    def _give_up(self, lost: TargetLost) -> None:
        """Note that nothing can be written; end where that stays so."""
        why = {"reason": lost.reason.value, "detail": lost.detail}
        self.ctx.log.warning("hls.lost", job=self.id, over=lost.over, **why)
        if lost.over:
            self._is_over = True
            self.ctx.stop(lost.reason.value)


async def _on_disk(work: Callable[[], object]) -> None:
    """Do what blocks on a disk. Raises NotReachable where it takes too long."""
    with trio.move_on_after(FOLDER_SECONDS):
        await trio.to_thread.run_sync(work, abandon_on_cancel=True)
        return
    raise NotReachable(OutsideTrouble.REFUSED, "the disk does not answer")


def hls_job_spec(id: str, engine: MediaEngine, room: Ref[Any], folder: Path) -> ChildSpec:
    """Return how to spawn one; the rest as for `media_job_spec`."""
    grace = GRACE_SECONDS + FOLDER_SECONDS
    return ChildSpec(id, partial(HlsJob, id, engine, room, folder), Restart.TEMPORARY, grace=grace)
