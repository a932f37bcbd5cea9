"""MP4 files: written in fragments, which can be read up to the last; ordinary ones when finished.

A fragment is what came between two calls of `flush`. The description of the tracks stands in
reserved room and is put there once it is known. To finish, sample tables for the whole file are
appended, and the box in the reserved room becomes one of media data, around everything up to those
tables: what was fragments is then an ordinary file. That last step is a single small write.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence

from media.contract.codec import Codec
from media.contract.errors import CannotRecord
from media.recording import mp4_boxes
from media.recording.container import ContainerFile, Sample, sound_seconds
from media.recording.mp4_boxes import box, full_box
from media.rtp.depayload import CodedSound, CodedVideo

_ROOM = 4096  # for the tracks, H.264's parameter sets included
_FRAGMENT_BYTES = 4 << 20
_LONGEST_STEP = 0xFFFFFFFF  # 13 hours of video, 24 of audio
_LAST_PICTURE = 0.1  # seconds it is shown at most: the pause before it tells nothing
_MOOF_BYTES, _TRAF_BYTES, _ROW_BYTES = 24, 64, 16  # without, per track, per sample
_KEYFRAME, _OTHER_FRAME = 0x02000000, 0x01010000


class _Runs:
    """Numbers in a row, equal neighbours kept once: 8 bytes for each run, packed as `row` says."""

    def __init__(self, row: str) -> None:
        self._row = struct.Struct(row)
        self._counts, self._values = array("I"), array(row[-1])

    def add(self, value: int) -> None:
        if self._values and self._values[-1] == value:
            self._counts[-1] += 1
        else:
            self._counts.append(1)
            self._values.append(value)

    def table(self) -> bytes:
        pairs = zip(self._counts, self._values, strict=True)
        rows = b"".join(self._row.pack(*pair) for pair in pairs)
        return len(self._counts).to_bytes(4) + rows

    @property
    def all_zero(self) -> bool:
        return not any(self._values)


def _numbers(values: array[int]) -> bytes:
    return struct.pack(f">I{len(values)}I", len(values), *values)


class _Track:
    """One track: what is to go into the next fragment, and the tables of all that was written."""

    def __init__(self, number: int, codec: Codec, first: Sample) -> None:
        self.number = number
        format = first.format
        self.video = format if isinstance(format, CodedVideo) else None
        self._aac = format if isinstance(format, CodedSound) else None
        self._codec = codec
        self.timescale = self._aac.sample_rate if self._aac else codec.clock_rate
        self.start = self._ticks(first.time)
        self.decoded = self.start - 1  # the latest sample's decoding time
        self.step = 0  # until the one after it, as far as can be told
        self.pending: list[tuple[int, int, Sample]] = []  # decoding time, offset of showing it
        self._sizes = array("I")
        self._steps, self._offsets = _Runs(">II"), _Runs(">Ii")
        self._keyframes = array("I")
        self._chunks: list[tuple[int, int]] = []  # position, count of samples

    def add(self, sample: Sample) -> None:
        """Take a sample. Raises CannotRecord after too long a pause."""
        shown = self._ticks(sample.time)
        decoded = max(self.decoded + 1, shown)  # pictures may be shown before others decoded before
        if decoded - self.decoded > _LONGEST_STEP:
            raise CannotRecord("a pause that is longer than this kind of file can tell")
        if self._sizes:
            self._steps.add(decoded - self.decoded)
            self.step = decoded - self.decoded
        if self.video is None:
            self.step = self._ticks(sound_seconds(self._codec, sample))
        self.decoded = decoded
        self.pending.append((decoded, shown - decoded, sample))
        self._sizes.append(len(sample.data))
        self._offsets.add(shown - decoded)
        if sample.keyframe and self.video is not None:
            self._keyframes.append(len(self._sizes))

    def take_pending(self, position: int) -> list[bytes]:
        """Return the samples' bytes, which go to this position."""
        self._chunks.append((position, len(self.pending)))
        parts = [sample.data for _, _, sample in self.pending]
        self.pending = []
        return parts

    def fragment(self, data_offset: int) -> bytes:
        """Return `traf` for what is pending."""
        head = full_box(b"tfhd", 0, 0x020000, self.number.to_bytes(4))
        time = full_box(b"tfdt", 1, 0, self.pending[0][0].to_bytes(8))
        rows = []
        for index, (decoded, offset, sample) in enumerate(self.pending, 1):
            more = index < len(self.pending)
            step = self.pending[index][0] - decoded if more else self.step
            flags = _KEYFRAME if sample.keyframe else _OTHER_FRAME
            rows.append(struct.pack(">IIIi", step, len(sample.data), flags, offset))
        counts = struct.pack(">Ii", len(rows), data_offset)
        return box(b"traf", head, time, full_box(b"trun", 1, 0xF01, counts, *rows))

    def end(self) -> float:
        """Return when the latest sample ends, in seconds."""
        return (self.decoded + self._last_step) / self.timescale

    def describe(self, *, whole: bool) -> bytes:
        """Return `trak`, with all tables if the file is to be whole."""
        if self.video is not None:
            entry = mp4_boxes.h264_entry(self.video)
        elif self._aac is not None:
            entry = mp4_boxes.aac_entry(self._aac)
        else:
            entry = mp4_boxes.opus_entry(self._codec.channels)
        length = self.decoded + self._last_step - self.start if whole else 0
        timing = (self.timescale, self.start / self.timescale, length)
        tables = self._tables() if whole else mp4_boxes.no_tables()
        return mp4_boxes.track(self.number, self.video, timing, entry, tables)

    @property
    def _last_step(self) -> int:
        if self.video is None:
            return self.step
        return min(self.step, round(_LAST_PICTURE * self.timescale))

    def _tables(self) -> bytes:
        self._steps.add(self._last_step)
        tables = [
            full_box(b"stts", 0, 0, self._steps.table()),
            full_box(b"stsz", 0, 0, bytes(4), _numbers(self._sizes)),
            full_box(b"stsc", 0, 0, self._chunk_sizes()),
            full_box(b"co64", 0, 0, len(self._chunks).to_bytes(4), *self._chunk_places()),
        ]
        if not self._offsets.all_zero:
            tables.append(full_box(b"ctts", 1, 0, self._offsets.table()))
        if self.video is not None:
            tables.append(full_box(b"stss", 0, 0, _numbers(self._keyframes)))
        return b"".join(tables)

    def _chunk_sizes(self) -> bytes:
        rows: list[bytes] = []
        before = 0
        for number, (_, count) in enumerate(self._chunks, 1):
            if count != before:
                rows.append(struct.pack(">III", number, count, 1))
            before = count
        return len(rows).to_bytes(4) + b"".join(rows)

    def _chunk_places(self) -> list[bytes]:
        return [position.to_bytes(8) for position, _ in self._chunks]

    def _ticks(self, time: float) -> int:
        return round(time * self.timescale)


