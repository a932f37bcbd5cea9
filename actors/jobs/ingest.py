"""The job that pulls a source outside into a room, and opens it again when it is lost.

Its process is opened without targets, and tells what the source has; what becomes of that is said
to the process, and then to the room. A process that ends by itself begins like that again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from actors.core import ActorStopped, ChildSpec, Message, Ref, Restart
from actors.jobs.ingest_rules import (
    KindsWanted,
    PulledTracks,
    SourceUnfit,
    pulled_tracks,
)
from actors.jobs.media_job import GRACE_SECONDS, MediaJob
from actors.jobs.outside_addresses import shown_address
from media.contract.engine import MediaEngine
from media.contract.errors import MediaError
from media.contract.jobs import IngestWanted, JobWanted, WorkEvent
from media.contract.streaming import OutsideTrouble, SourceFound, SourceLost

NO_CAPACITY = "no_capacity"  # why it ends where there is no room to begin


@dataclass(frozen=True, slots=True)
class SourceStands(Message):
    """The fact told to the room: how the source of a stream is by now. The latest counts.

    Without `tracks` nothing flows: then `trouble` says why.
    """

    stream: str
    tracks: PulledTracks | None
    trouble: SourceLost | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """What is pulled: the stream of the room that it becomes, and which kinds. `room` for logs."""

    stream: str
    room: str
    first: IngestWanted
    kinds: KindsWanted


class Ingest(MediaJob):
    """The room has it do `pulled.first`; all else it finds by itself."""

    kind = "ingest"

    def __init__(self, id: str, engine: MediaEngine, room: Ref[Any], pulled: Pulled) -> None:
        super().__init__(id, engine, room)
        self._pulled = pulled
        self._tracks: PulledTracks | None = None  # of the source that was found last
        self._told: SourceStands | None = None
        self._untold: SourceStands | None = None
        self._telling = False
        self._flowed = False

    # --- what the process tells

    def hear(self, event: WorkEvent) -> None:
        match event:
            case SourceFound():
                self._find(event)
            case SourceLost():
                self._lose(event)
            case _:
                super().hear(event)

    async def runs(self, wanted: JobWanted) -> None:
        if self._tracks is not None and wanted == self._wanted != self._pulled.first:
            self._flow(self._tracks)

    def begin_anew(self) -> None:
        self._wanted = self._pulled.first
        self._lose(SourceLost(OutsideTrouble.UNREADABLE, "the process that reads it has ended"))

    def no_room(self, error: MediaError) -> str | None:
        return None if self._flowed and self._running is not None else NO_CAPACITY

    def _find(self, found: SourceFound) -> None:
        pulled = self._pulled
        try:
            tracks = pulled_tracks(found, pulled.kinds, again=self._flowed)
        except SourceUnfit as error:
            self._lose(SourceLost(OutsideTrouble.UNREADABLE, str(error)))
            self._wanted = pulled.first
        else:
            self._tracks = tracks
            self._wanted = msgspec.structs.replace(
                pulled.first,
                audio=tracks.audio_target,
                video=tracks.video_target,
                passes=tracks.passes,
            )
            if self._wanted == self._running and not self._at_work:
                self._flow(tracks)
        self._get_to_work()

    # --- what the room is told

    def _flow(self, tracks: PulledTracks) -> None:
        before, stands = self._told, SourceStands(self._pulled.stream, tracks)
        if not self._flowed:
            self._flowed = True
            self._log("streaming_in.started")
        elif before is not None and before.tracks is None:
            self._log("streaming_in.back")
        self._tell(stands)

    def _lose(self, lost: SourceLost) -> None:
        self._tracks = None
        if self._told is not None and self._told.tracks is not None:
            self._log("streaming_in.lost", reason=lost.reason.value, detail=lost.detail)
        self._tell(SourceStands(self._pulled.stream, None, lost))

    def _tell(self, stands: SourceStands) -> None:
        self._told = self._untold = stands
        if not self._telling:
            self._telling = True
            self.ctx.start_task(self._tell_room, name="telling")

    async def _tell_room(self) -> None:
        """Tell the room the latest; it waits where the room has much to do."""
        while self._untold is not None:
            told, self._untold = self._untold, None
            with suppress(ActorStopped):
                await self._room.send(told)
        self._telling = False

    # --- its end

    async def teardown(self, reason: str) -> None:
        self._log("streaming_in.ended", reason=reason)
        await super().teardown(reason)

    def snapshot(self) -> dict[str, object]:
        told = self._told
        state = "opening" if told is None or not self._flowed else "lost"
        if told is not None and told.tracks is not None:
            state = "flows"
        return {"stream": self._pulled.stream, "state": state, **super().snapshot()}

    def _log(self, event: str, **values: object) -> None:
        pulled = self._pulled
        source = shown_address(pulled.first.source.url)
        self.ctx.log.info(event, room=pulled.room, stream=pulled.stream, source=source, **values)


def ingest_spec(id: str, engine: MediaEngine, room: Ref[Any], pulled: Pulled) -> ChildSpec:
    """Return how to spawn the job of a stream in; its room accepts SourceStands and JobNoted."""
    make = partial(Ingest, id, engine, room, pulled)
    return ChildSpec(id, make, Restart.TEMPORARY, grace=GRACE_SECONDS)
