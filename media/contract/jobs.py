"""A media job: what is decoded or encoded in a process of its own, and what is told of it.

Plain data, which also crosses to the process as msgpack. A job takes through sinks of the engine
and sends through sources, as a UDP port does: `sink_of` and `source_of` say their ids. What it
shall do is said as a whole each time (`JobWanted`); what is so goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import msgspec

from media.contract.analysis import AnalysisEvent
from media.contract.streaming import OutsideAddress, StreamingEvent

COMMON = "audio"
"""The name of a mix's sound for whoever is not in it, or not loud."""

PICTURE = "video"
"""The name of the picture that a job sends."""


class JobKind(StrEnum):
    """What a process is for; the value is the word in metrics, logs and refusals."""

    MIX = "mix"
    TRANSCODE = "transcode"
    INGEST = "ingest"
    BROADCAST = "broadcast"
    ANALYSIS = "analysis"


class VideoTarget(msgspec.Struct, frozen=True, tag=True):
    """A picture to encode. `codec`: "vp8", "h264"; `profile` of H.264: "CB", "B", "M", "H".

    Sizes in pixels, both even, or 0 and 0 for that of the input, as it comes (of a transcode only);
    `bitrate` in kbit/s; `keyframe_seconds` is the longest time between two keyframes, others come
    when they are asked for, at most one a second in the long run.
    """

    codec: str
    width: int
    height: int
    framerate: float
    bitrate: int
    keyframe_seconds: float = 100.0
    profile: str = ""


class AudioTarget(msgspec.Struct, frozen=True, tag=True):
    """Sound to encode. `codec`: "opus", "aac", "pcmu", "pcma", "g722"; rate in Hz.

    AAC goes as RFC 3640 (mode AAC-hbr, one access unit a packet), with the rate as clock.
    """

    codec: str
    sample_rate: int = 48_000
    channels: int = 2

    @property
    def possible(self) -> bool:
        """Whether a job can encode it. What telephones take is mono, whatever is wanted."""
        if self.codec in ("pcmu", "pcma", "g722"):
            return True
        known = self.codec == "opus" or (self.codec == "aac" and self.sample_rate == 48_000)
        return known and self.channels in (1, 2)


class JobInput(msgspec.Struct, frozen=True, array_like=True):
    """One stream of one kind ("audio", "video") that a job takes. `id` is unique in the job.

    `fmtp` are the parameters of `codec`, as in a session description. Inputs with the same
    `publisher` are of one sender: sound and picture are kept in step.
    """

    id: str
    kind: str
    codec: str
    fmtp: str = ""
    publisher: str = ""
    channels: int = 1
    clock_rate: int = 90_000


class Place(msgspec.Struct, frozen=True):
    """Where one picture goes: fractions of the whole from 0 to 1. Without `input`: background."""

    input: str | None
    left: float
    top: float
    width: float
    height: float


class Composition(msgspec.Struct, frozen=True):
    """Pictures put together; later places are over earlier ones. `background` is red, green, blue.

    A picture keeps its shape: with `crop` it fills its place and loses its edges, without it has
    bars of the background.
    """

    target: VideoTarget
    places: tuple[Place, ...] = ()
    background: tuple[int, int, int] = (0, 0, 0)
    crop: bool = False


class OtherSound(msgspec.Struct, frozen=True, array_like=True):
    """A mix in another format than its usual one: of all, or `without` the sound of an input."""

    target: AudioTarget
    without: str | None = None


class SoundMix(msgspec.Struct, frozen=True):
    """Sound put together, out of the `loudest` inputs at most.

    It goes out as COMMON, and as `own_mix(input)` for each of `without`: all but that input's
    sound. Each of `others` goes out beside it, as `sound_name` says; without `common`, COMMON does
    not. Silence goes out, too, also while there is no input. With `watch`, the job tells who is
    heard (`ActiveInput`).
    """

    target: AudioTarget
    loudest: int = 3
    without: tuple[str, ...] = ()
    watch: bool = True
    others: tuple[OtherSound, ...] = ()
    common: bool = True

    @property
    def sent(self) -> dict[str, OtherSound]:
        """What goes out, by name."""
        sent = {COMMON: OtherSound(self.target)} if self.common else {}
        sent |= {own_mix(each): OtherSound(self.target, each) for each in self.without}
        return sent | {sound_name(each): each for each in self.others}


class MixWanted(msgspec.Struct, frozen=True, tag=True):
    """A mixed view: its inputs, and what becomes of them. One of `video` and `audio` is there."""

    inputs: tuple[JobInput, ...]
    video: Composition | None = None
    audio: SoundMix | None = None

    kind = JobKind.MIX


class TranscodeWanted(msgspec.Struct, frozen=True, tag=True):
    """One stream of one kind with another codec, size, rate or bitrate."""

    input: JobInput
    target: VideoTarget | AudioTarget

    kind = JobKind.TRANSCODE

    @property
    def inputs(self) -> tuple[JobInput, ...]:
        return (self.input,)


class IngestWanted(msgspec.Struct, frozen=True, tag=True):
    """A source outside (RTSP, RTMP, HTTP, a file), which becomes sound and pictures of a room.

    First it is wanted without `audio` and `video`: then it is opened, and SourceFound tells what it
    has. Wanted again, with targets, it flows. Of the kinds in `passes` packets go on as they come:
    their targets say codec, rate and channels, and sizes of 0. `transport` of RTSP: "tcp", "udp";
    `buffer_bytes` is what a UDP socket of it holds. A source that is lost is opened again: at once
    and then each second where it cannot be reached, else after 1, 2, 4 … `reconnect_seconds`.
    """

    source: OutsideAddress
    audio: AudioTarget | None = None
    video: VideoTarget | None = None
    passes: tuple[str, ...] = ()
    transport: str = "tcp"
    buffer_bytes: int = 8192
    open_seconds: float = 30.0
    read_seconds: float = 10.0
    reconnect_seconds: float = 30.0

    kind = JobKind.INGEST
    inputs: ClassVar[tuple[JobInput, ...]] = ()


