"""Muxers without media: they write segments and their playlist as those of FFmpeg do."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import trio

DIGEST = 64

# As FFmpeg writes it, without what says nothing of segments. Sound begins a little later.
LIVE = """\
<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="urn:mpeg:dash:schema:mpd:2011"
  type="{type}" {attributes}>
  <Period id="0" start="PT0.0S">
    <AdaptationSet id="0" contentType="video" frameRate="15/1">
      <Representation id="0" mimeType="video/mp4" codecs="avc1.42c00c" bandwidth="570652">
        <SegmentTemplate timescale="15360" initialization="init-$RepresentationID$.m4s"
          media="chunk-$RepresentationID$-$Number%05d$.m4s" startNumber="{first}">
          <SegmentTimeline><S t="{video_begin}" d="15360" r="{more}" /></SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="1" contentType="audio">
      <Representation id="1" mimeType="audio/mp4" codecs="mp4a.40.2" bandwidth="69000">
        <SegmentTemplate timescale="48000" initialization="init-$RepresentationID$.m4s"
          media="chunk-$RepresentationID$-$Number%05d$.m4s" startNumber="{first}">
          <SegmentTimeline><S t="{sound_begin}" d="48000" r="{more}" /></SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""
DYNAMIC = 'minimumUpdatePeriod="PT1S" availabilityStartTime="2026-11-30T02:36:42.942Z"'
STATIC = 'mediaPresentationDuration="PT9.0S"'


def is_whole(segment: bytes) -> bool:
    """Tell whether a segment of SegmentWriter has all its bytes."""
    return hashlib.sha256(segment[DIGEST:]).hexdigest().encode() == segment[:DIGEST]


class SegmentWriter:
    """Writes `live<n>.ts` and `live.m3u8` into a folder; each is whole when it has its name."""

    def __init__(
        self,
        folder: Path,
        *,
        seconds: float = 2.0,
        window: int = 4,
        size: int = 1000,
        init: str = "",
    ) -> None:
        self.playlist = folder / "live.m3u8"
        self._folder = folder
        self._seconds = seconds
        self._window = window
        self._size = size
        self._init = init
        self.count = 0

    async def run(self, count: int) -> None:
        """Write so many segments at their pace, the first one at once."""
        for _ in range(count):
            self.add()
            await trio.sleep(self._seconds)

    def add(self) -> str:
        """Write one more segment, and the playlist that names it; return its name."""
        if self._init and not self.count:
            self._write(self._init)
        name = self._name(self.count)
        self._write(name)
        self.count += 1
        self._list()
        if self.count > self._window + 1:
            (self._folder / self._name(self.count - self._window - 2)).unlink()
        return name

    def end(self) -> None:
        """Say in the playlist that no segment will follow."""
        self._list("#EXT-X-ENDLIST")

    def _list(self, *end: str) -> None:
        first = max(0, self.count - self._window)
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", f"#EXT-X-TARGETDURATION:{self._seconds:.0f}"]
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first}")
        if self._init:
            lines.append(f'#EXT-X-MAP:URI="{self._init}"')
        for number in range(first, self.count):
            lines += [f"#EXTINF:{self._seconds:.3f},", self._name(number)]
        self._replace(self.playlist, "\n".join([*lines, *end, ""]).encode())

    def _name(self, number: int) -> str:
        return f"live{number}.ts"

    def _write(self, name: str) -> None:
        media = random.Random(name).randbytes(self._size)
        self._replace(self._folder / name, hashlib.sha256(media).hexdigest().encode() + media)

    def _replace(self, path: Path, data: bytes) -> None:
        part = path.with_name(path.name + ".tmp")
        part.write_bytes(data)
        part.rename(path)


def manifest(first: int, last: int, *, ended: bool = False) -> bytes:
    """Return what a muxer writes when segments `first` to `last` are in its window."""
    return LIVE.format(
        type="static" if ended else "dynamic",
        attributes=STATIC if ended else DYNAMIC,
        first=first,
        more=last - first,
        video_begin=first * 15360,
        sound_begin=first * 48000 - 1024,
    ).encode()


class DashWriter(SegmentWriter):
    """Writes `init-<stream>.m4s`, `chunk-<stream>-<n>.m4s` and `live.mpd`."""

    def __init__(self, folder: Path, *, seconds: float = 2.0, window: int = 4) -> None:
        super().__init__(folder, seconds=seconds, window=window)
        self.playlist = folder / "live.mpd"

    def add(self) -> str:
        """Write one more segment of picture and of sound, and the manifest that names them."""
        if not self.count:
            self._write("init-0.m4s")
            self._write("init-1.m4s")
        self.count += 1
        names = [f"chunk-{stream}-{self.count:05d}.m4s" for stream in (0, 1)]
        for name in names:
            self._write(name)
        self._list()
        return names[0]

    def _list(self, *end: str) -> None:
        first = max(1, self.count - self._window + 1)
        self._replace(self.playlist, manifest(first, self.count, ended=bool(end)))
