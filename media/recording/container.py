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
from media.recording import opus
from media.rtp import aac
from media.rtp.depayload import CodedSound, CodedVideo

CODECS = {  # payload types differ from call to call; -1 stands for any
    codec.name: codec
    for codec in (
        Codec("vp8", 90_000, -1),
        Codec("h264", 90_000, -1),
        Codec("opus", 48_000, -1, channels=2),
        Codec("aac", 48_000, -1, channels=2),  # until its source says otherwise
        Codec("pcmu", 8000, -1),
        Codec("pcma", 8000, -1),
    )
}
AUDIO = {
    Container.WEBM: {"opus"},
    Container.MKV: {"opus", "aac", "pcmu", "pcma"},
    Container.MP4: {"opus", "aac"},
}
VIDEO = {
    Container.WEBM: {"vp8"},
    Container.MKV: {"vp8", "h264"},
    Container.MP4: {"h264"},
}


class Sample(NamedTuple):
    """One encoded frame at its place: `track` counts from 0, `time` is in seconds from 0 up.

    `format` stands on keyframes of video, and on all samples of AAC.
    """

    track: int
    time: float
    data: bytes
    keyframe: bool
    format: CodedVideo | CodedSound | None = None


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


def sound_seconds(codec: Codec, sample: Sample) -> float:
    """Return how long a sample of sound lasts; 0.0 for one of video."""
    if isinstance(sample.format, CodedSound):
        return aac.FRAME / sample.format.sample_rate
    if codec.name == "opus":
        return opus.duration(sample.data)
    if codec.name in ("pcmu", "pcma"):
        return len(sample.data) / 2 / codec.channels / codec.clock_rate
    return 0.0


def goes_on(before: Codec, after: Codec) -> bool:
    """Tell whether a track that takes one codec can go on with another one.

    What a container says of AAC it says once. Of `CODECS`, each goes on with any that can be told.
    """
    if before.name != after.name:
        return False
    if after.name != "aac":
        return True
    try:
        described = aac.sound_described(after)
        return before == CODECS["aac"] or aac.sound_described(before) == described
    except ValueError:
        return False


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
