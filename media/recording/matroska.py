"""Matroska and WebM files (RFC 9559), written so that they can be read up to the last block.

Every block is appended as it comes. What is known only later stands behind in reserved room, and is
put there once it is known: a track when its first sample is there, sizes when they end, the length
and the index when the file is finished. Until then sizes are "unknown", which readers accept.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from media.contract.codec import Codec
from media.contract.errors import CannotRecord
from media.contract.recordings import Container
from media.recording import opus
from media.recording.container import ContainerFile, Sample, sound_seconds
from media.rtp.aac import audio_specific_config
from media.rtp.depayload import CodedSound, CodedVideo

_SEGMENT, _SEEK_HEAD, _INFO, _TRACKS = 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B
_CLUSTER, _CUES = 0x1F43B675, 0x1C53BB6B
_VOID = 0xEC
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7

_TRACKS_ROOM = 4096  # for the track entries, H.264's parameter sets included
_SEEK_ROOM = 128
_DURATION_ROOM = 11
_CLUSTER_MS = 5000
_JUMP_MS = 500  # between places to jump to
_CLUSTER_BYTES = 4 << 20
_BLOCK = struct.Struct(">BhB")  # track, time in the cluster, flags
_CODECS = {
    "vp8": "V_VP8",
    "h264": "V_MPEG4/ISO/AVC",
    "opus": "A_OPUS",
    "aac": "A_AAC",
    "pcmu": "A_PCM/INT/LIT",
    "pcma": "A_PCM/INT/LIT",
}


class MatroskaWriter:
    """Writes one file; tracks are numbered from 1 on in the order of `codecs`."""

    def __init__(
        self, output: ContainerFile, container: Container, codecs: Sequence[Codec]
    ) -> None:
        self._output = output
        self._codecs = codecs
        self._formats: dict[
            int, CodedVideo | CodedSound | None
        ] = {}  # of the tracks that have samples
        self._cluster_at = self._cluster_ms = -1
        self._last_end = 0.0
        self._cues: list[tuple[int, int, int]] = []  # ms, track, position of the cluster
        self._write_head("webm" if container is Container.WEBM else "matroska")

    def write(self, sample: Sample) -> None:
        """Append one block."""
        if sample.track not in self._formats:
            self._formats[sample.track] = sample.format
            self._write_tracks()
        time = round(sample.time * 1000)
        if self._cluster_is_over(time, sample):
            self._begin_cluster(time, sample.track)
        flags = 0x80 if sample.keyframe else 0
        head = _BLOCK.pack(0x81 + sample.track, time - self._cluster_ms, flags)
        start = b"\xa3" + (0x10000000 | len(sample.data) + len(head)).to_bytes(4)
        self._output.append(start + head, sample.data)
        self._last_end = max(
            self._last_end, sample.time + sound_seconds(self._codecs[sample.track], sample)
        )

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def finish(self) -> None:
        """Fill in what was left open, and append the index."""
        self._end_cluster()
        cues_at = self._output.position
        self._output.append(_element(_CUES, b"".join(map(self._cue, self._cues))))
        self._patch_size(self._segment_at - 8, self._output.position - self._segment_at)
        self._output.patch(
            self._duration_at, _element(0x4489, struct.pack(">d", self._last_end * 1000))
        )
        places = [(_INFO, self._info_at), (_TRACKS, self._tracks_at)]
        if self._cues:
            places.append((_CUES, cues_at))
        seeks = b"".join(
            _element(0x4DBB, _element(0x53AB, _id(name)) + _uint(0x53AC, at - self._segment_at))
            for name, at in places
        )
        seek_head = _element(_SEEK_HEAD, seeks)
        self._output.patch(self._segment_at, seek_head + _void(_SEEK_ROOM - len(seek_head)))

    def _write_head(self, doctype: str) -> None:
        output = self._output
        versions = _uint(0x4286, 1) + _uint(0x42F7, 1) + _uint(0x42F2, 4) + _uint(0x42F3, 8)
        kind = _text(0x4282, doctype) + _uint(0x4287, 4) + _uint(0x4285, 2)
        output.append(_element(0x1A45DFA3, versions + kind))
        output.append(_id(_SEGMENT) + _UNKNOWN_SIZE)
        self._segment_at = output.position
        output.append(_void(_SEEK_ROOM))
        self._info_at = output.position
        names = _uint(0x2AD7B1, 1_000_000) + _text(0x4D80, "Quintet") + _text(0x5741, "Quintet")
        output.append(_element(_INFO, names + _void(_DURATION_ROOM)))
        self._duration_at = output.position - _DURATION_ROOM
        self._tracks_at = output.position
        output.append(_tracks(b""))

    def _write_tracks(self) -> None:
        entries = [self._track(index) for index in sorted(self._formats)]
        self._output.patch(self._tracks_at, _tracks(b"".join(entries)))

    def _track(self, index: int) -> bytes:
        codec, format = self._codecs[index], self._formats[index]
        entry = _uint(0xD7, index + 1) + _uint(0x73C5, index + 1) + _uint(0x9C, 0)
        entry += _text(0x86, _CODECS[codec.name])
        if isinstance(format, CodedVideo):
            entry += _uint(0x83, 1) + _element(0x63A2, format.private) * bool(format.private)
            return _element(
                0xAE, entry + _element(0xE0, _uint(0xB0, format.width) + _uint(0xBA, format.height))
            )
        entry += _uint(0x83, 2)
        if format is not None:
            private = audio_specific_config(format.sample_rate, format.channels)
            entry += _element(0x63A2, private)
            return _element(
                0xAE, entry + _element(0xE1, _sound(format.sample_rate, format.channels))
            )
        sound = _sound(codec.clock_rate, codec.channels)
        if codec.name == "opus":
            entry += _element(0x63A2, opus.identification(codec.channels))
            entry += _uint(0x56AA, opus.PRE_SKIP * 1_000_000_000 // 48000)
            entry += _uint(0x56BB, int(opus.SEEK_PRE_ROLL * 1_000_000_000))
        else:
            sound += _uint(0x6264, 16)
        return _element(0xAE, entry + _element(0xE1, sound))

    # --- clusters

    def _cluster_is_over(self, time: int, sample: Sample) -> bool:
        if self._cluster_at < 0:
            return True
        age = time - self._cluster_ms
        if isinstance(sample.format, CodedVideo):  # players jump to keyframes
            return age < 0 or age >= _JUMP_MS
        size = self._output.position - self._cluster_at
        return not -_CLUSTER_MS <= age <= _CLUSTER_MS or size > _CLUSTER_BYTES

    def _begin_cluster(self, time: int, track: int) -> None:
        self._end_cluster()
        self._cluster_at, self._cluster_ms = self._output.position, time
        self._output.append(_id(_CLUSTER) + _UNKNOWN_SIZE + _uint(0xE7, time))
        self._cues.append((time, track + 1, self._cluster_at - self._segment_at))

    def _end_cluster(self) -> None:
        if self._cluster_at >= 0:
            start = self._cluster_at + 12
            self._patch_size(start - 8, self._output.position - start)

    def _cue(self, cue: tuple[int, int, int]) -> bytes:
        time, track, cluster_at = cue
        place = _element(0xB7, _uint(0xF7, track) + _uint(0xF1, cluster_at))
        return _element(0xBB, _uint(0xB3, time) + place)

    def _patch_size(self, at: int, size: int) -> None:
        self._output.patch(at, (1 << 56 | size).to_bytes(8))


def _tracks(entries: bytes) -> bytes:
    """Return the Tracks element, always of the same size. Raises CannotRecord if it has no room."""
    return _element(_TRACKS, entries + _void(_TRACKS_ROOM - len(entries)))


def _sound(rate: int, channels: int) -> bytes:
    return _element(0xB5, struct.pack(">d", rate)) + _uint(0x9F, channels)


def _element(name: int, data: bytes) -> bytes:
    size = len(data)
    if size < 0x7F:
        return _id(name) + bytes((0x80 | size,)) + data
    if size < 0x3FFF:
        return _id(name) + (0x4000 | size).to_bytes(2) + data
    return _id(name) + (0x10000000 | size).to_bytes(4) + data


def _void(size: int) -> bytes:
    """Return an element of exactly this many bytes that says nothing."""
    if size < 9:
        raise CannotRecord("no room is left for what the recording says of itself")
    return _id(_VOID) + (1 << 56 | size - 9).to_bytes(8) + bytes(size - 9)


def _id(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8)


def _uint(name: int, value: int) -> bytes:
    return _element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def _text(name: int, value: str) -> bytes:
    return _element(name, value.encode())
