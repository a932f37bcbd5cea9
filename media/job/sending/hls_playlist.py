"""The playlist of HLS (RFC 8216): which segments there are by now. Text only, nothing of files."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

VERSION = 6  # EXT-X-INDEPENDENT-SEGMENTS


@dataclass(frozen=True, slots=True)
class HlsSegment:
    """A file of the playlist; `begin` is when its media was captured, in seconds of the epoch.

    `breaks`: times or codecs are others than those of the segment before. `independent`: it begins
    with a keyframe, or has no picture.
    """

    name: str
    seconds: float
    begin: float
    breaks: bool = False
    independent: bool = True


class HlsPlaylist:
    """Names the last `window` segments; the first of all has the number `first`.

    One that leaves the playlist is kept for as long as somebody may still load it by an older
    playlist (RFC 8216, 6.2.2): a whole window, and one more.
    """

    def __init__(self, window: int, segment_seconds: float, first: int) -> None:
        self._window = window
        self._target = max(1, ceil(segment_seconds))
        self._segments: deque[HlsSegment] = deque()
        self._number = first  # of the first segment that is named
        self._breaks = 0  # those that are named no more
        self._kept: deque[str] = deque()
        self.ended = False

    def add(self, segment: HlsSegment) -> None:
        """Name one more segment."""
        self._segments.append(segment)
        while len(self._segments) > self._window:
            gone = self._segments.popleft()
            self._number += 1
            self._breaks += gone.breaks
            self._kept.append(gone.name)

    def take_old(self) -> list[str]:
        """Return the names of files that nobody needs any more, once each."""
        old = []
        while len(self._kept) > self._window + 1:
            old.append(self._kept.popleft())
        return old

    def text(self) -> str:
        """Return the playlist as it is now."""
        longest = max((round(each.seconds) for each in self._segments), default=0)
        lines = [
            "#EXTM3U",
            f"#EXT-X-VERSION:{VERSION}",
            f"#EXT-X-TARGETDURATION:{max(self._target, longest)}",
            f"#EXT-X-MEDIA-SEQUENCE:{self._number}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{self._breaks}",
        ]
        if all(each.independent for each in self._segments):
            lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
        for segment in self._segments:
            if segment.breaks:
                lines.append("#EXT-X-DISCONTINUITY")
            begin = datetime.fromtimestamp(segment.begin, UTC).isoformat(timespec="milliseconds")
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{begin.replace('+00:00', 'Z')}")
            lines += (f"#EXTINF:{segment.seconds:.3f},", segment.name)
        if self.ended:
            lines.append("#EXT-X-ENDLIST")
        return "\n".join(lines) + "\n"
