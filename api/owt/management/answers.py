"""What the REST API answers, as models: for its OpenAPI document, and for tests to hold it to."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.owt.room_document import AudioFormat, Part, Region, Resolution, RoomDocument, VideoFormat


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class ServiceAnswer(Answer):
    """A service; `key` is sealed, of no use to sign with."""

    id: str = Field(alias="_id")
    name: str
    key: str
    encrypted: bool
    rooms: list[str]
    version: int = Field(alias="__v")


class RoomAnswer(RoomDocument):
    """A room; all but the GET of one room have `id` beside `_id`."""

    own_id: str = Field(alias="_id")
    id: str | None = None
    version: int = Field(alias="__v")


class Abilities(Answer):
    audio: bool
    video: bool


class PermissionAnswer(Answer):
    publish: Abilities
    subscribe: Abilities


class ParticipantAnswer(Answer):
    """A ParticipantDetail of the seed."""

    id: str
    user: str
    role: str
    permission: PermissionAnswer


class Parameters(Part):
    resolution: Resolution | None = None
    framerate: float | None = None
    bitrate: int | float | str | None = None
    key_frame_interval: float | None = None


class OptionalParameters(Part):
    resolution: list[Resolution]
    framerate: list[float]
    bitrate: list[float | str]
    key_frame_interval: list[float]


class OptionalAudio(Part):
    format: list[AudioFormat]


class OptionalVideo(Part):
    format: list[VideoFormat]
    parameters: OptionalParameters


class AudioAnswer(Part):
    """A mix has no status and no source."""

    status: Literal["active", "inactive"] | None = None
    source: str | None = None
    format: AudioFormat
    optional: OptionalAudio


class Original(Part):
    format: VideoFormat
    parameters: Parameters | None = None
    simulcast_rid: str | None = None


class VideoAnswer(Part):
    """Under v1.1 what is sent stands in `original`, under v1 in `format` and `parameters`."""

    status: Literal["active", "inactive"] | None = None
    source: str | None = None
    original: list[Original] | None = None
    format: VideoFormat | None = None
    parameters: Parameters | None = None
    optional: OptionalVideo


class StreamMedia(Answer):
    audio: AudioAnswer | None = None
    video: VideoAnswer | None = None


class ForwardInfo(Answer):
    owner: str
    type: Literal["webrtc", "streaming", "sip"]
    inViews: list[str]  # noqa: N815
    attributes: Any = None


class PlacedAnswer(Part):
    """A region of a layout; an empty one has no stream."""

    stream: str | None = None
    region: Region


class MixedInfo(Answer):
    label: str
    activeInput: str  # noqa: N815
    layout: list[PlacedAnswer]


class StreamAnswer(Answer):
    """A StreamInfo of the seed."""

    id: str
    type: Literal["forward", "mixed"]
    media: StreamMedia
    info: ForwardInfo | MixedInfo


class RecordedAudio(Answer):
    source: str = Field(alias="from")
    format: AudioFormat | None = None


class RecordedVideo(Answer):
    source: str = Field(alias="from")
    format: VideoFormat | None = None
    parameters: Parameters | None = None


class RecordedMedia(Answer):
    audio: RecordedAudio | Literal[False]
    video: RecordedVideo | Literal[False]


class Storage(Answer):
    host: str
    file: str


class RecordingAnswer(Answer):
    """An ongoing recording; `file` is where it will lie when it has ended."""

    id: str
    media: RecordedMedia
    storage: Storage


class HlsAnswer(Answer):
    method: Literal["PUT", "POST"]
    hlsTime: float  # noqa: N815
    hlsListSize: int  # noqa: N815


class DashAnswer(Answer):
    method: Literal["PUT", "POST"]
    dashSegDuration: float  # noqa: N815
    dashWindowSize: int  # noqa: N815


class StreamingOutAnswer(Answer):
    """A StreamingOut of the seed; `url` comes without user, password, query and fragment."""

    id: str
    protocol: Literal["rtmp", "rtsp", "hls", "dash"]
    url: str
    parameters: HlsAnswer | DashAnswer | None = None
    media: RecordedMedia


class HeardAnswer(Answer):
    source: str = Field(alias="from")


class SeenAnswer(Answer):
    source: str = Field(alias="from")
    parameters: Parameters | None = None


class CallMediaAnswer(Answer):
    audio: HeardAnswer | Literal[False]
    video: SeenAnswer | Literal[False]


class CallOutputAnswer(Answer):
    """What the other side hears and sees; `id` is that of a subscription."""

    id: str
    media: CallMediaAnswer


class DigitAnswer(Answer):
    """Ours: a key that was pressed at the other side."""

    digit: str
    milliseconds: int


class SipCallAnswer(Answer):
    """A SipCall of the seed; `input` is what the other side sends, once something comes.

    `digits` are the last that were pressed there, which the seed does not have.
    """

    id: str
    type: Literal["dial-in", "dial-out"]
    peer: str
    input: StreamAnswer | None = None
    output: CallOutputAnswer
    digits: list[DigitAnswer]


class AnalyticsAlgorithm(Answer):
    algorithm: str


class AnalysedMedia(Answer):
    """What is looked at: the picture, or else the sound; a sound is named in `audio`, too."""

    source: str = Field(alias="from")
    format: VideoFormat | AudioFormat | None = None
    audio: RecordedAudio | None = None


class AnalyticsEvent(Answer):
    """`time` is in milliseconds since 1970."""

    name: str
    time: int
    data: dict[str, Any]


class AnalyticsAnswer(Answer):
    """An Analytics of the seed, with the last `events` and how many were too many, `dropped`."""

    id: str
    analytics: AnalyticsAlgorithm
    media: AnalysedMedia
    events: list[AnalyticsEvent]
    dropped: int


__all__ = [
    "AnalyticsAnswer", "ParticipantAnswer", "RecordingAnswer", "RoomAnswer", "ServiceAnswer",
    "SipCallAnswer", "StreamAnswer", "StreamingOutAnswer",
]  # fmt: skip
