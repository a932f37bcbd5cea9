"""Bodies of the REST API: the same models validate and are published as OpenAPI.

What answers look like is in `stream_info.py` and `views.py`; rooms are in `room_document.py`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from actors.words.permission import PermissionChange, Right
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    OutputChange,
    ParametersChange,
    Resolution,
    SourceChange,
    StatusChange,
    StreamChange,
    VideoFormat,
    VideoParameters,
    VideoWanted,
    ViewChange,
)
from actors.words.views import (
    AnyStreamChange,
    Area,
    LayoutChange,
    PlacedRegion,
    Region,
    RegionChange,
)
from api.owt.coercion import FractionText
from api.owt.nulls import Maybe
from api.owt.room_document import FRAMERATES

Short = Annotated[str, Field(min_length=1, max_length=256)]
Status = Literal["active", "inactive"]
MOST_REGIONS = 256
KINDS: tuple[Literal["audio"], Literal["video"]] = ("audio", "video")


class Body(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Exact(BaseModel):
    """As Body, but with nothing beside what is named."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ServiceRequest(Body):
    """POST /services"""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    key: Annotated[str, Field(min_length=1, max_length=4096)]


class Preference(Body):
    """Where the client is; kept, and of no effect in one process."""

    isp: Annotated[str, Field(max_length=256)] | None = None
    region: Annotated[str, Field(max_length=256)] | None = None


class TokenRequest(Body):
    """POST …/tokens"""

    user: Annotated[str, Field(max_length=1024)] | None = ""
    role: Annotated[str, Field(max_length=1024)] | None = ""
    preference: Preference | None = None


class Ability(Exact):
    audio: bool
    video: bool


class PermissionUpdate(Exact):
    """One entry of PATCH …/participants/{id}."""

    op: Literal["replace"]
    path: Annotated[
        str, Field(pattern=r"^/permission/(publish|subscribe)(/(audio|video))?$", max_length=64)
    ]
    value: bool | Ability

    @model_validator(mode="after")
    def _fits(self) -> PermissionUpdate:
        if isinstance(self.value, bool) != (self.path.count("/") == 3):
            raise ValueError("the value does not fit the path")
        return self

    @property
    def changes(self) -> list[PermissionChange]:
        right: Right = "publish" if self.path.startswith("/permission/publish") else "subscribe"
        value = self.value
        if isinstance(value, bool):
            return [PermissionChange(right, "audio" if "audio" in self.path else "video", value)]
        return [PermissionChange(right, each, getattr(value, each)) for each in KINDS]


class PermissionUpdates(
    RootModel[Annotated[list[PermissionUpdate], Field(max_length=64, fail_fast=True)]]
):
    @property
    def changes(self) -> tuple[PermissionChange, ...]:
        return tuple(change for update in self.root for change in update.changes)


class ViewUpdate(Exact):
    op: Literal["add", "remove"]
    path: Literal["/info/inViews"]
    value: Short

    @property
    def change(self) -> StreamChange:
        return ViewChange(self.value, self.op == "add")


class StatusUpdate(Exact):
    op: Literal["replace"]
    path: Annotated[str, Field(pattern=r"^/media/(audio|video)/status$", max_length=32)]
    value: Status

    @property
    def change(self) -> StatusChange:
        return StatusChange(self.path.split("/")[2], self.value == "active")


class AreaBody(Exact):
    """Fractions of the picture from 0 to 1: "1/3", or a number as the document has it."""

    left: FractionText
    top: FractionText
    width: FractionText
    height: FractionText

    @property
    def area(self) -> Area:
        sides = (self.left, self.top, self.width, self.height)
        return Area(*(Fraction(each) for each in sides))

    @model_validator(mode="after")
    def _fits(self) -> AreaBody:
        area = self.area
        if area.left + area.width > 1 or area.top + area.height > 1:
            raise ValueError("an area lies within the picture")
        return self


class RegionBody(Exact):
    id: Short
    shape: Literal["rectangle"] = "rectangle"
    area: AreaBody

    @property
    def region(self) -> Region:
        return Region(self.id, self.area.area)


class PlacedBody(Exact):
    """A region of a layout; without `stream` it is empty."""

    stream: Maybe[Short] = None
    region: RegionBody

    @property
    def placed(self) -> PlacedRegion:
        return PlacedRegion(self.region.region, self.stream)


class LayoutUpdate(Exact):
    """Of a mixed stream."""

    op: Literal["replace"]
    path: Literal["/info/layout"]
    value: Annotated[list[PlacedBody], Field(max_length=MOST_REGIONS, fail_fast=True)]

    @property
    def change(self) -> LayoutChange:
        return LayoutChange(tuple(each.placed for each in self.value))


class RegionUpdate(Exact):
    """Of a mixed stream."""

    op: Literal["replace"]
    path: Annotated[str, Field(pattern=r"^/info/layout/[0-9]{1,3}/stream$", max_length=32)]
    value: Short

    @property
    def change(self) -> RegionChange:
        return RegionChange(int(self.path.split("/")[3]), self.value)


StreamUpdate = ViewUpdate | StatusUpdate | LayoutUpdate | RegionUpdate


class StreamUpdates(RootModel[Annotated[list[StreamUpdate], Field(max_length=64, fail_fast=True)]]):
    """PATCH …/streams/{id}"""

    @property
    def changes(self) -> tuple[AnyStreamChange, ...]:
        return tuple(update.change for update in self.root)


