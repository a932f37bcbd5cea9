"""What clients ask of the portal, checked; what is wrong is told in the words of the sheet.

Shapes are those of protocols 1.0 and 1.1, which ask alike. What a client sends besides is passed
over, since the SDKs of different platforms do.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from api.owt.nulls import Maybe
from api.owt.portal.schema_words import in_words

Model = TypeVar("Model", bound=BaseModel)

ID_PATTERN = r"^[0-9a-zA-Z\-]+$"
Id = Annotated[str, Field(pattern=ID_PATTERN, max_length=64)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=0, le=65_535)]
Short = Annotated[str, Field(max_length=256)]


class BadRequest(Exception):
    """A request is not as the protocol has it; `str()` says how, for the client."""


class Body(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


def _wanted(value: object) -> str:
    return "no" if value is False else "yes"


Wanted = TypeVar("Wanted")
OrFalse = Annotated[
    Annotated[Wanted, Tag("yes")] | Annotated[Literal[False], Tag("no")],
    Discriminator(_wanted),
]
"""A track's description, or false for none. The tags are no part of the wire."""


# --- getting in


class Sdk(Body):
    type: Short | None = ""
    version: Short | None = ""


class UserAgent(Body):
    sdk: Sdk


class Login(Body):
    token: str
    user_agent: UserAgent = Field(alias="userAgent")
    protocol: Short | None = None


# --- talking


class Text(Body):
    to: str
    message: str


# --- media


class Resolution(Body):
    width: Size
    height: Size


class Parameters(Body):
    resolution: Maybe[Resolution] = None
    framerate: Maybe[Number] = None
    bitrate: Maybe[Annotated[str, Field(max_length=16)] | Number] = None
    keyframe_interval: Maybe[Number] = Field(default=None, alias="keyFrameInterval")


class AudioSource(Body):
    source: Literal["mic", "screen-cast", "raw-file", "encoded-file"]


class VideoSource(Body):
    source: Literal["camera", "screen-cast", "raw-file", "encoded-file"]
    parameters: Maybe[Parameters] = None


class PublishedMedia(Body):
    audio: OrFalse[AudioSource]
    video: OrFalse[VideoSource]


class PublishRequest(Body):
    media: PublishedMedia
    attributes: Any = None


class AudioFormat(Body):
    codec: Short
    sample_rate: Maybe[Size] = Field(default=None, alias="sampleRate", le=1_000_000)
    channels: Maybe[Size] = Field(default=None, alias="channelNum")


class VideoFormat(Body):
    codec: Short
    profile: Maybe[Short] = None


class AudioFrom(Body):
    source: Short = Field(alias="from")
    format: Maybe[AudioFormat] = None


class VideoFrom(Body):
    source: Short = Field(alias="from")
    format: Maybe[VideoFormat] = None
    parameters: Maybe[Parameters] = None
    rid: Maybe[Short] = Field(default=None, alias="simulcastRid")


class SubscribedMedia(Body):
    audio: OrFalse[AudioFrom]
    video: OrFalse[VideoFrom]


class SubscribeRequest(Body):
    media: SubscribedMedia


class Named(Body):
    """What names one stream or subscription, and no more."""

    id: Id


Tracks = Literal["audio", "video", "av"]


class RegionSetting(Body):
    view: Short
    region: Short


class StreamFlow(Body):
    id: Id
    operation: Literal["pause", "play"]
    data: Tracks


class StreamMixing(Body):
    id: Id
    operation: Literal["mix", "unmix", "get-region"]
    data: Short


class StreamRegion(Body):
    id: Id
    operation: Literal["set-region"]
    data: RegionSetting


class AudioUpdate(Body):
    source: Short = Field(alias="from")


class VideoUpdate(Body):
    source: Maybe[Short] = Field(default=None, alias="from")
    parameters: Maybe[Parameters] = None


class Update(Body):
    audio: Maybe[AudioUpdate] = None
    video: Maybe[VideoUpdate] = None


class SubscriptionFlow(Body):
    id: Id
    operation: Literal["pause", "play"]
    data: Tracks


class SubscriptionUpdate(Body):
    id: Id
    operation: Literal["update"]
    data: Update


class Description(Body):
    type: Literal["offer", "answer"]
    sdp: str


class IceCandidate(Body):
    """As RTCIceCandidateInit of the WebRTC API, where both of the last may be null."""

    candidate: str
    mid: Short | None = Field(default=None, alias="sdpMid")
    index: Size | None = Field(default=None, alias="sdpMLineIndex")


class CandidateFound(Body):
    type: Literal["candidate"]
    candidate: IceCandidate


class CandidatesRemoved(Body):
    type: Literal["removed-candidates"]
    candidates: list[Any] = []


Signaling = Annotated[Description | CandidateFound | CandidatesRemoved, Field(discriminator="type")]


class Soac(Body):
    id: Id
    signaling: Signaling


StreamControl = Annotated[
    StreamFlow | StreamMixing | StreamRegion, Field(discriminator="operation")
]
SubscriptionControl = Annotated[
    SubscriptionFlow | SubscriptionUpdate, Field(discriminator="operation")
]


class StreamControlRequest(Body):
    """Wraps the choice of an operation, for its errors to be told like all others."""

    request: StreamControl


class SubscriptionControlRequest(Body):
    request: SubscriptionControl


def read(model: type[Model], data: object) -> Model:
    """Check a request. Raises BadRequest."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise BadRequest(in_words(error)) from None


def read_stream_control(data: object) -> StreamFlow | StreamMixing | StreamRegion:
    """Check a request. Raises BadRequest."""
    return read(StreamControlRequest, {"request": data}).request


def read_subscription_control(data: object) -> SubscriptionFlow | SubscriptionUpdate:
    """Check a request. Raises BadRequest."""
    return read(SubscriptionControlRequest, {"request": data}).request
