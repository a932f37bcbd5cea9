"""The views of a room that are watched by HLS: one job for each, however many watch.

One begins with the first who asks, and ends when nobody has asked for WATCHED_SECONDS.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from actors.core import Actor, ActorStopped, Down, Message, Ref
from actors.jobs.broadcast_wanted import Parameters, broadcast_wanted
from actors.jobs.hls_job import PREFIX, hls_job_spec
from actors.jobs.media_job import DoWork
from actors.streams.feed_paths import FeedPaths
from actors.streams.outputs import Output
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.words.broadcasts import Outlet
from actors.words.refusals import Busy
from media.contract.jobs import BroadcastWanted

WATCHED_SECONDS = 30.0
LEAST_SECONDS = 0.5  # between two looks whether anybody watches still
WATCHED_AS = Outlet("hls", "index.m3u8")


@dataclass(frozen=True, slots=True)
class ViewersDue(Message):
    """The timer of a view: does anybody watch still?"""

    id: str


@dataclass(slots=True)
class WatchedLine:
    """One view. Without `ref` its actor is just being spawned; `asked` is when it was last."""

    id: str
    label: str
    folder: Path
    work: DoWork
    asked: float
    ref: Ref[Message] | None = None


class RoomViewers:
    """Belongs to one room, whose handlers call it; `forget` what the conference has dropped.

    Where one is to be ended, its id is returned: the room has the conference end it.
    """

    __slots__ = ("_conference", "_fmtp", "_lines", "_media", "_paths", "_room")

    def __init__(
        self,
        room: Actor[Message],
        conference: Conference,
        media: MediaServices,
        paths: FeedPaths,
        fmtp: Parameters,
    ) -> None:
        self._room = room
        self._conference = conference
        self._media = media
        self._paths = paths
        self._fmtp = fmtp
        self._lines: dict[str, WatchedLine] = {}

    def __contains__(self, id: object) -> bool:
        return id in self._lines

    def folder(self, label: str) -> str | None:
        """Keep a view for another while; return where its files are, None if nobody watches it."""
        for line in self._lines.values():
            if line.label == label:
                line.asked = self._room.ctx.now()
                return str(line.folder)
        return None

    def wanted(self, output: Output) -> BroadcastWanted:
        """Return what a process would do for this. Raises Busy where there is no place for it."""
        known, plan = self._conference.known, self._media.streaming
        wanted = broadcast_wanted(output, WATCHED_AS, known, self._fmtp, plan)
        return msgspec.structs.replace(wanted, folder=str(self._place(output.id)))

    def start(self, output: Output, label: str) -> str:
        """Have a view be written that the conference has taken; return where its files will be."""
        ctx, place = self._room.ctx, self._place(output.id)
        line = WatchedLine(output.id, label, place, DoWork(self.wanted(output), {}), ctx.now())
        self._lines[output.id] = line
        ctx.tell_self_after(WATCHED_SECONDS, ViewersDue(line.id))
        ctx.start_task(self._spawn, line, name="starting")
        return str(place)

    def rewire(self, id: str) -> None:
        """Tell one what it takes now, also where its sources are new ones under the same ids.

        Raises MailboxFull.
        """
        line, output = self._lines[id], self._conference.watched[id]
        paths = {kind: self._paths.path(id, kind) for kind in output.sources}
        line.work = work = DoWork(self.wanted(output), paths)
        if line.ref is not None:
            with suppress(ActorStopped):  # its Down is on the way
                line.ref.tell(work)

    def look(self, due: ViewersDue) -> str | None:
        """See whether anybody watches still; return which one is to be ended."""
        line = self._lines.get(due.id)
        if line is None:
            return None
        left = line.asked + WATCHED_SECONDS - self._room.ctx.now()
        if left <= 0:
            return line.id
        self._room.ctx.tell_self_after(max(left, LEAST_SECONDS), due)
        return None

    def miss(self, down: Down) -> str | None:
        """Take that a job has ended by itself; return which one, if it was one of these."""
        return next((line.id for line in self._lines.values() if line.ref == down.ref), None)

    def forget(self, id: str) -> None:
        """Forget one that has ended or is to end."""
        line = self._lines.pop(id)
        self._paths.forget(id)
        self._room.ctx.start_task(self._stop, line, name="end")

    # --- inside

    def _place(self, id: str) -> Path:
        work = self._media.streaming.work
        if work is None:
            raise Busy("there is no folder for what is watched")
        return work / f"{PREFIX}{id}".replace(":", "-")

    async def _spawn(self, line: WatchedLine) -> None:
        ctx = self._room.ctx
        if self._lines.get(line.id) is not line:
            return  # it has ended already
        spec = hls_job_spec(PREFIX + line.id, self._media.engine, ctx.self_ref, line.folder)
        with suppress(ActorStopped):  # the room ends
            line.ref = ref = await ctx.spawn(spec)
            ctx.watch(ref)
            ref.tell(line.work)

    async def _stop(self, line: WatchedLine) -> None:
        if line.ref is not None:
            self._room.ctx.unwatch(line.ref)
            await self._room.ctx.stop_child(line.ref, "not_watched")
