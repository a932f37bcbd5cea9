"""Which encoder of H.264 a process uses: one in hardware where a picture comes out of it.

Those are tried that FFmpeg's wheels for Python bring along. On most servers all of them refuse, and
libx264 encodes in software, as it does each picture of a size that the hardware refuses.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

SOFTWARE = "libx264"
HARDWARE = {  # with what makes each of them send every picture at once, and keyframes when asked
    "h264_nvenc": {"preset": "p1", "tune": "ull", "zerolatency": "1", "forced-idr": "1", "bf": "0"},
    "h264_qsv": {"preset": "veryfast", "async_depth": "1", "forced_idr": "1", "bf": "0"},
    "h264_v4l2m2m": {},
}
_SIZE = 320, 240
_chosen = SOFTWARE


def choose(*, hardware: bool) -> str:
    """Choose the encoder of this process, and return FFmpeg's name of it."""
    global _chosen
    _chosen = next(filter(works, HARDWARE), SOFTWARE) if hardware else SOFTWARE
    return _chosen


def chosen() -> str:
    """Return FFmpeg's name of the encoder: libx264 unless `choose` has found another one."""
    return _chosen


def works(name: str) -> bool:
    """Try a picture on an encoder of FFmpeg."""
    try:
        context: Any = av.CodecContext.create(name, "w")
        context.width, context.height = _SIZE
        context.pix_fmt = "yuv420p"
        context.time_base, context.framerate = Fraction(1, 90_000), Fraction(24)
        context.options = HARDWARE.get(name, {"tune": "zerolatency"})
        frame = av.VideoFrame(*_SIZE, "yuv420p")
        frame.pts = 0
        return bool(context.encode(frame))
    except (av.FFmpegError, ValueError):  # UnknownCodecError is a ValueError
        return False
