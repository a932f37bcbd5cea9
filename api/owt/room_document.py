"""The configuration of a room, with the original's defaults and bounds (fact sheet, section 4).

A document is what the API answers, without `_id`: JSON with the keys of the seed's `object(Room)`.
Unknown keys are dropped. Inside a view everything that is missing has its default; lists of formats
are taken as they are given.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic.alias_generators import to_camel

from api.owt.coercion import AsList, Boolean, FractionText, Number, Text, between, one_of

FRAMERATES = (6, 12, 15, 24, 30, 48, 60)


class Part(BaseModel):
    """A piece of the document: camelCase outside, unknown keys dropped, defaults made anew."""

    model_config = ConfigDict(
        extra="ignore", alias_generator=to_camel, populate_by_name=True, frozen=True
    )


class Rights(Part):
    audio: Boolean = False
    video: Boolean = False


class Role(Part):
    role: Text = ""
    publish: Rights = Rights()
    subscribe: Rights = Rights()


class AudioFormat(Part):
    codec: Annotated[Text, Field(min_length=1, max_length=64)]
    sample_rate: Number | None = None
    channel_num: Number | None = None


class VideoFormat(Part):
    codec: Annotated[Text, Field(min_length=1, max_length=64)]
    profile: Text | None = None


OPUS = AudioFormat(codec="opus", sample_rate=48000, channel_num=2)


class ViewAudio(Part):
    format: AudioFormat = OPUS
    vad: Boolean = True


class Resolution(Part):
    width: Annotated[int | float, between(1, 16384)]
    height: Annotated[int | float, between(1, 16384)]


class ViewParameters(Part):
    resolution: Resolution = Resolution(width=640, height=480)
    framerate: Number = 24
    bitrate: Number | None = None
    key_frame_interval: Number = 100


Channel = Annotated[int | float, between(0, 255)]


class Color(Part):
    r: Channel = 0
    g: Channel = 0
    b: Channel = 0


class Area(Part):
    left: FractionText
    top: FractionText
    width: FractionText
    height: FractionText


class Region(Part):
    id: Text
    shape: Annotated[str, one_of("rectangle")] = "rectangle"
    area: Area


class CustomLayout(Part):
    region: Annotated[list[Region], AsList] = []


class Templates(Part):
    base: Annotated[str, one_of("fluid", "lecture", "void")] = "fluid"
    custom: Annotated[list[CustomLayout], AsList] = []


class Layout(Part):
    fit_policy: Annotated[str, one_of("letterbox", "crop")] = "letterbox"
    set_region_effect: Annotated[str, one_of("exchange", "insert")] | None = None
    templates: Templates = Templates()


class ViewVideo(Part):
    format: VideoFormat = VideoFormat(codec="vp8")
    parameters: ViewParameters = ViewParameters()
    max_input: Annotated[int | float, between(1, 256)] = 16
    motion_factor: Number = 0.8
    bg_color: Color = Color()
    keep_active_input_primary: Boolean = False
    layout: Layout = Layout()


SEEN, UNSEEN = "seen", "unseen"


def _seen(value: object) -> str:
    return UNSEEN if value is False else SEEN


MaybeVideo = Annotated[
    Annotated[ViewVideo, Tag(SEEN)] | Annotated[Literal[False], Tag(UNSEEN)], Discriminator(_seen)
]
TAGS = (
    SEEN,
    UNSEEN,
    "int",
    "float",
    "str",
)  # steps in the place of an error that are not of the document


class View(Part):
    label: Annotated[Text, Field(min_length=1, max_length=64)] = "common"
    audio: ViewAudio = ViewAudio()
    video: MaybeVideo = ViewVideo()

    @model_validator(mode="before")
    @classmethod
    def _video_true(cls, value: Any) -> Any:
        """`true` asks for video as it comes."""
        if isinstance(value, dict) and value.get("video") is True:
            return {**value, "video": {}}
        return value


def _audio(*formats: str) -> list[AudioFormat]:
    found = []
    for text in formats:
        codec, *numbers = text.split("/")
        rate, channels = ([int(number) for number in numbers] + [None, None])[:2]
        found.append(AudioFormat(codec=codec, sample_rate=rate, channel_num=channels))
    return found


def _video(*formats: str) -> list[VideoFormat]:
    pairs = (text.split("/") for text in formats)
    return [VideoFormat(codec=codec, profile=rest[0] if rest else None) for codec, *rest in pairs]


Formats = Annotated[list[AudioFormat], AsList]
VideoFormats = Annotated[list[VideoFormat], AsList]
Words = Annotated[list[Text], AsList]
Numbers = Annotated[list[Number], AsList]
Factors = Annotated[list[int | float | str], AsList]


class MediaIn(Part):
    audio: Formats = []
    video: VideoFormats = []


class OutParameters(Part):
    resolution: Words = []
    framerate: Numbers = []
    bitrate: Factors = []
    key_frame_interval: Numbers = []


class VideoOut(Part):
    format: VideoFormats = []
    parameters: OutParameters = OutParameters()


class MediaOut(Part):
    audio: Formats = []
    video: VideoOut = VideoOut()


class TranscodedParameters(Part):
    resolution: Boolean = True
    framerate: Boolean = True
    bitrate: Boolean = True
    key_frame_interval: Boolean = True


class TranscodedVideo(Part):
    format: Boolean = True
    parameters: TranscodedParameters = TranscodedParameters()


class Transcoding(Part):
    audio: Boolean = True
    video: TranscodedVideo = TranscodedVideo()


class Notifying(Part):
    participant_activities: Boolean = True
    stream_change: Boolean = True


class Sip(Part):
    sip_server: Text | None = None
    username: Text | None = None
    password: Text | None = Field(None, repr=False)


AUDIO_IN = ("opus/48000/2", "isac/16000", "isac/32000", "g722/16000/1", "pcma", "pcmu")
AUDIO_IN_LAST = ("ac3", "nellymoser", "ilbc")
ROLES = (
    ("presenter", (True, True), (True, True)),
    ("viewer", (False, False), (True, True)),
    ("audio_only_presenter", (True, False), (True, False)),
    ("video_only_viewer", (False, False), (False, True)),
    ("sip", (True, True), (True, True)),
)


def _rights(pair: tuple[bool, bool]) -> Rights:
    return Rights(audio=pair[0], video=pair[1])


def _default_roles() -> list[Role]:
    return [
        Role(role=role, publish=_rights(publish), subscribe=_rights(subscribe))
        for role, publish, subscribe in ROLES
    ]


def _default_media_in() -> MediaIn:
    return MediaIn(
        audio=_audio(*AUDIO_IN, "aac", *AUDIO_IN_LAST), video=_video("h264", "vp8", "vp9")
    )


def _default_media_out() -> MediaOut:
    return MediaOut(
        audio=_audio(*AUDIO_IN, "aac/48000/2", *AUDIO_IN_LAST),
        video=VideoOut(
            format=_video("vp8", "h264/CB", "h264/B", "vp9"),
            parameters=OutParameters(
                resolution=[
                    "x3/4", "x2/3", "x1/2", "x1/3", "x1/4", "hd1080p", "hd720p", "svga", "vga",
                    "qvga", "cif",
                ],
                framerate=list(FRAMERATES),
                bitrate=["x0.8", "x0.6", "x0.4", "x0.2"],
                key_frame_interval=[100, 30, 5, 2, 1],
            ),
        ),
    )  # fmt: skip


class Hls(Part):
    """Ours: whether anybody may watch by HLS, where the server has that on (`streaming.hls`)."""

    public: Boolean = False


class RoomDocument(Part):
    """A room's configuration. Limits of -1 mean none."""

    name: Annotated[Text, Field(min_length=1, max_length=1024)]
    input_limit: Number = -1
    participant_limit: Number = -1
    roles: Annotated[list[Role], AsList] = Field(default_factory=_default_roles)
    views: Annotated[list[View], AsList] = Field(default_factory=lambda: [View()])
    media_in: MediaIn = Field(default_factory=_default_media_in)
    media_out: MediaOut = Field(default_factory=_default_media_out)
    transcoding: Transcoding = Transcoding()
    notifying: Notifying = Notifying()
    sip: Sip | None = None
    hls: Hls | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the document with the names of the API, without what is not set."""
        return self.model_dump(by_alias=True, exclude_none=True)
