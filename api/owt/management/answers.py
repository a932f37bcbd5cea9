"""What the REST API answers, as models: for its OpenAPI document, and for tests to hold it to."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.owt.room_document import AudioFormat, Part, Resolution, RoomDocument, VideoFormat


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
    status: Literal["active", "inactive"]
    source: str
    format: AudioFormat
    optional: OptionalAudio


class Original(Part):
    format: VideoFormat
    parameters: Parameters | None = None
    simulcast_rid: str | None = None


class VideoAnswer(Part):
    """Under v1.1 what is sent stands in `original`, under v1 in `format` and `parameters`."""

    status: Literal["active", "inactive"]
    source: str
    original: list[Original] | None = None
    format: VideoFormat | None = None
    parameters: Parameters | None = None
    optional: OptionalVideo


class StreamMedia(Answer):
    audio: AudioAnswer | None = None
    video: VideoAnswer | None = None


class ForwardInfo(Answer):
    owner: str
    type: Literal["webrtc"]
    inViews: list[str]  # noqa: N815
    attributes: Any = None


class StreamAnswer(Answer):
    """A StreamInfo of the seed."""

    id: str
    type: Literal["forward"]
    media: StreamMedia
    info: ForwardInfo


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


__all__ = ["ParticipantAnswer", "RecordingAnswer", "RoomAnswer", "ServiceAnswer", "StreamAnswer"]
