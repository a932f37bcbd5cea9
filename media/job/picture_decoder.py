"""Encoded frames of one stream to pictures, with FFmpeg in this thread alone."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

import av
from av import VideoFrame
from av.video.reformatter import ColorRange

from media.rtp.depayload import Frame
from media.rtp.h264 import with_start_codes

CLOCK_RATE = 90_000
MOST_PIXELS = 4096 * 2304  # of a picture: a header alone can claim 400 MB
_DECODERS = {"vp8": "vp8", "h264": "h264"}


class Decoder(Protocol):
    """Decodes one stream."""

    def decode(self, frame: Frame, time: int) -> list[VideoFrame]:
        """Return the pictures that can be shown now; `pts` of each is the time it was given.

        Raises av.FFmpegError for what it cannot read; what comes next is a keyframe, then.
        """
        ...


OpenDecoder = Callable[[str], Decoder]


def open_decoder(codec: str) -> Decoder:
    """Return a decoder. Raises ValueError for a codec that it is not for."""
    return _FfmpegDecoder(codec)


class _FfmpegDecoder:
    def __init__(self, codec: str) -> None:
        if codec not in _DECODERS:
            raise ValueError(f"no pictures of {codec}")
        self._in_units = codec == "h264"
        self._context = av.CodecContext.create(_DECODERS[codec], "r")
        self._context.thread_count = 1
        self._context.options = {"max_pixels": str(MOST_PIXELS)}

    def decode(self, frame: Frame, time: int) -> list[VideoFrame]:
        packet = av.Packet(with_start_codes(frame.data) if self._in_units else frame.data)
        packet.pts = packet.dts = time
        packet.time_base = Fraction(1, CLOCK_RATE)
        # The context's own type is that of every codec.
        frames = [each for each in self._context.decode(packet) if isinstance(each, VideoFrame)]  # type: ignore[attr-defined]
        if not self._in_units:
            for each in frames:  # VP8 has no other, but FFmpeg takes its clamping type for one
                each.color_range = ColorRange.MPEG
        return frames
