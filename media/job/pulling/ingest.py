"""A source outside, which becomes sound and pictures of a room."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from media.contract.jobs import PICTURE, IngestWanted, JobWanted
from media.contract.streaming import SourceFound, SourceLost
from media.job.pulling.packet_queue import PulledPacket
from media.job.pulling.pulled_outputs import PulledOutputs
from media.job.pulling.pulled_time import PulledClock, PulledPace, PulledTime
from media.job.pulling.source_keeper import SourceKeeper, StartReader
from media.job.pulling.source_reader import SourceReader
from media.job.work import Outside, WorkFigures

TURN_SECONDS = 0.05  # of packets in one go: a process has other things to do, too
END_SECONDS = 0.8
NEVER = float("inf")


class _Placed(NamedTuple):
    """A packet, where it has its place, and when it goes on (time.monotonic)."""

    packet: PulledPacket
    position: float
    due: float


class IngestWork:
    """See media.job.work.Work. `close` it where its process goes on without it."""

    def __init__(
        self,
        outside: Outside,
        start: StartReader = SourceReader,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.figures = WorkFigures()
        self._outside = outside
        self._keeper = SourceKeeper(outside.wake, start, chance)
        self._wanted: IngestWanted | None = None
        self._found: SourceFound | None = None
        self._time, self._clock, self._pace = PulledTime(), PulledClock(), PulledPace()
        self._outputs = PulledOutputs(self._clock, outside, self.figures)
        self._held: _Placed | None = None  # the next packet, before it is due
        self._dropped = 0  # of sources that are no more

    def change(self, wanted: JobWanted) -> None:
        """Pull this from now on. Raises TypeError for other work, CannotEncode."""
        if not isinstance(wanted, IngestWanted):
            raise TypeError("no source outside")
        self._wanted = wanted
        self._keeper.aim(wanted)
        self._arrange()

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        """Do nothing: it has no inputs."""

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        """Do nothing: it has no inputs."""

    def keyframe_wanted(self, name: str) -> None:
        """Have a picture that is encoded here begin anew: a source cannot be asked to."""
        if name == PICTURE:
            self._outputs.want_keyframe()

    def due(self) -> float:
        """Return when something is to be done, if nothing comes."""
        return min(self._packet_due(), self._keeper.due, self._outputs.due)

    def tick(self, now: float) -> None:
        """Do what is due. Raises SourceHangs."""
        self._use_packets(now)
        event = self._keeper.tick(now, drained=self._is_drained)
        if isinstance(event, SourceFound):
            self._begin(event)
        elif isinstance(event, SourceLost):
            self._end()
        if event is not None:
            self._outside.tell(event)
        self._outputs.tick(now)

    def close(self, seconds: float = END_SECONDS) -> bool:
        """End, and wait for the thread that reads; tell whether it has ended.

        Between two segments of HLS FFmpeg cannot be woken: then it ends with the process.
        """
        reader = self._keeper.reader
        self._keeper.stop()
        return reader is None or reader.join(seconds)

    def _begin(self, found: SourceFound) -> None:
        """Take note of a source that was opened; outputs go on where they are."""
        self._found = found
        self._time.restart()
        self._clock.restart()
        self._pace = PulledPace()
        self._arrange()

    def _end(self) -> None:
        self._dropped = self.figures.late_frames
        self._found = self._held = None
        self._outputs.hold()

    def _arrange(self) -> None:
        wanted, found, reader = self._wanted, self._found, self._keeper.reader
        if wanted is not None and found is not None and reader is not None:
            self._outputs.arrange(wanted, found, reader.streams.by_kind)

    @property
    def _flows(self) -> bool:
        """Whether it was said what becomes of a source that is there; before that, packets wait."""
        wanted = self._wanted
        return (
            wanted is not None
            and self._found is not None
            and not (wanted.audio is None and wanted.video is None)
        )

    def _use_packets(self, now: float) -> None:
        reader = self._keeper.reader
        if reader is None or not self._flows:
            return
        until = time.monotonic() + TURN_SECONDS
        while (placed := self._next(reader, now)) is not None:
            self._clock.observe(placed.position, now)
            self._outputs.take(placed.packet, placed.position, now)
            if self._outputs.unfit:
                self._hold_pictures()
            if time.monotonic() >= until:
                break
        self.figures.late_frames = self._dropped + reader.queue.dropped

    def _next(self, reader: SourceReader, now: float) -> _Placed | None:
        """Return the next packet if it is due."""
        placed, self._held = self._held, None
        if placed is None:
            packet = reader.queue.get()
            if packet is None:
                return None
            time = packet.pts if packet.dts is None else packet.dts
            position = self._time.place(packet.kind, time, packet.duration, now)
            due = self._pace.due(position, now) if reader.queue.paced else now
            placed = _Placed(packet, position, due)
        if placed.due > now:
            self._held = placed
            return None
        return placed

    def _packet_due(self) -> float:
        if self._held is not None:
            return self._held.due
        reader = self._keeper.reader
        return 0.0 if reader is not None and self._flows and len(reader.queue) else NEVER

    def _is_drained(self) -> bool:
        reader = self._keeper.reader
        return self._held is None and (reader is None or not len(reader.queue))

    def _hold_pictures(self) -> None:
        """Say that pictures do not pass, after all; they go on once it is said how."""
        found = self._found
        if found is None or found.video is None or not found.video.passes:
            return  # it was said
        video = msgspec.structs.replace(found.video, passes=False)
        self._found = msgspec.structs.replace(found, video=video)
        self._arrange()
        self._outside.tell(self._found)
