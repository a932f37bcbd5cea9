"""What rooms with streams are given: the media engine, and the limits of its use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from actors.words.calls import NoTelephone, Telephone
from media.contract.engine import MediaEngine
from media.contract.session import IceServer
from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost


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
class StreamingPlan:
    """What streams may be pulled from and sent to, and how long that may take.

    `networks` are those that may be reached ("10.0.0.0/8"); with none, all but those of this
    machine, link-local and multicast ones. Local files lie below `folder`, None for nowhere. The
    files of HLS and DASH are written below `work`, until they are taken. `per_room` bounds streams
    in, and streams out. With `hls`, views can be watched by it, with `hls_bytes` of segments each.
    """

    networks: tuple[str, ...] = ()
    folder: Path | None = None
    work: Path | None = None
    per_room: int = 20
    open_seconds: float = 30.0
    read_seconds: float = 10.0
    reconnect_seconds: float = 30.0
    hls: bool = False
    hls_bytes: int = 67_108_864


@dataclass(frozen=True, slots=True)
class UploadWanted:
    """Files of HLS or DASH that are to go to a server, as they come into `folder`.

    `playlist` is the name of the file that names the others, `url` its address there, which may
    hold credentials. `networks` as in StreamingPlan.
    """

    folder: Path
    playlist: str
    url: str = field(repr=False)
    method: str = "PUT"
    segment_seconds: float = 2.0
    networks: tuple[str, ...] = ()


TargetSink = Callable[[TargetFlows | TargetLost], None]
"""Hears whether a target takes what is sent. It must not wait."""


class Uploading(Protocol):
    """One upload; its sink has heard when its target is lost for good, which ends `run`."""

    async def run(self) -> None:
        """Send files until `stop` was called and all is there, or the target ends it."""

    def stop(self) -> None:
        """Say that no more files will come."""


Upload = Callable[[UploadWanted, TargetSink], Uploading]
"""Makes an upload. Raises NotReachable for an address that is none."""


class NoUpload:
    """Uploads nothing, where there is nothing to upload with."""

    def __init__(self, _: UploadWanted, events: TargetSink) -> None:
        self._events = events

    async def run(self) -> None:
        self._events(TargetLost(OutsideTrouble.REFUSED, "nothing is uploaded here", over=True))

    def stop(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many streams, recordings and processes there may be, and how long one may take to come.

    `connect_seconds` is what a publication or subscription is given until its offer is there, and
    again from then until its media can flow.
    """

    connect_seconds: float = 30.0
    sessions_per_participant: int = 100
    recordings_per_room: int = 20
    processes_per_room: int = 32
    analytics_per_room: int = 20


@dataclass(slots=True)
class AnalyticsTally:
    """What analytics there were: events told and dropped, by algorithm; ends, with the reason."""

    events: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What telephone calls may take: RTP `ports`, both ends included, (0, 0) is any; and how many.

    `most` is of all rooms, `per_room` of one. A call out rings for `ring_seconds` at most.
    """

    ports: tuple[int, int] = (0, 0)
    most: int = 100
    per_room: int = 100
    ring_seconds: float = 88.0


@dataclass(frozen=True, slots=True)
class MediaServices:
    """Made once in `api/process/composition.py`.

    `audio_inputs` is how many of those in a view are heard at a time, the loudest. `files_sent` are
    the local files that streams out write at the moment: each is the file of one of them.
    `calls_open` are the telephone calls of all rooms, those that begin too.
    """

    engine: MediaEngine
    recordings: RecordingsFolder
    ice_servers: tuple[IceServer, ...] = ()
    stream_limits: StreamLimits = StreamLimits()
    audio_inputs: int = 3
    streaming: StreamingPlan = StreamingPlan()
    upload: Upload = NoUpload
    files_sent: set[Path] = field(default_factory=set)
    analytics: AnalyticsTally = field(default_factory=AnalyticsTally)
    telephone: Telephone = field(default_factory=NoTelephone)
    calls: CallPlan = CallPlan()
    calls_open: set[str] = field(default_factory=set)
