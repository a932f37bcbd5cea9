"""Short clips as bytes, made in this process."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache

import av
import numpy as np

FRAMES = 20
RATE = 10


@cache
def clip(container: str, first: int = 0) -> bytes:
    """Return a clip of FRAMES pictures (MPEG-2 in mpegts, else MPEG-4), which start at `first`."""
    file = io.BytesIO()
    with av.open(file, "w", container) as output:
        stream = output.add_stream("mpeg2video" if container == "mpegts" else "mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for number in range(first, first + FRAMES):
            frame = av.VideoFrame.from_ndarray(
                np.full((72, 64), number % 250, np.uint8), format="yuv420p"
            )
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()
