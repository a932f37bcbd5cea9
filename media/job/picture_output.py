"""One output of pictures: encoded, cut into packets and sent, with keyframes at their time."""

from __future__ import annotations

from av import VideoFrame

from media.contract.jobs import VideoTarget
from media.job.picture_encoder import PictureEncoder
from media.job.picture_packets import payload_maker
from media.job.work import Outside, WorkFigures

KEYFRAME_SECONDS = 1.0  # between two that were asked for, in the long run
SAVED_SECONDS = 1.0  # of that, for one that is early: the first one finds nobody there yet
CLOCK_SECONDS = 1.0  # how often it is told which moment a timestamp was


class PictureOutput:
    """Sends pictures of one target at a time; another one begins with a keyframe.

    Where there was no room for a packet, nothing more is sent before the next keyframe: what
    refers to a lost picture is garbage.
    """

    def __init__(
        self, name: str, target: VideoTarget, outside: Outside, figures: WorkFigures
    ) -> None:
        self._name = name
        self._outside = outside
        self._figures = figures
        self._target = target
        self._encoder = PictureEncoder(target)
        self._payloads = payload_maker(target.codec)
        self._keyframe_wanted = True
        self._keyframe_at = self._paced_until = float("-inf")
        self._broken = False
        self._clock_at = float("-inf")

    @property
    def keyframe_due(self) -> float:
        """When the keyframe may be sent that was asked for; infinite if none was."""
        if not self._keyframe_wanted:
            return float("inf")
        return self._paced_until - SAVED_SECONDS

    def change(self, target: VideoTarget) -> None:
        """Send this from now on."""
        before, self._target = self._target, target
        if _encodes_alike(before, target):
            return
        self._encoder = PictureEncoder(target)
        if target.codec != before.codec:
            self._payloads = payload_maker(target.codec)
        # It begins with one, however short the last one is ago.
        self._keyframe_at = self._paced_until = float("-inf")
        self._keyframe_wanted = True

    def want_keyframe(self) -> None:
        """Send a keyframe as soon as one may be."""
        self._keyframe_wanted = True

    def forget_clock(self) -> None:
        """Say at the next picture which moment it is: time has jumped."""
        self._clock_at = float("-inf")

    def show(self, frame: VideoFrame, timestamp: int, moment: float, now: float) -> None:
        """Encode and send a picture that belongs to a moment; `timestamp` in 90 kHz."""
        longest = self._keyframe_at + self._target.keyframe_seconds
        keyframe = now >= min(self.keyframe_due, longest)
        encoded = self._encoder.encode(frame, timestamp, keyframe=keyframe)
        if encoded is None:
            return
        if encoded.keyframe:
            self._keyframe_wanted = self._broken = False
            self._keyframe_at = now
            self._paced_until = max(self._paced_until, now) + KEYFRAME_SECONDS
        payloads = self._payloads(encoded.data)
        if self._broken:
            return
        if now - self._clock_at >= CLOCK_SECONDS:
            self._clock_at = now
            self._outside.clock(self._name, timestamp, moment)
        last = len(payloads) - 1
        for index, payload in enumerate(payloads):
            if not self._outside.send(self._name, payload, timestamp, marker=index == last):
                self._broken = self._keyframe_wanted = True
                return
        self._figures.frames_out += 1


def _encodes_alike(one: VideoTarget, other: VideoTarget) -> bool:
    parts = ("codec", "width", "height", "framerate", "bitrate", "profile")
    return all(getattr(one, part) == getattr(other, part) for part in parts)
