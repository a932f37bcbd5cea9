"""Pictures to encoded ones, with FFmpeg in this thread alone: libvpx, and libx264 or hardware.

Both for calls: each picture comes out at once, refers only to ones before it, and a receiver can
begin at every keyframe. Keyframes come when they are asked for and never by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av import VideoFrame
from av.video.frame import PictureType
from av.video.reformatter import ColorRange

from media.contract.jobs import VideoTarget
from media.job.composing import FORMAT
from media.job.h264_encoders import HARDWARE, SOFTWARE, chosen
from media.job.picture_decoder import CLOCK_RATE
from media.rtp.h264_levels import encoder_profile, level_of

_BT601 = 6  # as in H.273, the same number of all three
_NEVER = 1_000_000  # pictures between keyframes
_LARGE = 640 * 480 * 30  # pixels a second, from which on an encoder saves processor time


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """H.264 is a byte stream with start codes; its keyframes have their parameter sets."""

    data: bytes
    keyframe: bool


class PictureEncoder:
    """Encodes for one target for all its life."""

    def __init__(self, target: VideoTarget) -> None:
        if target.codec == "h264" and chosen() != SOFTWARE:
            try:
                self._context = _opened(target, chosen(), HARDWARE[chosen()])
            except (av.FFmpegError, ValueError):  # it may not take such a size
                self._context = _opened(target, *_h264(target))
        else:
            self._context = _opened(target, *_ENCODERS[target.codec](target))
        self._latest = -1

    def encode(self, frame: VideoFrame, timestamp: int, *, keyframe: bool) -> EncodedPicture | None:
        """Encode a picture of the target's size; None where the encoder leaves it out.

        `timestamp` in 90 kHz only tells how much time has passed; it need not fit the one before.
        The frame may be drawn on afterwards.
        """
        self._latest = max(self._latest + 1, timestamp)
        frame.pts, frame.time_base = self._latest, Fraction(1, CLOCK_RATE)
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        packets = self._context.encode(frame)
        if not packets:
            return None
        return EncodedPicture(
            b"".join(map(bytes, packets)), any(packet.is_keyframe for packet in packets)
        )


def _opened(target: VideoTarget, name: str, options: dict[str, str]) -> Any:
    """Return an encoder of FFmpeg. Raises FFmpegError, ValueError."""
    context: Any = av.CodecContext.create(name, "w")  # known by name only when it runs
    context.width, context.height, context.pix_fmt = target.width, target.height, FORMAT
    context.framerate = Fraction(target.framerate).limit_denominator(1001)
    context.time_base = Fraction(1, CLOCK_RATE)
    context.bit_rate = target.bitrate * 1000
    context.gop_size = _NEVER
    context.thread_count = 1
    # Browsers take H.264 for BT.709 if it does not say that it is as composing.py has it.
    context.colorspace = context.color_primaries = context.color_trc = _BT601
    context.color_range = ColorRange.MPEG
    context.options = options
    context.open()
    return context


def _large(target: VideoTarget) -> bool:
    return target.width * target.height * target.framerate > _LARGE


def _vp8(target: VideoTarget) -> tuple[str, dict[str, str]]:
    return "libvpx", {
        "deadline": "realtime",
        "cpu-used": "16" if _large(target) else "12",
        "lag-in-frames": "0",
        "error-resilient": "default",
        "auto-alt-ref": "0",
        "keyint_min": str(_NEVER),  # as the longest distance: no keyframe by itself
        "minrate": f"{target.bitrate}k",  # and as maxrate: a constant bitrate
        "maxrate": f"{target.bitrate}k",
        "bufsize": f"{target.bitrate // 2}k",
        "drop-threshold": "1",  # where the coarsest is too much, pictures are left out
        "max-intra-rate": "900",  # percent of a picture's share, for a keyframe
    }


def _h264(target: VideoTarget) -> tuple[str, dict[str, str]]:
    level = level_of(target.width, target.height, target.framerate, target.bitrate)
    return SOFTWARE, {
        "preset": "ultrafast" if _large(target) else "superfast",
        "tune": "zerolatency",
        "profile": encoder_profile(target),
        "level": str(level),
        "forced-idr": "1",
        "maxrate": f"{target.bitrate}k",
        "bufsize": f"{target.bitrate // 2}k",
        "x264-params": "scenecut=0:keyint=infinite:bframes=0:repeat-headers=1:sliced-threads=0",
    }


_ENCODERS = {"vp8": _vp8, "h264": _h264}