class Size(Exact):
    width: Annotated[int, Field(ge=1, le=16384)]
    height: Annotated[int, Field(ge=1, le=16384)]

    @property
    def resolution(self) -> Resolution:
        return Resolution(self.width, self.height)


Framerate = Literal[6, 12, 15, 24, 30, 48, 60]
Factor = Annotated[str, Field(pattern=r"^x\d(\.\d+)?$", max_length=8)]
Interval = Literal[1, 2, 5, 30, 100]
assert FRAMERATES == (6, 12, 15, 24, 30, 48, 60)  # noqa: S101  one list, two spellings


class ParametersBody(Exact):
    resolution: Maybe[Size] = None
    framerate: Maybe[Annotated[float, Field(gt=0, le=240)]] = None
    bitrate: Maybe[Factor | Annotated[int, Field(gt=0)]] = None
    keyFrameInterval: Maybe[Annotated[float, Field(gt=0)]] = None  # noqa: N815

    @property
    def parameters(self) -> VideoParameters:
        size = self.resolution.resolution if self.resolution else None
        return VideoParameters(size, self.framerate, self.bitrate, self.keyFrameInterval)


class AudioFormatBody(Exact):
    codec: Short
    sampleRate: Maybe[Annotated[int, Field(gt=0)]] = None  # noqa: N815
    channelNum: Maybe[Annotated[int, Field(gt=0, le=16)]] = None  # noqa: N815


class VideoFormatBody(Exact):
    codec: Short
    profile: Maybe[Literal["CB", "B", "M", "E", "H"]] = None


class AudioOptions(Exact):
    from_: Annotated[Short, Field(alias="from")]
    format: Maybe[AudioFormatBody] = None

    @property
    def wanted(self) -> AudioWanted:
        given = self.format
        if given is None:
            return AudioWanted(self.from_)
        wanted = AudioFormat(given.codec.lower(), given.sampleRate, given.channelNum)
        return AudioWanted(self.from_, wanted)


class VideoOptions(Exact):
    from_: Annotated[Short, Field(alias="from")]
    format: Maybe[VideoFormatBody] = None
    parameters: ParametersBody = ParametersBody()

    @property
    def wanted(self) -> VideoWanted:
        given = self.format
        wanted = VideoFormat(given.codec.lower(), given.profile) if given else None
        return VideoWanted(self.from_, wanted, self.parameters.parameters)


class MediaOptions(Exact):
    """What to take: false for nothing of a kind."""

    audio: AudioOptions | Literal[False]
    video: VideoOptions | Literal[False]


class RecordingRequest(Body):
    """POST …/recordings"""

    container: Literal["auto", "mp4", "mkv", "webm", "ts"] = "auto"
    media: MediaOptions


class SourceUpdate(Exact):
    op: Literal["replace"]
    path: Annotated[str, Field(pattern=r"^/media/(audio|video)/from$", max_length=32)]
    value: Short

    @property
    def change(self) -> SourceChange:
        return SourceChange(self.path.split("/")[2], self.value)


class ResolutionUpdate(Exact):
    op: Literal["replace"]
    path: Literal["/media/video/parameters/resolution"]
    value: Size

    @property
    def change(self) -> ParametersChange:
        return ParametersChange(VideoParameters(resolution=self.value.resolution))


class FramerateUpdate(Exact):
    op: Literal["replace"]
    path: Literal["/media/video/parameters/framerate"]
    value: Framerate

    @property
    def change(self) -> ParametersChange:
        return ParametersChange(VideoParameters(framerate=self.value))


class BitrateUpdate(Exact):
    op: Literal["replace"]
    path: Literal["/media/video/parameters/bitrate"]
    value: Literal["x0.8", "x0.6", "x0.4", "x0.2"]

    @property
    def change(self) -> ParametersChange:
        return ParametersChange(VideoParameters(bitrate=self.value))


class IntervalUpdate(Exact):
    op: Literal["replace"]
    path: Literal["/media/video/parameters/keyFrameInterval"]
    value: Interval

    @property
    def change(self) -> ParametersChange:
        return ParametersChange(VideoParameters(keyframe_interval=self.value))


OutputUpdate = (
    StatusUpdate
    | SourceUpdate
    | ResolutionUpdate
    | FramerateUpdate
    | BitrateUpdate
    | IntervalUpdate
)


class OutputUpdates(RootModel[Annotated[list[OutputUpdate], Field(max_length=64, fail_fast=True)]]):
    """PATCH …/recordings/{id}"""

    @property
    def changes(self) -> tuple[OutputChange, ...]:
        return tuple(update.change for update in self.root)


class RoomRequest(Body):
    """POST /v1/rooms; `options` are those of a room."""

    name: Annotated[str, Field(min_length=1, max_length=1024)]
    options: dict[str, Any] | None = None


class PatchEntry(Body):
    """One operation of RFC 6902."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    path: Annotated[str, Field(max_length=1024)]
    from_: Annotated[str | None, Field(alias="from", max_length=1024)] = None
    value: Any = None

    def as_operation(self) -> dict[str, Any]:
        """Return the operation with what was sent of it."""
        names = {"from_": "from"}
        return {names.get(each, each): getattr(self, each) for each in self.model_fields_set}


class PatchEntries(RootModel[Annotated[list[PatchEntry], Field(max_length=64, fail_fast=True)]]):
    """PATCH /v1/rooms/{id}"""


class ErrorDetail(Body):
    code: int
    message: str


class ErrorAnswer(Body):
    error: ErrorDetail
