"""Decoded pictures of one stream, encoded again for one target."""

from __future__ import annotations

import msgspec
from av import VideoFrame

from media.contract.jobs import PICTURE, Composition, Place, VideoTarget
from media.job.composing import Composer
from media.job.followed_time import FollowedTime, FrameThinner
from media.job.picture_input import TimedPicture
from media.job.picture_output import PictureOutput
from media.job.work import Outside, WorkFigures

SMALLEST = 16  # pixels of a side, which encoders take
STILL_SECONDS = 0.3  # with no picture, the latest is sent again to whoever wants a keyframe


class TranscodedPicture:
    """What becomes of the pictures: chosen, scaled, and sent at their source's time.

    A target of no size has that of the picture, which may change: there is nothing to send before
    the first one.
    """

    def __init__(self, target: VideoTarget, outside: Outside, figures: WorkFigures) -> None:
        self._outside = outside
        self._figures = figures
        self._time = FollowedTime()
        self._output: PictureOutput | None = None
        self._composer: Composer | None = None
        self._made: VideoTarget | None = None  # of the output and the composer
        self._latest: VideoFrame | None = None
        self._shown_at = 0.0
        self._target = target
        self._thinner = FrameThinner(target.framerate)

    @property
    def repeat_due(self) -> float:
        """When the latest picture is sent again, for a keyframe is wanted and none comes."""
        if self._latest is None or self._output is None:
            return float("inf")
        return max(self._shown_at + STILL_SECONDS, self._output.keyframe_due)

    def aim_at(self, target: VideoTarget) -> None:
        """Go on with this target."""
        if target == self._target:
            return
        if target.framerate != self._target.framerate:
            self._thinner = FrameThinner(target.framerate)
        self._target = target

    def change_source(self) -> None:
        """Go on with pictures of another source."""
        self._time.change_source()

    def forget_clock(self) -> None:
        """Say at the next picture which moment it is."""
        if self._output is not None:
            self._output.forget_clock()

    def want_keyframe(self) -> None:
        """Send a keyframe soon; the first picture is one anyway."""
        if self._output is not None:
            self._output.want_keyframe()

    def show(self, pictures: list[TimedPicture], now: float) -> None:
        """Send those of the pictures that the target's framerate has room for."""
        for picture in pictures:
            jumps = self._time.jumps
            timestamp = self._time.follow(picture.timestamp, picture.arrival)
            if self._time.jumps != jumps and self._output is not None:
                self._output.forget_clock()
            if self._thinner.keeps(timestamp):
                self._latest = picture.frame
                self._send(picture.frame, timestamp, picture.moment, now)

    def repeat(self, now: float) -> None:
        """Send the latest picture again."""
        if self._latest is not None:
            self._send(self._latest, self._time.repeat(now), now, now)

    def _send(self, frame: VideoFrame, timestamp: int, moment: float, now: float) -> None:
        self._shown_at = now
        output, composer = self._made_for(_sized(self._target, frame))
        output.show(composer.compose({PICTURE: frame}), timestamp, moment, now)

    def _made_for(self, target: VideoTarget) -> tuple[PictureOutput, Composer]:
        if self._output is None:
            self._output = PictureOutput(PICTURE, target, self._outside, self._figures)
        if self._composer is None or target != self._made:
            self._output.change(target)
            self._composer = Composer(Composition(target, (Place(PICTURE, 0.0, 0.0, 1.0, 1.0),)))
            self._made = target
        return self._output, self._composer


def _sized(target: VideoTarget, frame: VideoFrame) -> VideoTarget:
    """Return the target, with the size of the picture where it has none; sides are even."""
    if target.width and target.height:
        return target
    width, height = (max(side // 2 * 2, SMALLEST) for side in (frame.width, frame.height))
    return msgspec.structs.replace(target, width=width, height=height)
