"""The views of a room that are watched by HLS: one job for each, however many watch.

One begins with the first who asks, and ends when nobody has asked for WATCHED_SECONDS.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from actors.core import Actor, ChildSpec, Message
from actors.jobs.broadcast_wanted import Parameters, broadcast_wanted
from actors.jobs.hls_job import PREFIX, hls_job_spec
from actors.jobs.media_job import DoWork
from actors.jobs.output_lines import OutputDue, OutputLine, OutputLines
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


@dataclass(slots=True, kw_only=True)
class WatchedLine(OutputLine):
    """One view; `asked` is when it was last. Nobody waits for it to flow."""

    label: str
    folder: Path
    asked: float


class RoomViewers(OutputLines[WatchedLine]):
    __slots__ = ("_fmtp",)

    prefix = PREFIX

    def __init__(
        self,
        room: Actor[Message],
        conference: Conference,
        media: MediaServices,
        paths: FeedPaths,
        fmtp: Parameters,
    ) -> None:
        super().__init__(room, conference, media, paths)
        self._fmtp = fmtp

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
        line = WatchedLine(
            id=output.id,
            work=DoWork(self.wanted(output), {}),
            end="not_watched",
            label=label,
            folder=place,
            asked=ctx.now(),
        )
        self._begin(line)
        line.timer = ctx.tell_self_after(WATCHED_SECONDS, OutputDue(line.id))
        return str(place)

    def look(self, due: OutputDue) -> str | None:
        """See whether anybody watches still; return which one is to be ended."""
        line = self._lines.get(due.id)
        if line is None:
            return None
        left = line.asked + WATCHED_SECONDS - self._room.ctx.now()
        if left <= 0:
            return line.id
        line.timer = self._room.ctx.tell_self_after(max(left, LEAST_SECONDS), due)
        return None

    # --- inside

    def _place(self, id: str) -> Path:
        work = self._media.streaming.work
        if work is None:
            raise Busy("there is no folder for what is watched")
        return work / f"{self.prefix}{id}".replace(":", "-")

    def _output(self, id: str) -> Output:
        return self._conference.watched[id]

    def _wanted(self, line: WatchedLine, output: Output) -> BroadcastWanted:
        return self.wanted(output)

    def _spec(self, line: WatchedLine) -> ChildSpec:
        room = self._room.ctx.self_ref
        return hls_job_spec(self.prefix + line.id, self._media.engine, room, line.folder)
