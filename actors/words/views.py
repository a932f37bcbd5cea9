"""Mixed views of a room: how they are configured, and how they are at the moment.

A view is a stream that the server makes of others: `MixedStream`, listed from the room's start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from actors.core.message import Message
from actors.words.streams import (
    AudioFormat,
    AudioTrack,
    Stream,
    StreamChange,
    VideoFormat,
    VideoParameters,
    VideoTrack,
)


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle, in fractions of the whole picture from 0 to 1."""

    left: Fraction
    top: Fraction
    width: Fraction
    height: Fraction


@dataclass(frozen=True, slots=True)
class Region:
    """A place of a layout; `id` is its name in the layout."""

    id: str
    area: Area


Template = tuple[Region, ...]
"""A layout without its streams; the first region is the primary one."""


@dataclass(frozen=True, slots=True)
class PlacedRegion:
    """A region, and the stream that is shown there."""

    region: Region
    stream: str | None = None


class SetRegionEffect(StrEnum):
    """What happens to the stream in whose region another one is put."""

    EXCHANGE = "exchange"  # it goes where the other one was
    INSERT = "insert"  # it moves on by one, and so do all behind it


class TemplateBase(StrEnum):
    """Which templates a view has besides its own."""

    FLUID = "fluid"
    LECTURE = "lecture"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class ViewVideo:
    """The picture of a view. `background` is red, green, blue, 0 to 255 each.

    `parameters` are whole: a resolution, a framerate, a keyframe interval; a bitrate if it is
    given, else `motion_factor` scales the usual one. With `keep_active_primary` whoever speaks is
    shown in the first region.
    """

    format: VideoFormat
    parameters: VideoParameters
    max_input: int = 16
    background: tuple[int, int, int] = (0, 0, 0)
    crop: bool = False
    keep_active_primary: bool = False
    motion_factor: float = 0.8
    effect: SetRegionEffect = SetRegionEffect.EXCHANGE
    base: TemplateBase = TemplateBase.FLUID
    custom: tuple[Template, ...] = ()


@dataclass(frozen=True, slots=True)
class ViewRules:
    """A view as it is configured. `id` is that of its stream; without `video` it is sound alone."""

    label: str
    id: str
    audio: AudioFormat
    video: ViewVideo | None = None
    vad: bool = True  # tell who speaks


@dataclass(frozen=True, slots=True)
class OutputRules:
    """What takers may have besides what comes: the formats and parameters that a room offers.

    `resolutions` are words ("x1/2", "hd720p", "vga", …), `bitrates` words ("x0.8"). What is not to
    be transcoded is not offered, whatever the lists say.
    """

    audio: tuple[AudioFormat, ...] = ()
    video: tuple[VideoFormat, ...] = ()
    resolutions: tuple[str, ...] = ()
    framerates: tuple[float, ...] = ()
    bitrates: tuple[str, ...] = ()
    keyframe_intervals: tuple[float, ...] = ()
    transcodes_audio: bool = False
    transcodes_format: bool = False
    transcodes_resolution: bool = False
    transcodes_framerate: bool = False
    transcodes_bitrate: bool = False
    transcodes_keyframe_interval: bool = False


AS_IT_COMES_ONLY = OutputRules()


@dataclass(frozen=True, slots=True)
class MixedStream(Message):
    """A view that can be taken. `active_input` is the stream of who speaks, if anybody does."""

    id: str
    label: str
    audio: AudioTrack | None
    video: VideoTrack | None
    layout: tuple[PlacedRegion, ...] = ()
    active_input: str | None = None
    inputs: tuple[str, ...] = field(default=())  # streams that are mixed, in order of coming


AnyStream = Stream | MixedStream


@dataclass(frozen=True, slots=True)
class LayoutChange:
    """Show a view like this until streams come or go: empty regions last, no stream twice."""

    layout: tuple[PlacedRegion, ...]


@dataclass(frozen=True, slots=True)
class RegionChange:
    """Show a stream in the region of this index; what is there goes where the stream was."""

    index: int
    stream: str


AnyStreamChange = StreamChange | LayoutChange | RegionChange
