"""Streams out: what a room sends outside, by RTMP, RTSP, HLS or DASH, and the requests for it.

All of it comes from a management API, which asks the room itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from string import ascii_letters, digits
from urllib.parse import SplitResult, urlsplit, urlunsplit

from actors.core.message import Message, Request
from actors.words.streams import AudioFormat, AudioWanted, OutputChange, VideoFormat, VideoWanted

IN_FILES = frozenset({"hls", "dash"})
"""Protocols that are files: segments, and a playlist that names them."""

PLAIN = frozenset(ascii_letters + digits + "_-")  # of the names of files that are uploaded
MOST_OF_A_NAME = 60


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where a stream goes, and how. `protocol`: "rtmp", "rtsp", "hls", "dash".

    `url` may hold credentials: it is for who connects, people are shown `shown`, logs `place`. Of
    HLS and DASH it is that of the playlist, by HTTP, or a local file ("file:" or a path); these
    have a playlist of `window` segments of `segment_seconds`, sent with `method`: "PUT", "POST".
    """

    protocol: str
    url: str = field(repr=False)
    method: str = "PUT"
    segment_seconds: float = 2.0
    window: int = 5

    @property
    def in_files(self) -> bool:
        return self.protocol in IN_FILES

    @property
    def uploads(self) -> bool:
        """Tell whether its files go to a server."""
        return self.in_files and self._parts.scheme.lower() in ("http", "https")

    @property
    def playlist(self) -> str:
        """Return the name of its playlist, as written here; a server has that of the address."""
        name = self._parts.path.rpartition("/")[2]
        if not self.uploads:
            return name
        stem = "".join(it for it in name.rpartition(".")[0] if it in PLAIN)[:MOST_OF_A_NAME]
        return f"{stem or 'index'}.{'mpd' if self.protocol == 'dash' else 'm3u8'}"

    @property
    def shown(self) -> str:
        """Return the address without user, password, query and fragment."""
        parts = self._parts
        if not parts.scheme:
            return self.url  # a path
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))

    @property
    def place(self) -> str:
        """Return the scheme and the host, which tell nothing that opens a door: no stream key."""
        parts = self._parts
        if not parts.netloc:
            return "file:"
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def _parts(self) -> SplitResult:
        if "://" not in self.url and self.url[:5].lower() != "file:":
            return SplitResult("", "", self.url, "", "")
        return urlsplit(self.url)


@dataclass(frozen=True, slots=True)
class BroadcastView(Message):
    """An ongoing stream out. The formats are those that are sent."""

    id: str
    outlet: Outlet
    audio: AudioWanted | None
    video: VideoWanted | None
    audio_format: AudioFormat | None
    video_format: VideoFormat | None


@dataclass(frozen=True, slots=True)
class StartBroadcast(Request[BroadcastView]):
    """Send streams outside; answered once the target takes them, or `streaming.open_seconds` later.

    Who leaves before has it ended. Raises EmptySubscription, TargetUnsatisfying, CannotBroadcast,
    NoCapacity, and Busy at the limit.
    """

    outlet: Outlet
    audio: AudioWanted | None
    video: VideoWanted | None


@dataclass(frozen=True, slots=True)
class GetBroadcasts(Request[tuple[BroadcastView, ...]]):
    """The ongoing streams out: those that have flowed."""


@dataclass(frozen=True, slots=True)
class ChangeBroadcast(Request[BroadcastView]):
    """Take from other streams, or with other parameters; all or nothing.

    Raises BroadcastUnknown, TargetUnsatisfying, NoCapacity.
    """

    broadcast: str
    changes: tuple[OutputChange, ...]


@dataclass(frozen=True, slots=True)
class EndBroadcast(Request[None]):
    """End a stream out; answered when nothing of it is left. Raises BroadcastUnknown."""

    broadcast: str
