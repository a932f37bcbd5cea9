"""`/-/recordings`: the files in the folder of recordings, and those that are being written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import structlog
import trio
from pydantic import Field
from quart import Response, request
from quart_trio.wrappers.response import TrioResponse

from actors.core import Glimpse, Slices
from api.http.carriers.quart_seam import SteadyFileBody
from api.operator.errors import refuse
from api.operator.ids import room_id
from api.operator.orders.asking import orderer
from api.operator.overview.paging import (
    Order,
    PageQuery,
    asked,
    in_order,
    json_answer,
    page_answer,
)
from api.settings.recordings import recordings_folder
from media.recording.recordings_folder import (
    StoredRecording,
    find_recording,
    list_recordings,
)

if TYPE_CHECKING:
    from actors.words.keys import RoomKey
    from api.http.mounts import Services
    from api.operator.overview.overview import Overview

log = structlog.get_logger(__name__)

T = TypeVar("T")

FOLDER_SECONDS = 10.0  # it may be on a mount that is gone
RUNNING = "recording"
TYPES = {"mkv": "video/x-matroska", "mp4": "video/mp4", "webm": "video/webm"}
PIECE = 65_536  # bytes of a file that are read at once


class RecordingsQuery(PageQuery):
    """Which recordings are wanted, and in which order."""

    state: Literal["", "recording", "finalised", "partial"] = Field(
        "", description="Only those that are written, whole, or cut short by a crash."
    )
    sort: Literal["since", "bytes"] = "since"
    order: Order = Field("desc", description="The latest or largest first, or the other way.")


@dataclass(frozen=True, slots=True)
class RecordingSeen:
    """A recording. `since` and `until` are in Unix seconds, `until` is None while it is written.

    Of a file, `since` is not known once its room has forgotten it.
    """

    id: str
    file: str
    state: str
    bytes: int
    container: str
    room: RoomKey | None = None
    seconds: float | None = None
    since: float | None = None
    until: float | None = None

    @property
    def latest(self) -> float:
        """When it began, or else ended."""
        return self.since or self.until or 0.0

    def shown(self) -> dict[str, object]:
        """Return it as the API has it."""
        return {
            "id": self.id,
            "file": self.file,
            "state": self.state,
            "container": self.container,
            "room": None if self.room is None else room_id(self.room),
            "bytes": self.bytes,
            "seconds": self.seconds,
            "since": self.since,
            "until": self.until,
        }


class RecordingLooks:
    """The operations on recordings."""

    def __init__(self, services: Services, overview: Overview) -> None:
        self._services = services
        self._overview = overview
        self._thread = trio.CapacityLimiter(1)  # one that hangs is enough

    async def recordings(self) -> Response:
        """List recordings."""
        query, slices = asked(RecordingsQuery), Slices()
        files = await self._from_disk(list_recordings)
        if files is None:
            return folder_failed()
        found = [*(await self._running()).values(), *map(stored_seen, files)]
        wanted = (it for it in found if query.state in ("", it.state))
        page = await in_order(
            wanted,
            query,
            (lambda it: it.bytes) if query.sort == "bytes" else (lambda it: it.latest),
            slices,
            descending=query.order == "desc",
        )
        return await page_answer("recordings", page, RecordingSeen.shown, slices)

    async def recording(self, id_: str) -> Response:
        """Show one."""
        running = (await self._running()).get(id_)
        if running is not None:
            return json_answer(running.shown())
        found = await self._find(id_)
        return found if isinstance(found, Response) else json_answer(stored_seen(found).shown())

    async def file(self, id_: str) -> Response:
        """Send the file, or the part of it that a Range asks for."""
        if id_ in await self._running():
            return still_running()
        found = await self._find(id_)
        if isinstance(found, Response):
            return found
        kind = found.path.suffix.removeprefix(".")
        try:
            body = SteadyFileBody(found.path, buffer_size=PIECE)
        except OSError:  # it has just been deleted
            return unknown_recording()
        response = TrioResponse(body, 200, content_type=TYPES[kind])
        response.timeout = None  # the listener ends those that take nothing
        response.content_length = found.bytes
        response.headers.add("Content-Disposition", "attachment", filename=found.path.name)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Accept-Ranges"] = "bytes"
        response.set_etag(f"{found.written}-{found.bytes}")
        await response.make_conditional(request, accept_ranges=True, complete_length=found.bytes)
        return response

    async def delete(self, id_: str) -> Response:
        """Delete the file of one that is not being written."""
        by = orderer()
        if id_ in await self._running():
            return still_running()
        found = await self._find(id_)
        if isinstance(found, Response):
            return found
        if await self._from_disk(partial(remove_recording, recording=found)) is None:
            return folder_failed()
        log.info(
            "recording.deleted",
            recording=found.id,
            file=found.path.name,
            bytes=found.bytes,
            **by,
        )
        return Response(b"", 204)

    async def _running(self) -> Mapping[str, RecordingSeen]:
        """Return those that are being written, by id."""
        directory, slices, found = self._services.directory, Slices(), {}
        epoch = time.time() - trio.current_time()
        for room in (await self._overview.sight()).rooms.values():
            seen = directory.look_at(room.key) if room.recordings else None
            for job in () if seen is None else directory.look_inside(seen):
                if job.kind == "recording":
                    one = running_seen(job, room.key, epoch)
                    found[one.id] = one
                await slices.rest()
        return found

    async def _find(self, id_: str) -> StoredRecording | Response:
        """Find a file, or say why there is none."""
        found = await self._from_disk(lambda folder: [find_recording(folder, id_)])
        if found is None:
            return folder_failed()
        if found[0] is None:
            return unknown_recording()
        return found[0]

    async def _from_disk(self, work: Callable[[Path], list[T]]) -> list[T] | None:
        """Have a thread look into the folder; None where it cannot, or takes too long."""
        folder = recordings_folder(self._services.settings()).path
        with trio.move_on_after(FOLDER_SECONDS):
            try:
                return await trio.to_thread.run_sync(
                    work, folder, abandon_on_cancel=True, limiter=self._thread
                )
            except OSError as error:
                log.warning("recording.folder_failed", error=type(error).__name__, code=error.errno)
                return None
        log.warning("recording.folder_failed", error="no answer", code=None)
        return None


def stored_seen(file: StoredRecording) -> RecordingSeen:
    """Make one of a file."""
    return RecordingSeen(
        file.id,
        file.path.name,
        "partial" if file.partial else "finalised",
        file.bytes,
        file.path.suffix.removeprefix("."),
        until=round(file.written, 3),
    )


def running_seen(job: Glimpse, room: RoomKey, epoch: float) -> RecordingSeen:
    """Make one of what its actor tells; `epoch` is where Trio's clock began, in Unix seconds."""
    facts: Mapping[str, Any] = job.facts
    id_ = job.name.removeprefix("recording:")
    container = str(facts.get("container", ""))
    return RecordingSeen(
        id_,
        f"{id_}.{container}",
        RUNNING,
        facts.get("bytes", 0),
        container,
        room,
        facts.get("seconds"),
        round(epoch + job.born, 3),
    )


def unknown_recording() -> Response:
    """Say that there is no such recording."""
    return refuse(404, "There is no such recording.", "unknown_recording")


def remove_recording(_: Path, recording: StoredRecording) -> list[StoredRecording]:
    """Remove a file; fine where it is gone already."""
    recording.path.unlink(missing_ok=True)
    return [recording]


def still_running() -> Response:
    """Say that there is no whole file yet."""
    return refuse(409, "It is being written still.", "still_recording")


def folder_failed() -> Response:
    """Say that the folder cannot be looked into."""
    return refuse(503, "The folder of recordings cannot be read just now.", "folder_failed")
