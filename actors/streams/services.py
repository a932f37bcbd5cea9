"""What rooms with streams are given: the media engine, and the limits of its use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from media.contract.engine import IceServer, MediaEngine


@dataclass(frozen=True, slots=True)
class RecordingsFolder:
    """Where recordings lie, and after how many days one is removed (0: never).

    A recording ends after `max_seconds` (0: no limit), and when the disk has less than
    `min_free_bytes` free.
    """

    path: Path
    retention_days: float = 0.0
    max_seconds: float = 0.0
    min_free_bytes: int = 0


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many streams and recordings there may be, and how long one may take to come.

    `connect_seconds` is what a publication or subscription is given until its offer is there, and
    again from then until its media can flow.
    """

    connect_seconds: float = 30.0
    sessions_per_participant: int = 100
    recordings_per_room: int = 20


@dataclass(frozen=True, slots=True)
class MediaServices:
    """Made once in `api/process/composition.py`."""

    engine: MediaEngine
    recordings: RecordingsFolder
    ice_servers: tuple[IceServer, ...] = ()
    stream_limits: StreamLimits = StreamLimits()
