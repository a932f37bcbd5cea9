"""Which sink takes what from which source: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class MediaPath:
    """What a sink shall take: all of it, whatever it took before.

    `source` None stands for nothing. Without `flows` the sink is held back, attached as it is;
    video that flows again, or from another source, starts at a keyframe.
    """

    sink: str
    source: str | None
    flows: bool = True


class PathTrouble(StrEnum):
    """Why a path is not as it was wanted."""

    SOURCE_GONE = "source_gone"
    SINK_GONE = "sink_gone"
    CODEC_MISMATCH = "codec_mismatch"  # the sink cannot take what the source carries
    BUG = "bug"  # an error of ours


@dataclass(frozen=True, slots=True)
class PathFailure:
    """What became of one path that was asked for; `detail` is a few words without user data."""

    sink: str
    why: PathTrouble
    detail: str = ""
