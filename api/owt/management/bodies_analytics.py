"""Bodies of the REST API about analytics, and what its ids of algorithms mean here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from actors.words.analytics import StartAnalytic
from api.owt.management.bodies import AudioOptions, Body, Exact, VideoOptions

ALGORITHMS = {
    "dc51138a8284436f873418a21ba8cfa7": "dummy",
    "b849f44bee074b08bf3e627f3fc927c7": "face",
}
"""The original's two, and our names of them; `face` is for whoever installs one."""

Algorithm = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$", max_length=64)]


class AnalysedOptions(Exact):
    """What to look at or listen to; one of them."""

    audio: AudioOptions | Literal[False] = False
    video: VideoOptions | Literal[False] = False

    @model_validator(mode="after")
    def _something(self) -> AnalysedOptions:
        if not self.audio and not self.video:
            raise ValueError("an analytic has something to analyse")
        return self


class AnalyticsRequest(Body):
    """POST …/analytics; with `notify`, the events are said to all in the room."""

    algorithm: Algorithm
    media: AnalysedOptions
    notify: bool = False

    @property
    def order(self) -> StartAnalytic:
        media = self.media
        return StartAnalytic(
            ALGORITHMS.get(self.algorithm, self.algorithm),
            media.audio.wanted if media.audio else None,
            media.video.wanted if media.video else None,
            self.notify,
            self.algorithm,
        )