class BroadcastWanted(msgspec.Struct, frozen=True, tag=True):
    """One sound (AAC), one picture (H.264), or both, sent outside by `protocol`.

    "rtmp" and "rtsp" go to `target`, and are opened again when it takes nothing for
    `stalled_seconds`. "hls" and "dash" are written into `folder`, with `playlist` as the name of
    the file that names the segments: `window` of `segment_seconds` each, older ones are deleted;
    each file is whole when it has its name, and a playlist names whole files only.
    """

    protocol: str
    inputs: tuple[JobInput, ...]
    target: OutsideAddress | None = None
    folder: str = ""
    playlist: str = ""
    segment_seconds: float = 2.0
    window: int = 5
    stalled_seconds: float = 10.0
    reconnect_seconds: float = 30.0

    kind = JobKind.BROADCAST


class AnalysisWanted(msgspec.Struct, frozen=True, tag=True):
    """One picture, one sound, or both, watched by a plug-in of this name (see media.analysis)."""

    algorithm: str
    inputs: tuple[JobInput, ...]

    kind = JobKind.ANALYSIS


JobWanted = MixWanted | TranscodeWanted | IngestWanted | BroadcastWanted | AnalysisWanted


class JobFigures(msgspec.Struct, frozen=True, tag=True):
    """What a process has done so far, told once a second. It is its heartbeat, too."""

    cpu_seconds: float = 0.0
    frames_in: int = 0
    frames_out: int = 0
    late_frames: int = 0  # pictures left out, for their time was over
    decode_errors: int = 0
    skipped_frames: int = 0  # pictures not decoded, for their input takes more than its share
    packets_in: int = 0
    packets_out: int = 0
    dropped: int = 0  # packets that the process, or we, had no room for
    memory: int = 0  # resident, in bytes


class ActiveInput(msgspec.Struct, frozen=True, tag=True):
    """Who is heard most in a mix by now, None for nobody."""

    input: str | None


class PictureSeen(msgspec.Struct, frozen=True, tag=True):
    """An input has shown a picture of this size, the first one or another size than before."""

    input: str
    width: int
    height: int


class InputSlowed(msgspec.Struct, frozen=True, tag=True):
    """An input takes more than its share of the process: keyframes only are shown for a while."""

    input: str


class JobEnded(msgspec.Struct, frozen=True, tag=True):
    """The process is gone; the last that is told. `reason` is a word: "stopped", "stalled", …

    `input` is the one that the process was at work on when it died, "" if none is known.
    """

    reason: str
    detail: str = ""
    input: str = ""


WorkEvent = ActiveInput | PictureSeen | InputSlowed | StreamingEvent | AnalysisEvent
"""What the work in a process tells of itself."""

JobEvent = JobFigures | WorkEvent | JobEnded

JobSink = Callable[[JobEvent], None]
"""Takes what is told of one job, in order. It must not wait; where it raises, the error is logged
and the job ended."""


def sink_of(job: str, input: str) -> str:
    """Return the engine's id of the sink of an input."""
    return f"{job}/in/{input}"


def source_of(job: str, name: str) -> str:
    """Return the engine's id of the source for what a job sends: COMMON, PICTURE, `own_mix(…)`."""
    return f"{job}/out/{name}"


def own_mix(input: str) -> str:
    """Return the name of the mix without the sound of this input."""
    return f"{COMMON}-without-{input}"


def sound_name(sound: OtherSound) -> str:
    """Return the name of a mix in another format than its usual one.

    No other one has it, whatever inputs are called.
    """
    target = sound.target
    name = f"{COMMON}:{target.codec}:{target.sample_rate}:{target.channels}"
    return name if sound.without is None else f"{name}-without-{sound.without}"


def names_sent(wanted: JobWanted) -> dict[str, VideoTarget | AudioTarget]:
    """Return what a job sends, by name."""
    sent: dict[str, VideoTarget | AudioTarget] = {}
    match wanted:
        case MixWanted(_, video, audio):
            if video is not None:
                sent[PICTURE] = video.target
            if audio is not None:
                sent |= {name: each.target for name, each in audio.sent.items()}
        case TranscodeWanted(_, target):
            sent[PICTURE if isinstance(target, VideoTarget) else COMMON] = target
        case IngestWanted(_, audio_target, video_target):
            if video_target is not None:
                sent[PICTURE] = video_target
            if audio_target is not None:
                sent[COMMON] = audio_target
        case BroadcastWanted() | AnalysisWanted():
            pass
    return sent


@dataclass(frozen=True, slots=True)
class JobStats:
    """What the jobs of an engine are and were. `running` is by kind, `ended` by reason.

    `processes` are all that live, also those that wait for work (`idle`). `cpu_seconds` were used
    by all jobs there ever were; `cores` is what jobs may use, `booked` what is booked of it.
    """

    processes: int = 0
    idle: int = 0
    running: Mapping[JobKind, int] = field(default_factory=dict)
    started: Mapping[JobKind, int] = field(default_factory=dict)
    refused: Mapping[JobKind, int] = field(default_factory=dict)
    ended: Mapping[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    cores: float = 0.0
    booked: float = 0.0
