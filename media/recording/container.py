"""What a recording's file is: which container takes which codecs, and what writes one.

A writer is told samples and puts bytes to a `ContainerFile`; it knows no thread, disk or clock. We
write Matroska and MP4 ourselves, see `media/README.md` for why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from media.contract.codec import Codec
from media.contract.errors import CannotRecord
from media.contract.recordings import Container
from media.recording.depayload import CodedVideo

CODECS = {  # payload types differ from call to call; -1 stands for any
    codec.name: codec
    for codec in (
        Codec("vp8", 90_000, -1),
        Codec("h264", 90_000, -1),
        Codec("opus", 48_000, -1, channels=2),
        Codec("pcmu", 8000, -1),
        Codec("pcma", 8000, -1),
    )
}
AUDIO = {
    Container.WEBM: {"opus"},
    Container.MKV: {"opus", "pcmu", "pcma"},
    Container.MP4: {"opus"},
}
VIDEO = {
    Container.WEBM: {"vp8"},
    Container.MKV: {"vp8", "h264"},
    Container.MP4: {"h264"},
}


class Sample(NamedTuple):
    """One encoded frame at its place: `track` counts from 0, `time` is in seconds from 0 up.

    `format` stands on keyframes of video.
    """

    track: int
    time: float
    data: bytes
    keyframe: bool
    format: CodedVideo | None = None


class ContainerFile(Protocol):
    """A file that grows, and of which earlier bytes can be replaced."""

    position: int

    def append(self, *parts: bytes) -> None:
        """Write at the end; these belong together."""

    def patch(self, at: int, data: bytes) -> None:
        """Replace bytes that were appended before."""


class Writer(Protocol):
    """Writes one file. Whatever it wrote can be read at any time, as far as it got.

    Nothing may be told after `finish`. Raises what the output raises.
    """

    def write(self, sample: Sample) -> None:
        """Take the next sample; those of one track come in the order of decoding."""

    def flush(self) -> None:
        """Write what is held back."""

    def finish(self) -> None:
        """Make the file whole: length, index."""


def require(container: Container, tracks: Sequence[tuple[str, str]]) -> None:
    """Raise CannotRecord if these tracks, pairs of kind and codec, do not go into it."""
    if not tracks:
        raise CannotRecord("there is nothing to record")
    if len({kind for kind, _ in tracks}) < len(tracks):
        raise CannotRecord("a recording has at most one audio and one video track")
    for kind, codec in tracks:
        taken = (AUDIO if kind == "audio" else VIDEO)[container]
        if codec not in taken:
            takes = " or ".join(sorted(taken))
            raise CannotRecord(f"{container.value} takes {takes} as {kind}, not {codec}")
