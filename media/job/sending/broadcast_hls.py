"""HLS into a folder: segments of MPEG-TS, and the playlist, each written when it is whole."""

from __future__ import annotations

import io
import re
import time
from collections import deque
from pathlib import Path

import av
from av.container import OutputContainer

from media.contract.jobs import BroadcastWanted
from media.job.sending.broadcast_files import write_whole
from media.job.sending.broadcast_pace import least_seconds
from media.job.sending.broadcast_trouble import disk_trouble
from media.job.sending.coded_muxer import INTERLEAVE, CodedMuxer
from media.job.sending.coded_unit import CodedUnit, Formats
from media.job.sending.hls_playlist import HlsPlaylist, HlsSegment

TS_BYTES = 188  # of a packet of MPEG-TS
MOST_BYTES = 32 << 20  # of a segment; it is cut then, wherever it is
SHORTEST_SECONDS = 0.1  # of one at a break: players cannot tell what a file of less is
LONGEST = 5  # times the length that is wanted, at which a segment ends without a keyframe


class HlsFolder:
    """The files of one HLS stream, over all its breaks. Raises OSError.

    Segments are numbered on from the seconds of the epoch, or from the highest number that is
    there: a name never comes again, also after the process began anew. What an earlier one left is
    removed as it would have done itself.
    """

    def __init__(self, wanted: BroadcastWanted) -> None:
        self._playlist_path = Path(wanted.folder, wanted.playlist)
        self._stem = self._playlist_path.stem
        self._clock_ahead = time.time() - time.monotonic()
        self._counters: dict[int, int] = {}  # of packets, by what they carry
        self._breaks = False
        left = self._left()
        self._left_names = deque(self._name(each) for each in left)
        self._number = max([int(time.time()), *(each + 1 for each in left)])
        self._playlist = HlsPlaylist(wanted.window, wanted.segment_seconds, self._number)
        self._begun = False

    def break_off(self) -> None:
        """Have the next segment go by other times, or codecs."""
        self._breaks = self._begun

    def add(self, data: bytes, seconds: float, moment: float, *, independent: bool) -> None:
        """Add a segment, which begins with what was captured at `moment`."""
        name = self._name(self._number)
        write_whole(self._playlist_path.with_name(name), _counted(data, self._counters))
        begin = moment + self._clock_ahead
        self._playlist.add(HlsSegment(name, seconds, begin, self._breaks, independent))
        self._number += 1
        self._breaks, self._begun = False, True
        self._write_playlist()
        old = [*self._left_names, *self._playlist.take_old()]
        self._left_names.clear()
        for each in old:
            self._playlist_path.with_name(each).unlink(missing_ok=True)

    def end(self) -> None:
        """Say that nothing more will come."""
        if self._begun:
            self._playlist.ended = True
            self._write_playlist()

    def _write_playlist(self) -> None:
        write_whole(self._playlist_path, self._playlist.text().encode())

    def _name(self, number: int) -> str:
        return f"{self._stem}-{number}.ts"

    def _left(self) -> list[int]:
        name = re.compile(re.escape(self._stem) + r"-(\d{1,15})\.ts(\.tmp)?", re.ASCII)
        numbers = []
        for each in self._playlist_path.parent.glob("*.ts*"):
            if (found := name.fullmatch(each.name)) is None:
                continue
            if found[2]:  # of a process that was killed
                each.unlink(missing_ok=True)
            else:
                numbers.append(int(found[1]))
        return sorted(numbers)


class HlsOutput:
    """See BroadcastOutput: segments from one break to the next."""

    def __init__(
        self,
        folder: HlsFolder,
        segment_seconds: float,
        formats: Formats,
        origin: float,
        reorders: bool,
    ) -> None:
        self.formats = formats
        self.flows = False
        self._folder = folder
        self._seconds = segment_seconds
        self._origin = origin
        self._reorders = reorders
        self._segment: _OpenSegment | None = None
        self._newest_picture = origin

    def open(self) -> None:
        self._folder.break_off()

    def write(self, unit: CodedUnit) -> None:
        if self._segment is not None and self._ends_before(unit, self._segment):
            self._finish(unit.moment)
        if unit.kind == "video":
            self._newest_picture = unit.moment
        if self._segment is None:
            self._segment = _OpenSegment(self.formats, self._origin, self._reorders, unit)
        self._segment.write(unit)

    def close(self, *, last: bool) -> None:
        segment = self._segment
        if segment is not None and segment.newest - segment.begin >= SHORTEST_SECONDS:
            self._finish(segment.newest)
        if last:
            self._folder.end()

    def abort(self) -> None:
        """Do nothing: what blocks is a disk."""

    def _ends_before(self, unit: CodedUnit, segment: _OpenSegment) -> bool:
        passed = unit.moment - segment.begin
        if segment.size >= MOST_BYTES or passed >= LONGEST * self._seconds:
            return True
        if unit.kind == "video":
            return unit.keyframe and passed >= least_seconds(self._seconds)
        still = "video" not in self.formats or unit.moment - self._newest_picture >= self._seconds
        return still and passed >= self._seconds

    def _finish(self, end: float) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        seconds = max(0.001, end - segment.begin)
        data = segment.whole()
        try:
            self._folder.add(data, seconds, segment.begin, independent=segment.independent)
        except OSError as error:
            raise disk_trouble(error) from error
        self.flows = True


class _OpenSegment:
    """A segment that grows in memory."""

    def __init__(self, formats: Formats, origin: float, reorders: bool, first: CodedUnit) -> None:
        self.begin = self.newest = first.moment
        self.independent = first.keyframe
        self._buffer = io.BytesIO()
        self._container: OutputContainer = av.open(
            self._buffer, "w", format="mpegts", options=INTERLEAVE
        )
        self._muxer = CodedMuxer(self._container, formats, origin, reorders=reorders)

    @property
    def size(self) -> int:
        return self._buffer.tell()

    def write(self, unit: CodedUnit) -> None:
        self._muxer.write(unit)
        self.newest = max(self.newest, unit.moment)

    def whole(self) -> bytes:
        """Return all of it; nothing can be written any more."""
        self._container.close()
        return self._buffer.getvalue()


def _counted(data: bytes, counters: dict[int, int]) -> bytes:
    """Return packets of MPEG-TS counted on from those before (ISO 13818-1, 2.4.3.3)."""
    counted = bytearray(data)
    for at in range(0, len(counted) - TS_BYTES + 1, TS_BYTES):
        flags = counted[at + 3]
        if flags & 0x10:  # it has a payload
            stream = (counted[at + 1] & 0x1F) << 8 | counted[at + 2]
            number = counters[stream] = counters.get(stream, -1) + 1 & 0x0F
            counted[at + 3] = flags & 0xF0 | number
    return bytes(counted)
