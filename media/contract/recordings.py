"""A recording as callers ask for it, and what they are told of it: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Container(Enum):
    """The kinds of file; the value is the extension."""

    WEBM = "webm"
    MKV = "mkv"
    MP4 = "mp4"


class RecordingState(Enum):
    """How far a recording is. The last three are final."""

    STARTING = "starting"  # nothing to record came yet
    RUNNING = "running"
    FINALISED = "finalised"  # a whole file
    PARTIAL = "partial"  # trouble ended it; what was recorded until then is at `path`
    FAILED = "failed"  # there is no file


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """One track. `kind` is "audio" or "video", `codec` a name in lower case.

    Tracks of the same `publisher` are aligned by its sender reports, those of two by what we know
    of their clocks, and by when they arrive if one is not known, for which empty stands.
    """

    kind: str
    codec: str
    publisher: str = ""


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What is to be recorded, and where to: `<folder>/<id>.<extension of the container>`.

    `max_seconds` 0 stands for no limit; it also ends a recording to which nothing ever comes.
    With less than `min_free_bytes` left on the disk, the recording ends. The publisher of video is
    asked for a keyframe when none came for `keyframe_seconds`; 0 leaves them to it.
    """

    id: str
    container: Container
    tracks: tuple[TrackPlan, ...]
    folder: Path
    max_seconds: float = 0.0
    min_free_bytes: int = 0
    keyframe_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """Where a recording stands. `reason` is empty until it ends; `seconds` is its length."""

    state: RecordingState
    seconds: float
    bytes: int
    reason: str = ""
    path: Path | None = None
    lost_packets: int = 0
    dropped_frames: int = 0
