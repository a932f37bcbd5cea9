"""The job that sends streams outside: by RTMP or RTSP, or as the files of HLS and DASH.

Files go to a private folder and from there to a server, or lie where the request names. It ends by
itself where its target will not take anything any more; its room is told before. Who ends it has it
finish first: a server gets the last files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import trio

from actors.core import (
    ActorStopped,
    ChildSpec,
    MailboxFull,
    Message,
    Ref,
    ReplyTo,
    Request,
    Restart,
)
from actors.jobs.media_job import GRACE_SECONDS, DoWork, JobNoted, MediaJob
from actors.streams.services import MediaServices, Uploading, UploadWanted
from actors.words.broadcasts import Outlet
from media.contract.errors import UnknownJob
from media.contract.jobs import BroadcastWanted, JobEnded, WorkEvent
from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost
from media.outside.errors import NotReachable
from media.outside.output_folders import make_local, make_private, names_of, remove_private
from media.outside.places import Places

FOLDER_SECONDS = 10.0  # for a disk to answer
LAST_SECONDS = 10.0  # for the last files to be taken, beyond the length of a segment

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Finish(Request[None]):
    """Send the last of it and end; answered when nothing of it is left."""

    reason: str


class Broadcast(MediaJob):
    """Told what to do by DoWork with a BroadcastWanted without a folder."""

    kind = "broadcast"
    accepts = (*MediaJob.accepts, Finish)

    def __init__(self, id: str, media: MediaServices, room: Ref[Any], outlet: Outlet) -> None:
        super().__init__(id, media.engine, room)
        self._media = media
        self._outlet = outlet
        self._folder: Path | None = None  # None: there is none, or none yet
        self._names: frozenset[Path] = frozenset()  # local files that are nobody else's meanwhile
        self._uploading: Uploading | None = None
        self._uploaded = trio.Event()
        self._is_over = False
        self._has_flowed = False
        self._askers: list[ReplyTo[None]] = []

    async def setup(self) -> None:
        await super().setup()
        outlet = self._outlet
        self.ctx.log.info("streaming_out.started", protocol=outlet.protocol, to=outlet.place)
        if not outlet.in_files:
            return
        try:
            self._folder = await self._make_folder()
            if outlet.uploads:
                self._uploading = self._upload_of(self._folder)
        except NotReachable as trouble:
            self._note(TargetLost(trouble.reason, trouble.detail, over=True))
            return
        if self._uploading is not None:
            self.ctx.start_task(self._upload, self._uploading, name="upload")

    async def handle(self, message: Message) -> None:
        match message:
            case Finish(reason):
                self._askers.append(self.ctx.defer())
                if not self._is_over:
                    self._is_over = True
                    self.ctx.start_task(self._finish, reason, name="finish")
                return
            case DoWork() if self._is_over:
                return
            case DoWork(BroadcastWanted() as wanted, paths) if self._folder is not None:
                told = msgspec.structs.replace(wanted, folder=str(self._folder))
                message = DoWork(told, paths)
        await super().handle(message)

    async def teardown(self, reason: str) -> None:
        await super().teardown(reason)
        self._media.files_sent.difference_update(self._names)
        if self._outlet.uploads and self._folder is not None:
            with suppress(NotReachable):
                await _in_thread(partial(remove_private, self._folder))
        self.ctx.log.info("streaming_out.ended", reason=reason)
        for asker in self._askers:
            asker.reply(None)

    def snapshot(self) -> Mapping[str, object]:
        return {
            **super().snapshot(),
            "protocol": self._outlet.protocol,
            "to": self._outlet.place,
            "has_flowed": self._has_flowed,
        }

    def _hear(self, event: WorkEvent | JobEnded) -> None:
        if self._is_over:
            return  # the end of its process is no news, nor what it says until then
        match event:
            case TargetFlows() if self._outlet.uploads:
                return  # there are files: who uploads them tells whether they are taken
            case TargetFlows() | TargetLost():
                self._note(event)
            case _:
                super()._hear(event)

    def _note(self, event: TargetFlows | TargetLost) -> None:
        """Tell what has become of the target. Neither waits nor raises."""
        if self._is_over:
            return
        if isinstance(event, TargetFlows):
            self.ctx.log.info("streaming_out.flows", again=self._has_flowed)
            self._has_flowed = True
        else:
            self.ctx.log.warning(
                "streaming_out.lost",
                reason=event.reason.value,
                detail=event.detail,
                over=event.over,
            )
        noted = JobNoted(self.id, event)
        try:
            self._room.tell(noted)
        except MailboxFull:
            self.ctx.start_task(self._tell, noted, name="telling")
        except ActorStopped:
            return  # it ends with its room
        if isinstance(event, TargetLost) and event.over:
            self._is_over = True
            self.ctx.stop(event.reason.value)

    async def _tell(self, noted: JobNoted) -> None:
        with suppress(ActorStopped):
            await self._room.send(noted)

    # --- files

    async def _make_folder(self) -> Path:
        """Return the folder for the files. Raises NotReachable."""
        plan, outlet = self._media.streaming, self._outlet
        if outlet.uploads:
            if plan.work is None:
                raise NotReachable(OutsideTrouble.REFUSED, "there is no folder for its files")
            return await _in_thread(partial(make_private, plan.work, self.id.replace(":", "-")))
        places = Places(plan.networks, "" if plan.folder is None else str(plan.folder))
        playlist = await _in_thread(partial(places.file, outlet.url))
        hls = outlet.protocol == "hls"
        names = names_of(playlist, hls=hls)
        if names & self._media.files_sent:
            raise NotReachable(OutsideTrouble.EXISTS, "another stream is sent into this file")
        self._media.files_sent.update(names)
        self._names = names
        await _in_thread(partial(make_local, playlist, hls=hls))
        return playlist.parent

    def _upload_of(self, folder: Path) -> Uploading:
        """Return the upload of what comes into the folder. Raises NotReachable."""
        outlet = self._outlet
        wanted = UploadWanted(
            folder,
            outlet.playlist,
            outlet.url,
            outlet.method,
            outlet.segment_seconds,
            self._media.streaming.networks,
        )
        return self._media.upload(wanted, self._note)

    async def _upload(self, uploading: Uploading) -> None:
        await uploading.run()
        self._uploaded.set()

    async def _finish(self, reason: str) -> None:
        """End the process in order, and have what it has written last be taken."""
        with suppress(UnknownJob):  # it has not begun, or has ended
            await self._engine.close_job(self.id, reason)
        if self._uploading is not None:
            self._uploading.stop()
            with trio.move_on_after(self._outlet.segment_seconds + LAST_SECONDS):
                await self._uploaded.wait()
        self.ctx.stop(reason)


async def _in_thread(work: Callable[[], R]) -> R:
    """Do what blocks on a disk. Raises NotReachable where it takes too long."""
    with trio.move_on_after(FOLDER_SECONDS):
        return await trio.to_thread.run_sync(work, abandon_on_cancel=True)
    raise NotReachable(OutsideTrouble.REFUSED, "the disk does not answer")


def finish_seconds(outlet: Outlet) -> float:
    """Return how long one may take to finish."""
    last = outlet.segment_seconds + LAST_SECONDS if outlet.uploads else 0.0
    return GRACE_SECONDS + FOLDER_SECONDS + last


def broadcast_spec(id: str, media: MediaServices, room: Ref[Any], outlet: Outlet) -> ChildSpec:
    """Return how to spawn one; the rest as for `media_job_spec`."""
    grace = GRACE_SECONDS + FOLDER_SECONDS
    return ChildSpec(
        id, partial(Broadcast, id, media, room, outlet), Restart.TEMPORARY, grace=grace
    )
