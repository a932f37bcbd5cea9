"""What an HLS playlist names: nothing but HTTP, whatever FFmpeg would make of it."""

from __future__ import annotations

import re

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable

MAX_PLAYLIST_BYTES = 1 << 20
MAX_KEPT_BYTES = 16 << 20  # that FFmpeg needs for one: with each name it keeps what that is below
MAX_LINE = 65_536
FIRST = b"#EXTM3U"  # RFC 8216, section 4.3.1.1: nothing stands before it
NAMED = re.compile(rb'^(?!#)\s*(.+)|[:,]\s*URI="([^"]*)"')
SCHEME = re.compile(rb"(subfile(?=,)|[a-z0-9][a-z0-9+.-]*(?=:))", re.IGNORECASE)  # as FFmpeg has it
HTTP = (b"http", b"https")


class PlaylistScreen:
    """Reads along with what comes of a file, in whatever pieces. What is no playlist passes.

    `base` is the length of the address that its names are relative to.
    """

    def __init__(self, base: int = 0) -> None:
        self.size = 0
        """How much of a playlist came; 0 for what is none, or not yet known."""
        self.kept = 0
        """How much of it FFmpeg keeps."""
        self._base = base
        self._line = b""
        self._is_playlist: bool | None = None

    def feed(self, data: bytes) -> None:
        """Take the next piece, b"" at the end. Raises NotReachable."""
        if self._is_playlist is False:
            return
        self._line += data
        if self._is_playlist is None:
            if data and len(self._line) < len(FIRST):
                return
            self._is_playlist = self._line.startswith(FIRST)
            if not self._is_playlist:
                self._line = b""
                return
            data = self._line
        self.size += len(data)
        if self.size > MAX_PLAYLIST_BYTES or len(self._line) > MAX_LINE + len(data):
            raise NotReachable(OutsideTrouble.UNREADABLE, "a playlist is too large")
        *lines, self._line = re.split(rb"[\r\n]", self._line if data else self._line + b"\n")
        for line in lines:
            self.kept += len(line) + self._base * _names_in(line)
        if self.kept > MAX_KEPT_BYTES:
            raise NotReachable(OutsideTrouble.UNREADABLE, "a playlist is too large")


def _names_in(line: bytes) -> int:
    """Return how many names are in a line. Raises NotReachable for one that leads elsewhere."""
    entries = list(NAMED.finditer(line))
    for entry in entries:
        named = entry[1] or entry[2] or b""
        if not _is_text(named):
            raise NotReachable(OutsideTrouble.UNREADABLE, "a playlist is not in UTF-8")
        scheme = SCHEME.match(named)
        if scheme and scheme[1].lower() not in HTTP:
            raise NotReachable(
                OutsideTrouble.NOT_ALLOWED, "a playlist names something other than HTTP"
            )
    return len(entries)


def _is_text(named: bytes) -> bool:
    try:
        named.decode()
    except UnicodeDecodeError:
        return False
    return True
