"""Bodies of the REST API about telephone calls. A null is a key that was left out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel, model_validator

from actors.words.calls import StartCall
from actors.words.facts import Presence
from actors.words.streams import (
    AudioWanted,
    OutputChange,
    ParametersChange,
    SourceChange,
    VideoParameters,
    VideoWanted,
)
from api.owt.management.bodies import (
    Body,
    Exact,
    Framerate,
    Interval,
    ParametersBody,
    Short,
    Size,
)
from api.owt.nulls import without_nulls


class CallMediaIn(Exact):
    """What the other side may send."""

    audio: Literal[True]
    video: bool


class CallAudioOut(Exact):
    from_: Annotated[Short, Field(alias="from")]


class CallVideoOut(Exact):
    from_: Annotated[Short, Field(alias="from")]
    parameters: ParametersBody = ParametersBody()


class CallMediaOut(Exact):
    """What is sent to the other side."""

    audio: CallAudioOut
    video: CallVideoOut | Literal[False]


class SipCallRequest(Body):
    """POST …/sipcalls"""

    peerURI: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]  # noqa: N815
    mediaIn: CallMediaIn  # noqa: N815
    mediaOut: CallMediaOut  # noqa: N815

    @model_validator(mode="before")
    @classmethod
    def _nulls_left_out(cls, value: Any) -> Any:
        return without_nulls(value)

    @model_validator(mode="after")
    def _one_word_about_video(self) -> SipCallRequest:
        if self.mediaIn.video != bool(self.mediaOut.video):
            raise ValueError("video goes both ways, or neither")
        return self

    def order(self, presence: Presence) -> StartCall:
        """Return what the room is asked for; `presence` is who is called."""
        video = self.mediaOut.video
        return StartCall(
            self.peerURI,
            presence,
            self.mediaIn.video,
            AudioWanted(self.mediaOut.audio.from_),
            VideoWanted(video.from_, None, video.parameters.parameters) if video else None,
        )


class CallSourceUpdate(Exact):
    op: Literal["replace"]
    path: Annotated[str, Field(pattern=r"^/output/media/(audio|video)/from$", max_length=32)]
    value: Short

    @property
    def change(self) -> SourceChange:
        return SourceChange(self.path.split("/")[3], self.value)


class CallResolutionUpdate(Exact):
    op: Literal["replace"]
    path: Literal["/output/media/video/parameters/resolution"]
    value: Size

    @property
    def change(self) -> ParametersChange:
        return ParametersChange(VideoParameters(resolution=self.value.resolution))


class CallFramerateUpdate(Exact):
    op: Literal["replace"]
    path: Literal["/output/media/video/parameters/framerate"]
    value: Framerate

    @property
    def change(self) -> ParametersChange:
        return ParametersChange(VideoParameters(framerate=self.value))


class CallBitrateUpdate(Exact):
    op: Literal["replace"]
    path: Literal["/output/media/video/parameters/bitrate"]
    value: Literal["x0.8", "x0.6", "x0.4", "x0.2"]

    @property
    def change(self) -> ParametersChange:
        return ParametersChange(VideoParameters(bitrate=self.value))


class CallIntervalUpdate(Exact):
    op: Literal["replace"]
    path: Literal["/output/media/video/parameters/keyFrameInterval"]
    value: Interval

    @property
    def change(self) -> ParametersChange:
        return ParametersChange(VideoParameters(keyframe_interval=self.value))


class SipCallUpdates(
    RootModel[
        Annotated[
            list[
                CallSourceUpdate
                | CallResolutionUpdate
                | CallFramerateUpdate
                | CallBitrateUpdate
                | CallIntervalUpdate
            ],
            Field(max_length=64, fail_fast=True),
        ]
    ]
):
    """PATCH …/sipcalls/{id}"""

    @property
    def changes(self) -> tuple[OutputChange, ...]:
        return tuple(update.change for update in self.root)
