"""What flows through a room: streams that members send, subscriptions that take from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from actors.core.message import Message


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """`codec` as lower-case name; rate in Hz and channels where the codec leaves them open."""

    codec: str
    sample_rate: int | None = None
    channels: int | None = None


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """`codec` as lower-case name; `profile` of H.264: CB, B, M, H."""

    codec: str
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class VideoParameters:
    """Frames per second, kbit/s (or a multiple of the source's such as "x0.8"), seconds."""

    resolution: Resolution | None = None
    framerate: float | None = None
    bitrate: int | str | None = None
    keyframe_interval: float | None = None


AS_IT_COMES = VideoParameters()


@dataclass(frozen=True, slots=True)
class VideoAlternatives:
    """What a taker may have of a picture besides what comes. `bitrates` are words: "x0.8"."""

    formats: tuple[VideoFormat, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    framerates: tuple[float, ...] = ()
    bitrates: tuple[str, ...] = ()
    keyframe_intervals: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """`origin` is where the publisher has it from: "mic", "screen-cast", …

    It is empty for what the server makes. `alternatives` are formats that it can be had in, too.
    """

    origin: str
    format: AudioFormat
    active: bool = True
    alternatives: tuple[AudioFormat, ...] = ()


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """`origin`: "camera", "screen-cast", …; `rid` names the simulcast layer that is received."""

    origin: str
    format: VideoFormat
    parameters: VideoParameters = AS_IT_COMES
    rid: str | None = None
    active: bool = True
    alternatives: VideoAlternatives = VideoAlternatives()


@dataclass(frozen=True, slots=True)
class Stream(Message):
    """A publication, or a stream in, whose media can flow. `attributes` is JSON as bytes.

    `kind`: "webrtc" for what a member sends, "streaming" for what is pulled from outside, "sip" for
    what a telephone call sends.
    """

    id: str
    owner: str
    audio: AudioTrack | None
    video: VideoTrack | None
    attributes: bytes | None = None
    in_views: tuple[str, ...] = ()
    kind: str = "webrtc"


@dataclass(frozen=True, slots=True)
class AudioWanted:
    """Audio to take: `source` is a stream's id; `format` None takes it as it comes."""

    source: str
    format: AudioFormat | None = None


@dataclass(frozen=True, slots=True)
class VideoWanted:
    source: str
    format: VideoFormat | None = None
    parameters: VideoParameters = AS_IT_COMES
    rid: str | None = None


@dataclass(frozen=True, slots=True)
class StatusChange:
    """Make the track of this kind ("audio" or "video") flow, or hold it."""

    kind: str
    active: bool


@dataclass(frozen=True, slots=True)
class ViewChange:
    """Put the stream into a view, or take it out."""

    view: str
    member: bool


StreamChange = StatusChange | ViewChange


@dataclass(frozen=True, slots=True)
class SourceChange:
    """Take the track of this kind from another stream."""

    kind: str
    source: str


@dataclass(frozen=True, slots=True)
class ParametersChange:
    """Take video with other parameters than before: those that are given, the others stay.

    To have it as it comes again, give the source's own, and "x1" for the bitrate.
    """

    parameters: VideoParameters


OutputChange = StatusChange | SourceChange | ParametersChange


@dataclass(frozen=True, slots=True)
class RecordingView(Message):
    """An ongoing recording. `file` is the path it will have when finalised."""

    id: str
    audio: AudioWanted | None
    video: VideoWanted | None
    audio_format: AudioFormat | None
    video_format: VideoFormat | None
    file: str


class SessionEnd(StrEnum):
    """Why a publication or subscription ended although its owner did not end it."""

    ICE_FAILED = "ice_failed"
    DTLS_FAILED = "dtls_failed"  # there was a path, but no agreement on keys
    HUNG_UP = "hung_up"  # the owner has closed the connection: not told to it as a failure
    NO_AUDIO_CODEC = "no_audio_codec"
    NO_VIDEO_CODEC = "no_video_codec"
    BAD_OFFER = "bad_offer"
    AUDIO_MISSING = "audio_missing"  # wanted, but not offered
    VIDEO_MISSING = "video_missing"
    AUDIO_UNWANTED = "audio_unwanted"  # offered, but not wanted
    VIDEO_UNWANTED = "video_unwanted"
    SOURCE_LOST = "source_lost"  # to subscribers
    PEER_LEFT = "peer_left"
    ROOM_CLOSED = "room_closed"
    MEDIA_LOST = "media_lost"  # the server's own fault: the connection or the room crashed
    REMOVED = "removed"  # by the management API