class Mp4Writer:
    """Writes one file; tracks are numbered from 1 on in the order of `codecs`."""

    def __init__(self, output: ContainerFile, codecs: Sequence[Codec]) -> None:
        self._output = output
        self._codecs = codecs
        self._tracks: dict[int, _Track] = {}  # those that have samples
        self._fragments = 0
        self._pending_bytes = 0
        output.append(mp4_boxes.file_type())
        self._movie_at = output.position
        output.append(self._description())

    def write(self, sample: Sample) -> None:
        """Take a sample into the fragment that is collected."""
        if sample.track not in self._tracks:
            codec = self._codecs[sample.track]
            self._tracks[sample.track] = _Track(sample.track + 1, codec, sample)
            self._output.patch(self._movie_at, self._description())
        self._tracks[sample.track].add(sample)
        self._pending_bytes += len(sample.data)
        if self._pending_bytes > _FRAGMENT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the fragment that is collected."""
        tracks = [track for track in self._tracks.values() if track.pending]
        if not tracks:
            return
        self._fragments += 1
        rows = sum(len(track.pending) for track in tracks)
        head_bytes = _MOOF_BYTES + len(tracks) * _TRAF_BYTES + rows * _ROW_BYTES
        head = self._fragment_head(tracks, head_bytes + 8)
        position = self._output.position + head_bytes + 8
        parts = []
        for track in tracks:
            taken = track.take_pending(position)
            position += sum(map(len, taken))
            parts += taken
        media = (self._pending_bytes + 8).to_bytes(4) + b"mdat"
        self._output.append(head, media, *parts)
        self._pending_bytes = 0

    def finish(self) -> None:
        """Turn the fragments into an ordinary file."""
        self.flush()
        if not self._tracks:
            return
        duration = max(track.end() for track in self._tracks.values())
        tracks = [track.describe(whole=True) for _, track in sorted(self._tracks.items())]
        movie_at = self._output.position
        self._output.append(mp4_boxes.movie(duration, tracks, b""))
        size = (movie_at - self._movie_at).to_bytes(8)
        self._output.patch(self._movie_at, b"\0\0\0\1mdat" + size)

    def _description(self) -> bytes:
        """Return `moov` for fragments and its spare room. Raises CannotRecord if it needs more."""
        tracks = [track.describe(whole=False) for _, track in sorted(self._tracks.items())]
        follow = mp4_boxes.fragments_follow([track.number for track in self._tracks.values()])
        movie = mp4_boxes.movie(0.0, tracks, follow)
        if len(movie) + 8 > _ROOM:
            raise CannotRecord("no room is left for what the recording says of itself")
        return movie + box(b"free", bytes(_ROOM - len(movie) - 8))

    def _fragment_head(self, tracks: list[_Track], data_offset: int) -> bytes:
        parts = []
        for track in tracks:
            parts.append(track.fragment(data_offset))
            data_offset += sum(len(sample.data) for _, _, sample in track.pending)
        return box(b"moof", full_box(b"mfhd", 0, 0, self._fragments.to_bytes(4)), *parts)
